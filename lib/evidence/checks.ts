/**
 * The catalogue of checks: what each claims, what it expects, where that is written. Knowledge only; who carries a
 * check out, who decides it, and who prints it, is elsewhere.
 *
 * @module
 */

/** One of the two programs. */
export type Side = "parent" | "child";

/** What is known of a check before any run. */
export interface CheckDescription {
  /** A sentence that may be false. */
  readonly claim: string;
  /** What is observed if the claim holds. */
  readonly expected: string;
  /** Whose doing it is about. The parent decides, whoever that is: who saw what it decides by is said with each result. */
  readonly side: Side;
  /** Where it is written: manual page, kernel function, design decision. */
  readonly source: string;
  /** Without this one there is no answer: skipped, it makes the verdict INCONCLUSIVE. */
  readonly essential?: true;
}

/** Every check, by its stable id. */
export const CHECKS = {
  "SOCK-01": {
    claim: "The packet socket is bound to the interface and to the protocol that were asked for",
    expected: "getsockname names the ifindex and ETH_P_ALL",
    side: "parent",
    source: "packet(7); packet_getname in net/packet/af_packet.c; D1",
    essential: true,
  },
  "SOCK-02": {
    claim: "Nothing is queued on the packet socket from before its bind",
    expected: "no frame queued or counted before the bind, not even one sent on purpose",
    side: "parent",
    source: "packet(7), sll_protocol; packet_create in net/packet/af_packet.c",
    essential: true,
  },
  "PASS-01": {
    claim: "The child holds no packet socket before the message comes",
    expected: "one process, without an AF_PACKET socket among its descriptors or hidden elsewhere",
    side: "child",
    source: "open(2), O_CLOEXEC; close_range(2); D24",
    essential: true,
  },
  "PASS-02": {
    claim: "The message brings exactly one descriptor",
    expected: "one packet socket more than before the message, and control messages whole",
    side: "child",
    source: "unix(7), SCM_RIGHTS; scm_detach_fds in net/core/scm.c",
    essential: true,
  },
  "PASS-03": {
    claim: "What the child received is the socket that the parent sent",
    expected: "one open file description on both sides (kcmp), and no other packet socket",
    side: "parent",
    source: "kcmp(2), KCMP_FILE; unix(7): a reference to the same open file description",
    essential: true,
  },
  "DROP-01": {
    claim: "The child is in no supplementary group, on any thread",
    expected: "Groups: empty on every thread",
    side: "child",
    source: "setgroups(2); proc_pid_status(5); D24",
    essential: true,
  },
  "DROP-02": {
    claim: "Real, effective, saved and filesystem gid are the unprivileged ones, on every thread",
    expected: "all four gids are the target's on every thread",
    side: "child",
    source: "setresgid(2); proc_pid_status(5); nptl(7); D24",
    essential: true,
  },
  "DROP-03": {
    claim: "Real, effective, saved and filesystem uid are the unprivileged ones, on every thread",
    expected: "all four uids are the target's on every thread",
    side: "child",
    source: "setresuid(2); proc_pid_status(5); nptl(7); D24",
    essential: true,
  },
  "DROP-04": {
    claim: "The child has no capability that it could use, on any thread",
    expected: "CapInh, CapPrm, CapEff, CapAmb 0 on every thread",
    side: "child",
    source:
      "capabilities(7), effect of user ID changes; cap_emulate_setxuid in security/commoncap.c; D24",
    essential: true,
  },
  "DROP-05": {
    claim: "The child cannot become root again",
    expected:
      "NoNewPrivs from birth; setresuid, setresgid and setgroups refused with EPERM in every thread; nothing else that is root's",
    side: "child",
    source: "setresuid(2), setresgid(2), setgroups(2), ERRORS; D24",
    essential: true,
  },
  "DENY-01": {
    claim: "The child cannot create a packet socket, and the drop is the reason",
    expected: "socket(AF_PACKET) refused with EPERM in every thread; it succeeded before the drop",
    side: "child",
    source: "packet(7), ERRORS; packet_create in net/packet/af_packet.c; D24",
    essential: true,
  },
  "RECV-01": {
    claim: "The child captures packets by the passed socket after the drop",
    expected: "as many packets as asked for, sent, or seen by root's own socket, after the drop",
    side: "parent",
    source: "packet(7); D24",
    essential: true,
  },
  "RECV-02": {
    claim: "What the child captured is what was sent to the interface in this run",
    expected: "as many frames of the stimulus, by secrets behind their IP packets; " +
      "without one, as many that root's own socket saw too",
    side: "parent",
    source: "D24",
    essential: true,
  },
  "RECV-03": {
    claim: "The child's socket goes on after the parent has closed its own copy",
    expected: "no copy left in the parent, and frames sent after that arrive in the child",
    side: "parent",
    source: "unix(7); close(2), open file descriptions; D24",
    essential: true,
  },
  "AUTH-01": {
    claim:
      "As it is passed, the socket lets its holder do what is known of this kernel, no more and no less",
    expected: "each operation has the outcome of the table",
    side: "parent",
    source: "net/packet/af_packet.c: CAP_NET_RAW is asked for in packet_create alone; D24",
  },
  "AUTH-02": {
    claim: "Each protection alone takes away what it is for, and nothing else",
    expected: "each operation has the outcome of the table",
    side: "parent",
    source: "lib/confine/protections.ts; D24",
  },
  "AUTH-03": {
    claim: "With all protections together nothing is left but receiving",
    expected: "every operation refused, with the errno of the table",
    side: "parent",
    source: "seccomp(2); lib/confine/policy.ts; D24",
  },
  "AUTH-04": {
    claim: "With all protections together packets still arrive",
    expected: "as many frames of the stimulus as asked for, after the attack",
    side: "parent",
    source: "D24",
    essential: true,
  },
  "URING-01": {
    claim: "A process without privilege, under no_new_privs, can make an io_uring",
    expected: "io_uring_setup returns a ring; no thread has uid 0, a capability, or NoNewPrivs 0",
    side: "child",
    source: "io_uring_setup(2); kernel.io_uring_disabled; D7",
    essential: true,
  },
  "URING-02": {
    claim: "IORING_OP_RECV receives from the passed socket",
    expected: "as many frames of the stimulus as asked for",
    side: "parent",
    source: "io_uring_enter(2), IORING_OP_RECV; io_recv in io_uring/net.c; D7",
    essential: true,
  },
  "URING-03": {
    claim: "IORING_OP_RECVMSG receives from the passed socket",
    expected: "as many frames of the stimulus as asked for",
    side: "parent",
    source: "io_uring_enter(2), IORING_OP_RECVMSG; D7",
    essential: true,
  },
  "URING-04": {
    claim: "IORING_OP_READ receives from the passed socket",
    expected: "as many frames of the stimulus as asked for",
    side: "parent",
    source: "io_uring_enter(2), IORING_OP_READ; sock_read_iter in net/socket.c; D7",
    essential: true,
  },
  "URING-05": {
    claim:
      "The passed socket can be registered with the ring, and received from as a registered file",
    expected: "as many frames of the stimulus as asked for",
    side: "parent",
    source: "io_uring_register(2), IORING_REGISTER_FILES; D7",
    essential: true,
  },
  "URING-06": {
    claim: "One multishot RECV receives frame after frame, into buffers of a provided ring",
    expected: "as many frames of the stimulus as asked for, by one submission",
    side: "parent",
    source: "io_uring_enter(2), IORING_RECV_MULTISHOT; io_uring_register(2), PBUF_RING; D7",
    essential: true,
  },
  "URING-07": {
    claim:
      "A multishot RECV ends when its buffers run out, and loses nothing if it is submitted anew",
    expected: "every frame of a burst larger than the buffers, by more than one submission",
    side: "parent",
    source: "io_uring_enter(2), ENOBUFS; io_recv_finish in io_uring/net.c; D7",
    essential: true,
  },
  "URING-08": {
    claim: "A ring that is restricted to RECV on a registered file receives",
    expected: "as many frames of the stimulus as asked for",
    side: "parent",
    source:
      "io_uring_register(2), IORING_REGISTER_RESTRICTIONS; lib/receive/restricted_ring.ts; D7",
    essential: true,
  },
  "URING-09": {
    claim: "It refuses everything else",
    expected: "EACCES for every other operation and registration",
    side: "child",
    source: "io_uring_register(2), IORING_REGISTER_RESTRICTIONS; io_check_restriction; D7, D24",
  },
  "URING-10": {
    claim: "A plain ring from before the drop acts as whoever uses it",
    expected: "EACCES for root's file, EPERM for a packet socket",
    side: "parent",
    source: "io_uring/io_uring.c: the submitter's credentials; CVE-2024-22017",
  },
  "URING-11": {
    claim: "A ring from before the drop that the kernel polls is still root: it must not be kept",
    expected: "root's file and a packet socket are open in the child, which has no privilege",
    side: "parent",
    source: "IORING_SETUP_SQPOLL; io_sq_thread in io_uring/sqpoll.c; CVE-2024-22017",
  },
  "URING-12": {
    claim: "A personality that was registered before the drop is still root: it must not be kept",
    expected: "root's file and a packet socket are open in the child, which has no privilege",
    side: "parent",
    source: "io_uring_register(2), IORING_REGISTER_PERSONALITY; io_init_req; CVE-2024-22017",
  },
  "URING-13": {
    claim: "A ring from before the drop that is closed opens nothing any more",
    expected: "nothing is opened by any of them",
    side: "parent",
    source: "close(2); lib/confine/protections.ts, closed-descriptors",
  },
  "URING-14": {
    claim: "A hardened worker receives by a restricted ring",
    expected: "as many frames of the stimulus as asked for, under all protections",
    side: "parent",
    source: "lib/confine/policy.ts; D7, D24",
    essential: true,
  },
  "PATH-01": {
    claim: "recvmsg(2) brings every frame once, in order, byte for byte, to the unprivileged child",
    expected: "the digests of the frames that were sent, in their order; no drop counted",
    side: "parent",
    source: "recvmsg(2); D1",
  },
  "PATH-02": {
    claim:
      "recvfrom(2) brings every frame once, in order, byte for byte, to the unprivileged child",
    expected: "the digests of the frames that were sent, in their order; no drop counted",
    side: "parent",
    source: "recvfrom(2); D1",
  },
  "PATH-03": {
    claim:
      "recvmmsg(2) brings every frame once, in order, byte for byte, to the unprivileged child",
    expected: "the digests of the frames that were sent, in their order; no drop counted",
    side: "parent",
    source: "recvmmsg(2); D1",
  },
  "PATH-04": {
    claim:
      "A TPACKET_V3 ring that the child sets up brings every frame once, in order, byte for byte, to the unprivileged child",
    expected: "the digests of the frames that were sent, in their order; no drop counted",
    side: "parent",
    source: "packet(7), PACKET_RX_RING; Documentation/networking/packet_mmap.rst; D1",
  },
  "PATH-05": {
    claim:
      "A TPACKET_V3 ring that the parent set up before it passed the socket brings every frame once, in order, byte for byte, to the unprivileged child",
    expected: "the digests of the frames that were sent, in their order; no drop counted",
    side: "parent",
    source: "packet(7), PACKET_RX_RING; Documentation/networking/packet_mmap.rst; D1",
  },
  "PATH-06": {
    claim:
      "io_uring RECV, linked brings every frame once, in order, byte for byte, to the unprivileged child",
    expected: "the digests of the frames that were sent, in their order; no drop counted",
    side: "parent",
    source: "io_uring_enter(2), IORING_OP_RECV, IOSQE_IO_LINK; D7; D1",
  },
  "PATH-07": {
    claim:
      "io_uring multishot RECV brings every frame once, in order, byte for byte, to the unprivileged child",
    expected: "the digests of the frames that were sent, in their order; no drop counted",
    side: "parent",
    source: "io_uring_enter(2), IORING_RECV_MULTISHOT; D7; D1",
  },
  "SUPER-01": {
    claim:
      "Every worker is confined, and has the socket of its seat, which is the same as its predecessor's",
    expected: "HARD-01 and HARD-05 from outside for each; one SO_COOKIE a seat",
    side: "parent",
    source: "lib/experiments/supervisor/supervisor.ts; D18, D24",
  },
  "SUPER-02": {
    claim: "Workers are killed in mid-stream, and every frame is received exactly once",
    expected: "none lost, none twice",
    side: "parent",
    source: "packet(7), PACKET_RX_RING; lib/experiments/supervisor/progress.ts; D18",
  },
  "SUPER-03": {
    claim: "Nobody serves for no longer than the ring allows",
    expected: "each gap shorter than blocks x min(timeout, time to fill one)",
    side: "parent",
    source: "prb_retire_rx_blk_timer_expired in net/packet/af_packet.c; D18",
  },
  "SUPER-04": {
    claim: "A planned handover loses and doubles nothing",
    expected: "none lost, none twice",
    side: "parent",
    source: "lib/experiments/supervisor/supervisor.ts, replace; D18",
  },
  "SUPER-05": {
    claim: "A worker more and one less: nothing is lost or doubled",
    expected: "none lost, none twice",
    side: "parent",
    source:
      "fanout_set_data_cbpf in net/packet/af_packet.c; lib/experiments/supervisor/fanout_group.ts; D18",
  },
  "SUPER-06": {
    claim: "A worker that cannot start is given up, and does not keep its share",
    expected:
      "frames for the others while it is given up, none for it; served again, it takes some",
    side: "parent",
    source: "lib/experiments/supervisor/restart_policy.ts; D18",
  },
  "SUPER-07": {
    claim: "The control: a worker that receives by recvfrom loses what it has in hand, and no more",
    expected: "at most one frame a kill, each accounted for",
    side: "parent",
    source: "recvfrom(2); D18",
  },
  "SUPER-08": {
    claim: "The control: closing the socket and opening it anew loses frames",
    expected: "some lost",
    side: "parent",
    source: "packet_release in net/packet/af_packet.c; D18",
  },
  "SUPER-09": {
    claim: "Giving a worker up, and serving its socket again, loses and doubles nothing",
    expected: "none lost, none twice",
    side: "parent",
    source: "lib/experiments/supervisor/fanout_group.ts; D18",
  },
  "RELAY-01": {
    claim: "The parent's helper socket joins the group on the interface that is received from",
    expected: "the group in /proc/net/igmp on that interface, one user more than before",
    side: "parent",
    source: "ip(7), IP_ADD_MEMBERSHIP; ip_mc_join_group in net/ipv4/igmp.c; RFC 3376; D1",
  },
  "RELAY-02": {
    claim: "The UDP socket that the worker has is connected to the one destination, and stays so",
    expected: "the same peer, interface, TTL of 1 and no loop before the passing and at the end",
    side: "parent",
    source:
      "udp(7); ip(7), IP_MULTICAST_TTL; socket(7), SO_BINDTODEVICE; lib/experiments/relay/egress.ts; D24",
  },
  "RELAY-03": {
    claim: "The worker can send nowhere else, by neither of its two sockets nor by a new one",
    expected: "EPERM for every attempt, and no witness sees what was attempted",
    side: "child",
    source: "seccomp(2); lib/confine/policy.ts; lib/experiments/relay/elsewhere.ts; D24",
  },
  "RELAY-04": {
    claim: "Nothing leaves but the datagrams that are to be passed on",
    expected:
      "no frame of the worker's beside them on either interface, as seen by packet sockets that saw the control",
    side: "parent",
    source: "packet(7), PACKET_OUTGOING; dev_queue_xmit_nit in net/core/dev.c; D24",
  },
  "RELAY-05": {
    claim: "Every datagram leaves once, in order, byte for byte",
    expected:
      "on the egress interface, the payloads of the datagrams that were sent, in their order",
    side: "parent",
    source: "RFC 768; lib/packets/datagrams.ts; D1",
    essential: true,
  },
  "RELAY-06": {
    claim:
      "A receiver in another network namespace gets every datagram once, in order, byte for byte",
    expected: "the digests of the payloads that were sent, in their order, from an AF_INET socket",
    side: "parent",
    source: "ip(7), IP_ADD_MEMBERSHIP; network_namespaces(7); D1",
  },
  "RELAY-07": {
    claim:
      "What is no whole datagram to the group and port is not passed on, and is counted by its reason",
    expected: "the worker's counts are those of the frames that were sent, reason by reason",
    side: "parent",
    source: "ip_rcv_core in net/ipv4/ip_input.c; RFC 791, RFC 768; lib/packets/datagrams.ts",
  },
  "RELAY-08": {
    claim: "What is not UDP to the group never reaches the worker",
    expected:
      "PACKET_STATISTICS counts what the locked filter lets pass, as many as were sent of it, none dropped",
    side: "parent",
    source: "packet(7), PACKET_STATISTICS; lib/packets/filters.ts; D24",
  },
  "RELAY-09": {
    claim:
      "The relay has datagrams from a source that reverse path filtering keeps from an AF_INET socket",
    expected:
      "with rp_filter 0 the AF_INET socket gets all of them, with 1 none; the relay has all in both cases",
    side: "parent",
    source:
      "ip-sysctl.rst, rp_filter; RFC 3704; fib_validate_source in net/ipv4/fib_frontend.c; D1",
  },
  "HARD-01": {
    claim: "Every thread of the hardened worker is confined",
    expected:
      "uids and gids the worker's, no group, five capability sets 0, NoNewPrivs 1, Seccomp 2",
    side: "child",
    source: "proc_pid_status(5); seccomp(2), SECCOMP_FILTER_FLAG_TSYNC; D24",
    essential: true,
  },
  "HARD-02": {
    claim: "So is every thread that it starts later",
    expected: "the same, of four that libc starts while a nonblocking call has its thread",
    side: "child",
    source: "clone(2): credentials and filters are inherited; D24",
    essential: true,
  },
  "HARD-03": {
    claim: "Every descriptor of the hardened worker is explained",
    expected: "each with its reason, and none of them a file",
    side: "child",
    source: "proc_pid_fd(5); lib/inspect/descriptor_audit.ts; D24",
    essential: true,
  },
  "HARD-04": {
    claim: "The protections behind the filter of system calls are in place as well",
    expected:
      "filter locked, fanout joined, not dumpable, descriptors, files and cores limited, as seen from outside",
    side: "parent",
    source: "socket(7), SO_LOCK_FILTER; packet(7), PACKET_FANOUT; proc(5); D24",
    essential: true,
  },
  "HARD-05": {
    claim: "The filter of system calls is the reviewed one",
    expected: "the kernel's copy is the receive-only policy for its descriptors, byte for byte",
    side: "parent",
    source: "ptrace(2), PTRACE_SECCOMP_GET_FILTER; lib/confine/policy.ts; D24",
    essential: true,
  },
} as const satisfies Record<string, CheckDescription>;

/** The id of a check, such as `DROP-03`. */
export type CheckId = keyof typeof CHECKS;

/** Whether there is a check of that id. */
export function isCheckId(id: string): id is CheckId {
  return Object.hasOwn(CHECKS, id);
}

/** The description of a check. */
export function describeCheck(id: CheckId): CheckDescription {
  return CHECKS[id];
}
