/**
 * The catalogue of checks: the claim of each, the expected observation, and the sources.
 *
 * It holds knowledge only. Experiments carry the checks out, the parent decides them, and the views
 * print them.
 *
 * @module
 */

/** One of the two programs. */
export type Side = "parent" | "child";

/** A check, before any run. */
export interface CheckDescription {
  /** A sentence that may be false. */
  readonly claim: string;
  /** The observation if the claim holds. */
  readonly expected: string;
  /**
   * The program whose behaviour the claim is about. The parent decides every check; the sources of
   * a decision (`seen_by`) are listed with each result.
   */
  readonly side: Side;
  /** Manual pages, kernel functions, files of this project, design decisions. */
  readonly source: string;
  /**
   * The observation depends on the interface as well as on the program, as in every check of
   * frames. If the interface changes during the run, the check shows nothing.
   */
  readonly restsOnInterface?: true;
}

/** Every check, by its stable id. */
export const CHECKS = {
  "SOCK-01": {
    claim: "The packet socket is bound to the requested interface and protocol",
    expected: "getsockname names the ifindex and ETH_P_ALL",
    side: "parent",
    source: "packet(7); packet_getname in net/packet/af_packet.c; D1",
    restsOnInterface: true,
  },
  "SOCK-02": {
    claim: "No frame from before the bind is queued on the packet socket",
    expected: "no frame queued or counted before the bind, not even one sent on purpose",
    side: "parent",
    source: "packet(7), sll_protocol; packet_create in net/packet/af_packet.c",
  },
  "PASS-01": {
    claim: "The child holds no packet socket before the message arrives",
    expected: "one process, with no AF_PACKET socket among its descriptors or hidden elsewhere",
    side: "child",
    source: "open(2), O_CLOEXEC; close_range(2); D24",
  },
  "PASS-02": {
    claim: "The message carries exactly one descriptor",
    expected: "one more packet socket than before the message; no control message truncated",
    side: "child",
    source: "unix(7), SCM_RIGHTS; scm_detach_fds in net/core/scm.c",
  },
  "PASS-03": {
    claim: "The child received the very socket that the parent sent",
    expected: "one open file description on both sides (kcmp), and no other packet socket",
    side: "parent",
    source: "kcmp(2), KCMP_FILE; unix(7): a reference to the same open file description",
  },
  "DROP-01": {
    claim: "No thread of the child has a supplementary group",
    expected: "Groups: empty on every thread",
    side: "child",
    source: "setgroups(2); proc_pid_status(5); D24",
  },
  "DROP-02": {
    claim: "The real, effective, saved and filesystem gids of every thread are unprivileged",
    expected: "all four gids are the target's on every thread",
    side: "child",
    source: "setresgid(2); proc_pid_status(5); nptl(7); D24",
  },
  "DROP-03": {
    claim: "The real, effective, saved and filesystem uids of every thread are unprivileged",
    expected: "all four uids are the target's on every thread",
    side: "child",
    source: "setresuid(2); proc_pid_status(5); nptl(7); D24",
  },
  "DROP-04": {
    claim: "No thread of the child has a usable capability",
    expected: "CapInh, CapPrm, CapEff and CapAmb are 0 on every thread",
    side: "child",
    source:
      "capabilities(7), effect of user ID changes; cap_emulate_setxuid in security/commoncap.c; D24",
  },
  "DROP-05": {
    claim: "The child cannot become root again",
    expected:
      "NoNewPrivs since launch; setresuid, setresgid and setgroups refused with EPERM on every " +
      "thread; it holds nothing else of root's",
    side: "child",
    source: "setresuid(2), setresgid(2), setgroups(2), ERRORS; D24",
  },
  "DENY-01": {
    claim: "The child cannot create a packet socket, and the drop is the reason",
    expected: "socket(AF_PACKET) refused with EPERM on every thread; it succeeded before the drop",
    side: "child",
    source: "packet(7), ERRORS; packet_create in net/packet/af_packet.c; D24",
  },
  "RECV-01": {
    claim: "The child captures packets with the passed socket after the drop",
    expected: "as many packets as requested, sent or seen by root's own socket after the drop",
    side: "parent",
    source: "packet(7); D24",
    restsOnInterface: true,
  },
  "RECV-02": {
    claim: "The packets that the child captured were sent to the interface during this run",
    expected:
      "as many frames of the stimulus as requested, recognized by the secrets behind their IP " +
      "packets; without a stimulus, as many frames that root's own socket saw too",
    side: "parent",
    source: "D24",
    restsOnInterface: true,
  },
  "RECV-03": {
    claim: "The child's socket keeps working after the parent has closed its own copy",
    expected: "no copy left in the parent, and frames sent after the close arrive in the child",
    side: "parent",
    source: "unix(7); close(2), open file descriptions; D24",
    restsOnInterface: true,
  },
  "AUTH-01": {
    claim: "As passed, the socket allows exactly the operations listed for this kernel",
    expected: "every operation has its listed outcome",
    side: "parent",
    source: "net/packet/af_packet.c: only packet_create checks CAP_NET_RAW; D24",
    restsOnInterface: true,
  },
  "AUTH-02": {
    claim: "Each protection alone takes away exactly the operations listed for it",
    expected: "every operation has its listed outcome",
    side: "parent",
    source: "lib/confine/protections.ts; D24",
    restsOnInterface: true,
  },
  "AUTH-03": {
    claim: "Under all protections together, the worker can do nothing with the socket but receive",
    expected: "every operation refused, with its listed errno",
    side: "parent",
    source: "seccomp(2); lib/confine/policy.ts; D24",
  },
  "AUTH-04": {
    claim: "Under all protections together, packets still arrive",
    expected: "as many frames of the stimulus as requested, after the attack",
    side: "parent",
    source: "D24",
    restsOnInterface: true,
  },
  "URING-01": {
    claim: "A process without privileges, under no_new_privs, can create an io_uring",
    expected: "io_uring_setup returns a ring; no thread has uid 0, a capability, or NoNewPrivs 0",
    side: "child",
    source: "io_uring_setup(2); kernel.io_uring_disabled; D7",
  },
  "URING-02": {
    claim: "IORING_OP_RECV receives from the passed socket",
    expected: "as many frames of the stimulus as requested",
    side: "parent",
    source: "io_uring_enter(2), IORING_OP_RECV; io_recv in io_uring/net.c; D7",
    restsOnInterface: true,
  },
  "URING-03": {
    claim: "IORING_OP_RECVMSG receives from the passed socket",
    expected: "as many frames of the stimulus as requested",
    side: "parent",
    source: "io_uring_enter(2), IORING_OP_RECVMSG; D7",
    restsOnInterface: true,
  },
  "URING-04": {
    claim: "IORING_OP_READ receives from the passed socket",
    expected: "as many frames of the stimulus as requested",
    side: "parent",
    source: "io_uring_enter(2), IORING_OP_READ; sock_read_iter in net/socket.c; D7",
    restsOnInterface: true,
  },
  "URING-05": {
    claim:
      "The passed socket can be registered with the ring, and the ring receives from the registered file",
    expected: "as many frames of the stimulus as requested",
    side: "parent",
    source: "io_uring_register(2), IORING_REGISTER_FILES; D7",
    restsOnInterface: true,
  },
  "URING-06": {
    claim: "One multishot RECV receives frame after frame into a provided buffer ring",
    expected: "as many frames of the stimulus as requested, from one submission",
    side: "parent",
    source: "io_uring_enter(2), IORING_RECV_MULTISHOT; io_uring_register(2), PBUF_RING; D7",
    restsOnInterface: true,
  },
  "URING-07": {
    claim:
      "A multishot RECV ends when its buffers run out, and loses no frame if it is submitted again",
    expected: "every frame of a burst larger than the buffers, from more than one submission",
    side: "parent",
    source: "io_uring_enter(2), ENOBUFS; io_recv_finish in io_uring/net.c; D7",
    restsOnInterface: true,
  },
  "URING-08": {
    claim: "A ring that is restricted to RECV on a registered file receives",
    expected: "as many frames of the stimulus as requested",
    side: "parent",
    source:
      "io_uring_register(2), IORING_REGISTER_RESTRICTIONS; lib/receive/restricted_ring.ts; D7",
    restsOnInterface: true,
  },
  "URING-09": {
    claim: "The restricted ring refuses everything else",
    expected: "EACCES for every other operation and registration",
    side: "child",
    source: "io_uring_register(2), IORING_REGISTER_RESTRICTIONS; io_check_restriction; D7, D24",
  },
  "URING-10": {
    claim:
      "A plain ring from before the drop acts with the credentials of the process that submits to it",
    expected: "EACCES for root's file, EPERM for a packet socket",
    side: "parent",
    source: "io_uring/io_uring.c: requests take the submitter's credentials; CVE-2024-22017",
  },
  "URING-11": {
    claim: "An SQPOLL ring from before the drop still acts as root, so it must be closed",
    expected: "the child has no privileges, and yet root's file and a packet socket are open in it",
    side: "parent",
    source: "IORING_SETUP_SQPOLL; io_sq_thread in io_uring/sqpoll.c; CVE-2024-22017",
  },
  "URING-12": {
    claim:
      "A personality registered before the drop still acts as root, so its ring must be closed",
    expected: "the child has no privileges, and yet root's file and a packet socket are open in it",
    side: "parent",
    source: "io_uring_register(2), IORING_REGISTER_PERSONALITY; io_init_req; CVE-2024-22017",
  },
  "URING-13": {
    claim: "Rings from before the drop open nothing once they are closed",
    expected: "none of the closed rings opens anything",
    side: "parent",
    source: "close(2); lib/confine/protections.ts, closed-descriptors",
  },
  "URING-14": {
    claim: "A hardened worker receives with a restricted ring",
    expected: "as many frames of the stimulus as requested, under all protections",
    side: "parent",
    source: "lib/confine/policy.ts; D7, D24",
    restsOnInterface: true,
  },
  "PATH-01": {
    claim:
      "recvmsg(2) delivers every frame once, in order, byte for byte, to the unprivileged child",
    expected: "the digests of the frames that were sent, in their order; no drop counted",
    side: "parent",
    source: "recvmsg(2); D1",
    restsOnInterface: true,
  },
  "PATH-02": {
    claim:
      "recvfrom(2) delivers every frame once, in order, byte for byte, to the unprivileged child",
    expected: "the digests of the frames that were sent, in their order; no drop counted",
    side: "parent",
    source: "recvfrom(2); D1",
    restsOnInterface: true,
  },
  "PATH-03": {
    claim:
      "recvmmsg(2) delivers every frame once, in order, byte for byte, to the unprivileged child",
    expected: "the digests of the frames that were sent, in their order; no drop counted",
    side: "parent",
    source: "recvmmsg(2); D1",
    restsOnInterface: true,
  },
  "PATH-04": {
    claim:
      "A TPACKET_V3 ring that the child sets up delivers every frame once, in order, byte for byte, to the unprivileged child",
    expected: "the digests of the frames that were sent, in their order; no drop counted",
    side: "parent",
    source: "packet(7), PACKET_RX_RING; Documentation/networking/packet_mmap.rst; D1",
    restsOnInterface: true,
  },
  "PATH-05": {
    claim:
      "A TPACKET_V3 ring that the parent set up before it passed the socket delivers every frame once, in order, byte for byte, to the unprivileged child",
    expected: "the digests of the frames that were sent, in their order; no drop counted",
    side: "parent",
    source: "packet(7), PACKET_RX_RING; Documentation/networking/packet_mmap.rst; D1",
    restsOnInterface: true,
  },
  "PATH-06": {
    claim:
      "Linked io_uring RECVs deliver every frame once, in order, byte for byte, to the unprivileged child",
    expected: "the digests of the frames that were sent, in their order; no drop counted",
    side: "parent",
    source: "io_uring_enter(2), IORING_OP_RECV, IOSQE_IO_LINK; D7; D1",
    restsOnInterface: true,
  },
  "PATH-07": {
    claim:
      "io_uring multishot RECV delivers every frame once, in order, byte for byte, to the unprivileged child",
    expected: "the digests of the frames that were sent, in their order; no drop counted",
    side: "parent",
    source: "io_uring_enter(2), IORING_RECV_MULTISHOT; D7; D1",
    restsOnInterface: true,
  },
  "SUPER-01": {
    claim: "Every worker is confined, and receives the same socket as its predecessor",
    expected: "HARD-01 and HARD-05 for each, seen from outside; one SO_COOKIE per seat",
    side: "parent",
    source: "lib/experiments/supervisor/seat.ts; D18, D24",
  },
  "SUPER-02": {
    claim: "Workers are killed in mid-stream, and every frame is received exactly once",
    expected: "none lost, none received twice",
    side: "parent",
    source: "packet(7), PACKET_RX_RING; lib/experiments/supervisor/progress.ts; D18",
    restsOnInterface: true,
  },
  "SUPER-03": {
    claim: "No socket is without a worker for longer than its ring can hold frames",
    expected: "each gap shorter than (blocks - 1) x min(block timeout, time to fill one block)",
    side: "parent",
    source: "prb_retire_rx_blk_timer_expired in net/packet/af_packet.c; D18",
    restsOnInterface: true,
  },
  "SUPER-04": {
    claim: "A planned handover loses no frame and duplicates none",
    expected: "none lost, none received twice",
    side: "parent",
    source: "lib/experiments/supervisor/supervisor.ts, replace; D18",
    restsOnInterface: true,
  },
  "SUPER-05": {
    claim: "Adding and removing a worker loses no frame and duplicates none",
    expected: "none lost, none received twice",
    side: "parent",
    source:
      "fanout_set_data_cbpf in net/packet/af_packet.c; lib/experiments/supervisor/fanout_group.ts; D18",
    restsOnInterface: true,
  },
  "SUPER-06": {
    claim: "A worker that cannot start is given up, and no frames are left to its socket",
    expected:
      "while it is given up, frames for the others and none for it; some for it once it is served again",
    side: "parent",
    source: "lib/experiments/supervisor/restart_policy.ts; D18",
    restsOnInterface: true,
  },
  "SUPER-07": {
    claim:
      "Control: a worker that receives with recvfrom loses the frame in its hands when it is killed, and no other",
    expected: "at most one frame lost per kill, each accounted for",
    side: "parent",
    source: "recvfrom(2); D18",
    restsOnInterface: true,
  },
  "SUPER-08": {
    claim: "Control: closing the socket and opening a new one loses frames",
    expected: "some frames lost",
    side: "parent",
    source: "packet_release in net/packet/af_packet.c; D18",
    restsOnInterface: true,
  },
  "SUPER-09": {
    claim: "Giving a worker up, and serving its socket again, loses no frame and duplicates none",
    expected: "none lost, none received twice",
    side: "parent",
    source: "lib/experiments/supervisor/fanout_group.ts; D18",
    restsOnInterface: true,
  },
  "RELAY-01": {
    claim: "The parent's helper socket joins the group on the ingress interface",
    expected:
      "the group in /proc/net/igmp (or with its source in /proc/net/mcfilter), with more users than before",
    side: "parent",
    source: "ip(7), IP_ADD_MEMBERSHIP; ip_mc_join_group in net/ipv4/igmp.c; RFC 3376; RFC 4607; D1",
    restsOnInterface: true,
  },
  "RELAY-02": {
    claim: "The worker's UDP socket is connected to the one destination, and stays so",
    expected:
      "the same peer and interface, a TTL of 1, no loop and no fragments, before it is passed and at the end",
    side: "parent",
    source:
      "udp(7); ip(7), IP_MULTICAST_TTL; socket(7), SO_BINDTODEVICE; lib/experiments/relay/egress.ts; D24",
    restsOnInterface: true,
  },
  "RELAY-03": {
    claim: "The worker can send nowhere else: with neither of its two sockets, nor with a new one",
    expected: "EPERM for every attempt; no witness sees a frame of one",
    side: "child",
    source: "seccomp(2); lib/confine/policy.ts; lib/experiments/relay/elsewhere.ts; D24",
    restsOnInterface: true,
  },
  "RELAY-04": {
    claim: "Only the datagrams to be relayed leave the machine",
    expected:
      "no other frame of the worker's on either interface, as seen by packet sockets that saw a control frame",
    side: "parent",
    source: "packet(7), PACKET_OUTGOING; dev_queue_xmit_nit in net/core/dev.c; D24",
    restsOnInterface: true,
  },
  "RELAY-05": {
    claim: "Every datagram leaves once, in order, byte for byte",
    expected:
      "on the egress interface, the payloads that root's own packet socket saw arrive, in their order",
    side: "parent",
    source: "RFC 768; lib/experiments/relay/datagrams.ts; D1",
    restsOnInterface: true,
  },
  "RELAY-06": {
    claim:
      "A receiver in another network namespace gets every datagram once, in order, byte for byte",
    expected:
      "the digests of the payloads that arrived, in their order, read from an AF_INET socket",
    side: "parent",
    source: "ip(7), IP_ADD_MEMBERSHIP; network_namespaces(7); D1",
    restsOnInterface: true,
  },
  "RELAY-07": {
    claim:
      "A frame that is not a whole datagram to the group and port is not relayed, and is counted under its reason",
    expected:
      "for each reason, the worker's count is that of root's own packet socket with the same filter",
    side: "parent",
    source:
      "ip_rcv_core in net/ipv4/ip_input.c; RFC 791, RFC 768; lib/experiments/relay/datagrams.ts",
    restsOnInterface: true,
  },
  "RELAY-08": {
    claim: "Frames other than UDP to the group never reach the worker",
    expected:
      "PACKET_STATISTICS counts as many frames as root's own socket with the same filter, UDP to the group alone, and no drop",
    side: "parent",
    source: "packet(7), PACKET_STATISTICS; lib/packets/filters.ts; D24",
    restsOnInterface: true,
  },
  "RELAY-09": {
    claim:
      "The relay receives datagrams that reverse path filtering withholds from an AF_INET socket",
    expected:
      "the AF_INET socket gets all of them with rp_filter 0 and none with 1; the relay gets all in both cases",
    side: "parent",
    source:
      "ip-sysctl.rst, rp_filter; RFC 3704; fib_validate_source in net/ipv4/fib_frontend.c; D1",
    restsOnInterface: true,
  },
  "HARD-01": {
    claim: "Every thread of the hardened worker is confined",
    expected:
      "the worker's uids and gids, no group, all five capability sets 0 (the bounding set as far as " +
      "the parent can empty it), NoNewPrivs 1, Seccomp 2",
    side: "child",
    source: "proc_pid_status(5); seccomp(2), SECCOMP_FILTER_FLAG_TSYNC; D24",
  },
  "HARD-02": {
    claim: "Every thread that the hardened worker starts later is confined as well",
    expected: "the same for four threads that libc starts, each held by a nonblocking call",
    side: "child",
    source: "clone(2): credentials and filters are inherited; D24",
  },
  "HARD-03": {
    claim: "Every open descriptor of the hardened worker is expected",
    expected: "every open descriptor has a known purpose; none is a file",
    side: "child",
    source: "proc_pid_fd(5); lib/confine/descriptors.ts; D24",
  },
  "HARD-04": {
    claim: "The protections behind the system call filter are in place",
    expected:
      "filter locked, fanout group joined, not dumpable, limits on descriptors, files and core dumps, as seen from outside",
    side: "parent",
    source: "socket(7), SO_LOCK_FILTER; packet(7), PACKET_FANOUT; proc(5); D24",
  },
  "HARD-05": {
    claim: "The worker's system call filter is the reviewed one",
    expected: "the kernel's copy equals the receive-only policy for its descriptors, byte for byte",
    side: "parent",
    source: "ptrace(2), PTRACE_SECCOMP_GET_FILTER; lib/confine/policy.ts; D24",
  },
  "INSP-01": {
    claim: "No program that the inspected process executes can gain a privilege",
    expected:
      "NoNewPrivs 1 on every thread (under --expect dropped it is reported, and not demanded)",
    side: "child",
    source: "prctl(2), PR_SET_NO_NEW_PRIVS; proc_pid_status(5); execve(2); D24",
  },
  "INSP-02": {
    claim: "No thread of the inspected process has uid 0",
    expected: "none of the four uids is 0 on any thread",
    side: "child",
    source: "credentials(7); proc_pid_status(5); D24",
  },
  "INSP-03": {
    claim: "No thread of the inspected process has a usable capability",
    expected: "CapInh, CapPrm, CapEff and CapAmb are 0 on every thread",
    side: "child",
    source: "capabilities(7); proc_pid_status(5); D24",
  },
  "INSP-04": {
    claim: "No thread of the inspected process has a group that it does not need",
    expected:
      "all four gids and every supplementary group are the gid of the process, or named by " +
      "--groups; gid 0 is allowed only if it is named",
    side: "child",
    source: "credentials(7); setgroups(2); proc_pid_status(5); D24",
  },
  "INSP-05": {
    claim: "The inspected process cannot create a packet socket",
    expected:
      "no thread has CAP_NET_RAW over its network namespace, or gets it by execve(2) as root; " +
      "with --ask, socket(AF_PACKET) is refused with EPERM on every thread, beneath its filters too",
    side: "child",
    source: "packet(7), ERRORS; packet_create in net/packet/af_packet.c; user_namespaces(7); D24",
  },
  "INSP-06": {
    claim: "The inspected process cannot take root's ids again",
    expected: "no thread has uid 0, gid 0, CAP_SETUID or CAP_SETGID; no io_uring acts with other " +
      "credentials; no memory and no table of descriptors shared with a process of root's, and none " +
      "traced; with --ask, " +
      "setresuid, setresgid and setgroups are refused with EPERM on every thread",
    side: "child",
    source: "setresuid(2), setresgid(2), setgroups(2), ERRORS; io_uring_register(2); kcmp(2); D24",
  },
  "INSP-07": {
    claim: "Every packet socket that the inspected process holds shows among its descriptors",
    expected: "none in flight, registered in an io_uring, or mapped with its descriptor closed",
    side: "child",
    source: "unix(7), SCM_RIGHTS; io_uring_register(2); /proc/net/packet; D24",
  },
  "INSP-08": {
    claim: "Every thread of the inspected process has the same system call filters",
    expected: "Seccomp 2 on every thread, and on all of them the same programs, byte for byte",
    side: "child",
    source: "seccomp(2); ptrace(2), PTRACE_SECCOMP_GET_FILTER; D24",
  },
  "INSP-09": {
    claim: "The inspected process can do nothing with its packet sockets but receive",
    expected: "every operation of the matrix is refused, for every packet socket",
    side: "child",
    source: "lib/evidence/operations.ts; seccomp(2); D24",
  },
  "INSP-10": {
    claim: "The protections behind the system call filters are in place",
    expected:
      "the filter of every packet socket locked and its fanout group joined; not dumpable; the " +
      "bounding set empty on every thread",
    side: "child",
    source: "socket(7), SO_LOCK_FILTER; packet(7), PACKET_FANOUT; proc(5); capabilities(7); D24",
  },
} as const satisfies Record<string, CheckDescription>;

/** The id of a check, such as `DROP-03`. */
export type CheckId = keyof typeof CHECKS;

/** The checks of a hardened worker. */
export const CONFINEMENT_CHECKS = [
  "HARD-01",
  "HARD-02",
  "HARD-03",
  "HARD-04",
  "HARD-05",
] as const satisfies CheckId[];

/** Whether a check with this id exists. */
export function isCheckId(id: string): id is CheckId {
  return Object.hasOwn(CHECKS, id);
}

/** Returns the description of a check. */
export function describeCheck(id: CheckId): CheckDescription {
  return CHECKS[id];
}
