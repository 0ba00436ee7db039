/**
 * The explanation of each check: why it matters, and what would refute it.
 *
 * It is not in `checks.ts`, because the child loads that file for the ids and needs no
 * explanations.
 *
 * @module
 */

import type { CheckId } from "./checks.ts";
import type { SeenBy } from "./evidence.ts";

/** Why a check exists. */
export interface Explanation {
  /** What nobody would know without the check. */
  readonly why: string;
  /** The faults that make it fail. */
  readonly refutedBy: string;
  /** The sources of the decision when the check passes. */
  readonly seenBy: readonly SeenBy[];
}

const SAME_FRAMES =
  "A frame that is lost, duplicated, reordered, truncated or changed; a drop that " +
  "PACKET_STATISTICS " +
  "counts; a child that has not dropped its privileges.";

const TOO_FEW = "An error in the completion, or too few frames of this run's stimulus.";

/** The explanation of every check. */
export const EXPLANATIONS: Readonly<Record<CheckId, Explanation>> = {
  "SOCK-01": {
    why: "A packet socket that is bound to no interface, or to another, receives frames that do " +
      "not concern the worker, and that show nothing about the interface under test. " +
      "The parent asks the kernel for the binding instead of trusting bind(2).",
    refutedBy:
      "A bind that was forgotten, or that names another interface or protocol. getsockname(2) " +
      "then reports ifindex 0 or a foreign one.",
    seenBy: ["parent"],
  },
  "SOCK-02": {
    why: "socket(AF_PACKET, …, ETH_P_ALL) receives from every interface of the namespace at " +
      "once, before any bind. Such frames would count as received by the worker, and might be " +
      "traffic that it must never see. With protocol 0, packet_create registers no hook until " +
      "the bind.",
    refutedBy: "A protocol other than 0 in socket(2): the frame that the parent sends on purpose " +
      "between socket and bind is then in the queue, or counted in tp_packets.",
    seenBy: ["parent"],
  },
  "PASS-01": {
    why: "If the child already held the socket, inherited by fork or for lack of close-on-exec, " +
      "it would receive without SCM_RIGHTS, and the crossing would show nothing. The " +
      "best-known demonstration of this idea passes for that wrong reason.",
    refutedBy: "A packet socket without close-on-exec at the spawn. The parent stops the child, " +
      "inspects its descriptors, and searches /proc/net/packet for a socket that no process " +
      "shows.",
    seenBy: ["parent"],
  },
  "PASS-02": {
    why: "A control buffer of CMSG_SPACE(4) bytes has room for two descriptors, without " +
      "MSG_CTRUNC: a second one could be smuggled in, and would stay open in the worker. And if " +
      "a limit or a security module withholds a descriptor, no errno reports it.",
    refutedBy: "The parent finds no new packet socket in the child, or two of them; or the child " +
      "itself reports MSG_CTRUNC or a control message of another type.",
    seenBy: ["parent"],
  },
  "PASS-03": {
    why: "A descriptor arrived, but it might refer to another socket. kcmp(2) compares the open " +
      "file descriptions behind two descriptors inside the kernel, and no process can forge " +
      "its answer.",
    refutedBy:
      "Another socket in the message, even one bound to the same interface; or a socket that " +
      "the child puts in its place, then or later.",
    seenBy: ["parent"],
  },
  "DROP-01": {
    why: "setresuid(2) leaves supplementary groups alone. A child that became nobody but kept " +
      "root's groups reads what those groups may read: on many distributions group 42 may " +
      "read the shadow file.",
    refutedBy:
      "No setgroups(2); a setgroups(2) after the uid change, which fails with EPERM; or a " +
      "call that reached only one thread of the runtime.",
    seenBy: ["parent"],
  },
  "DROP-02": {
    why: "The saved gid alone is enough to go back. And the system call changes one thread: only " +
      "glibc's wrapper applies it to the others, of which the runtime has several. One " +
      "forgotten thread would access files with root's gid.",
    refutedBy: "setegid(2) in place of setresgid(2), or a raw system call: some thread in " +
      "/proc/PID/task then shows another gid in one of its four places.",
    seenBy: ["parent"],
  },
  "DROP-03": {
    why: "After seteuid(2) the saved uid is still 0, and the program can become root again at " +
      "will; geteuid(2) alone does not show that. A raw setresuid changes one thread only: " +
      "asynchronous file reads then go on as root on another.",
    refutedBy:
      "seteuid(2) in place of setresuid(2), or a raw system call: some thread then shows uid " +
      "0 in one of its four places.",
    seenBy: ["parent"],
  },
  "DROP-04": {
    why: "packet_create does not check the uid; it checks CAP_NET_RAW. A process may be nobody " +
      "and still hold it: by PR_SET_KEEPCAPS, by SECBIT_NO_SETUID_FIXUP, or as an ambient " +
      "capability. A parent that is not root shows that as a control: setresuid from its uid " +
      "empties no set, so each must be emptied on every thread.",
    refutedBy:
      "A capability in the inheritable, permitted, effective or ambient set of any thread. " +
      "The bounding set does not count: without another capability nothing can be raised from " +
      "it.",
    seenBy: ["parent"],
  },
  "DROP-05": {
    why: "Ids may look right while the drop does not hold. OpenSSH's rule is: drop, then try to " +
      "undo it, and treat success as fatal. Only EPERM counts, because another errno would " +
      "mean another reason: EINVAL, for instance, if root is not mapped in the user " +
      "namespace.",
    refutedBy:
      "Any of the three calls, put into any thread by ptrace(2), beneath a filter too, that " +
      "is not refused with EPERM. Or anything else that leads back to root: a second process, " +
      "an io_uring, a file of root's, a descriptor in flight, shared memory, a terminal, a " +
      "thread in other namespaces, a thread that started without NoNewPrivs.",
    seenBy: ["parent"],
  },
  "DENY-01": {
    why: "This is why the socket must be passed: the child cannot create one itself. The same " +
      "call succeeds before the drop (the control), so the drop is the reason for the refusal, " +
      "not a filter or a kernel without packet sockets.",
    refutedBy: "A packet socket after the drop; an errno other than EPERM, such as ENODEV or " +
      "EAFNOSUPPORT; or a refusal even before the drop.",
    seenBy: ["parent"],
  },
  "RECV-01": {
    why: "This is the question itself: packet_rcv and packet_recvmsg check no capability. Frames " +
      "that were queued while the child was root would show nothing, so only those count that " +
      "were sent after the parent had inspected the child. Root's own socket on the interface " +
      "sees what arrives there.",
    refutedBy:
      "Too few frames, while root's own socket received as many as were requested. If root's " +
      "socket did not receive them either, the check is skipped and the run is INCONCLUSIVE.",
    seenBy: ["parent", "answer"],
  },
  "RECV-02": {
    why: "Ambient traffic can look like success. Each of the parent's frames carries a secret, " +
      "drawn when it is sent, behind the end of its IP packet. The IP layer cuts it off, so " +
      "only a packet socket can read it: a child that makes packets up, or reads them from an " +
      "ordinary socket, cannot know it. Without a stimulus, root's own socket on the " +
      "interface must have seen the same frames.",
    refutedBy:
      "Frames without a secret or with a wrong one, or one frame forwarded again and again, " +
      "while root's own socket received the frames.",
    seenBy: ["answer"],
  },
  "RECV-03": {
    why: "A supervisor must be able to let go of the socket. Descriptors are references to one " +
      "open file description, which ends with the last close. The child's socket must not " +
      "depend on the parent's copy.",
    refutedBy:
      "A copy that the parent still holds, because the check then shows nothing; or the child " +
      "receives no frame sent after the close, although root's own socket does.",
    seenBy: ["parent", "answer"],
  },
  "AUTH-01": {
    why: "The socket allows more than receiving. Its holder may send raw frames on any " +
      "interface, bind it to another, and turn on promiscuous mode: packet_create checks " +
      "CAP_NET_RAW, and nothing after it does. A reviewer who signs the design must know the " +
      "whole list for this kernel.",
    refutedBy:
      "An operation that allows more than the table in lib/experiments/authority lists for it, " +
      "or a frame that the worker reports as sent and that did not arrive. Less authority " +
      "refutes nothing: a host may refuse more than the kernel requires (a chroot, no user " +
      "namespaces), and each such row is named, with its errno. If root's own frame is not seen " +
      "at the far end either, the check is skipped.",
    seenBy: ["parent", "child"],
  },
  "AUTH-02": {
    why: "A protection that is believed to do more than it does is worse than none. Each is " +
      "tried alone, so that no other protection hides a useless one.",
    refutedBy:
      "A protection that does not take away an operation listed for it. One that takes away more " +
      "is named, and refutes nothing.",
    seenBy: ["parent", "child"],
  },
  "AUTH-03": {
    why: "A worker that parses packets from the network is the process that will be compromised. " +
      "It must then hold a socket that can receive, and nothing else.",
    refutedBy:
      "Any operation that takes effect under all protections, or that is refused with an errno " +
      "other than the listed one: then something other than the protection refused it.",
    seenBy: ["parent", "child"],
  },
  "AUTH-04": {
    why: "A worker that can do nothing at all is secure and useless. Hardening must leave it " +
      "able to receive, even after the attack, which tried to make the socket unusable.",
    refutedBy: "No frames of the stimulus after the attack: the filter refuses too much, or an " +
      "operation took effect.",
    seenBy: ["answer"],
  },
  "URING-01": {
    why: "D7 wants io_uring in the worker, and the worker has no privileges. " +
      "kernel.io_uring_disabled may reserve rings to a group, or forbid them. A ring that " +
      "root made and passed on would be another question, and a dangerous one (URING-10 to " +
      "URING-12).",
    refutedBy:
      "io_uring_setup refused; or a thread of the process that is root, has a capability, or " +
      "lacks no_new_privs, so that the tested process was not unprivileged.",
    seenBy: ["parent", "child"],
  },
  "URING-02": {
    why: "IORING_OP_RECV calls sock_recvmsg on behalf of the ring's user. The check shows that " +
      "it needs nothing beyond the descriptor, which the source only suggests.",
    refutedBy: TOO_FEW,
    seenBy: ["answer", "child"],
  },
  "URING-03": {
    why: "RECVMSG returns the kernel's time stamp and the address with each frame. It copies a " +
      "msghdr in, and fails in ways that RECV does not.",
    refutedBy: TOO_FEW,
    seenBy: ["answer", "child"],
  },
  "URING-04": {
    why: "READ goes through the file's read_iter, another path into the same socket than RECV. A " +
      "restriction that allows READ alone would be even narrower.",
    refutedBy: TOO_FEW,
    seenBy: ["answer", "child"],
  },
  "URING-05": {
    why: "A registered file is addressed by its index instead of a descriptor. Restricted rings " +
      "are built on it (URING-08), and it saves a lookup for each request.",
    refutedBy:
      "IORING_REGISTER_FILES refused for a packet socket that another process made, or too " +
      "few frames from it.",
    seenBy: ["answer", "child"],
  },
  "URING-06": {
    why: "One submission for many frames is what makes io_uring worth having here. It needs a " +
      "ring of provided buffers, from which the kernel takes one for each frame.",
    refutedBy:
      "Too few frames, or a submission that ended while buffers were left: the frames then " +
      "came from more than one submission.",
    seenBy: ["answer", "child"],
  },
  "URING-07": {
    why: "Multishot ends with ENOBUFS when the buffers run out, and does not resume by itself. A " +
      "worker that does not notice receives nothing more. A worker that notices must not have " +
      "lost the frames that came in between.",
    refutedBy:
      "A burst larger than the buffers that does not end the submission, because the check then " +
      "tests nothing; or missing frames of the burst.",
    seenBy: ["answer", "child"],
  },
  "URING-08": {
    why: "io_uring bypasses a system call filter: with socket(2) and sendto(2) denied, " +
      "IORING_OP_SOCKET and IORING_OP_SEND still worked. So a worker may have a ring only if " +
      "the ring itself is restricted, and it must still receive.",
    refutedBy: "The restriction refused, the ring not enabled, or too few frames from it.",
    seenBy: ["answer", "child"],
  },
  "URING-09": {
    why: "The restriction must hold for every other operation and registration. Otherwise a " +
      "compromised worker has a ring that does what the filter denies. Each one is tried.",
    refutedBy:
      "Anything that succeeds, or that fails with an errno other than EACCES: the kernel then " +
      "examined it, and refused it for another reason.",
    seenBy: ["child"],
  },
  "URING-10": {
    why: "A ring that root made would be a way back to root if requests ran with the credentials " +
      "of its creator. The requests of a plain ring take the submitter's, at the moment of " +
      "submission, so this kind is safe.",
    refutedBy:
      "Root's file, or a packet socket, open in the child afterwards. The parent looks at " +
      "/proc/PID/fd, and does not ask the child.",
    seenBy: ["parent", "child"],
  },
  "URING-11": {
    why: "This is a warning: the check passes if the trap is real. The kernel thread that polls " +
      "such a ring keeps the credentials that its creator had at the time. After the drop, under " +
      "no_new_privs, it still opens root's files (CVE-2024-22017). So rings must be closed " +
      "before the drop.",
    refutedBy:
      "A kernel on which the polled ring no longer acts as root. That would be good news, but " +
      "this project's documentation would be wrong for that kernel.",
    seenBy: ["parent", "child"],
  },
  "URING-12": {
    why: "The same trap in another form: a personality is a set of credentials stored in the " +
      "ring, and a request may name it. Registered as root, it stays root.",
    refutedBy: "A kernel on which a request with the personality is refused after the drop.",
    seenBy: ["parent", "child"],
  },
  "URING-13": {
    why: "Closing is the remedy for URING-11 and URING-12, and a remedy must be tried too: after " +
      "the close, and the end of the polling thread, the same requests must do nothing.",
    refutedBy:
      "Anything that one of the closed rings still opens, as the child reports or as the parent " +
      "sees in /proc/PID/fd.",
    seenBy: ["parent", "child"],
  },
  "URING-14": {
    why: "This is the complete worker, as it would be deployed: a receive-only filter, and a " +
      "restricted ring as the only way to receive. The other checks showed each part alone.",
    refutedBy:
      "Too few frames of the stimulus: the filter refuses io_uring_enter, or the restriction " +
      "refuses the receive.",
    seenBy: ["answer", "child"],
  },
  "PATH-01": {
    why: "recvmsg(2) is the baseline of the other ways: one call per frame, with the kernel's " +
      "time stamp. If it lost or changed frames, comparing others with it would be pointless.",
    refutedBy: SAME_FRAMES,
    seenBy: ["parent", "answer", "child"],
  },
  "PATH-02": {
    why: "recvfrom(2) is the simplest way: no control message, so no time stamp. A simple worker " +
      "will use it, and it must deliver frames of every length untruncated.",
    refutedBy: SAME_FRAMES,
    seenBy: ["parent", "answer", "child"],
  },
  "PATH-03": {
    why: "recvmmsg(2) takes many frames in one call, each with its own length and flags in a " +
      "vector: an error in reading the vector would mix up the frames.",
    refutedBy: SAME_FRAMES,
    seenBy: ["parent", "answer", "child"],
  },
  "PATH-04": {
    why: "TPACKET_V3 is the fast way: frames in memory that kernel and worker share, without a " +
      "call per frame. PACKET_RX_RING checks no capability, so the worker can set the ring up " +
      "after the drop.",
    refutedBy: SAME_FRAMES,
    seenBy: ["parent", "answer", "child"],
  },
  "PATH-05": {
    why: "A ring belongs to the socket, and not to the process that set it up. So the parent can " +
      "set it up, and the hardened worker needs no setsockopt(2); and a successor can map the " +
      "ring of a dead worker again (D18).",
    refutedBy: SAME_FRAMES,
    seenBy: ["parent", "answer", "child"],
  },
  "PATH-06": {
    why: "Requests that are in flight together may complete in any order; linked requests may " +
      "not. The digests show whether the order holds.",
    refutedBy: SAME_FRAMES,
    seenBy: ["parent", "answer", "child"],
  },
  "PATH-07": {
    why: "Multishot fills buffers while the worker gives others back: a buffer that is given " +
      "back too early is overwritten, and one that comes too late ends the submission.",
    refutedBy: SAME_FRAMES,
    seenBy: ["parent", "answer", "child"],
  },
  "SUPER-01": {
    why: "It would be worth nothing that packets survive if a successor were less confined than " +
      "the first worker, or had another socket. The parent checks both from outside, at each " +
      "start.",
    refutedBy:
      "A seat whose workers received different sockets, or a worker with a thread that is not " +
      "confined. Skipped where the kernel does not let the parent read the filter of a worker.",
    seenBy: ["parent", "child"],
  },
  "SUPER-02": {
    why: "This is the question of D18. A worker is killed between any two instructions, in the " +
      "middle of a block of its ring. Its progress is in shared memory that outlives it, and " +
      "its successor goes on with the very next frame.",
    refutedBy:
      "A frame number that is in no journal, or in two: progress was recorded too late or too " +
      "early, or the successor did not resume where its predecessor stopped.",
    seenBy: ["parent", "child"],
  },
  "SUPER-03": {
    why: "A ring holds the frames that arrive while no worker reads, but not for ever. The limit " +
      "is known: a block is retired after the timeout or when it is full, and the number of " +
      "blocks is fixed. The gaps must stay well below the limit, or the next run loses frames.",
    refutedBy:
      "A gap longer than the ring allows, including the time to notice the death; or fewer " +
      "gaps than kills.",
    seenBy: ["parent", "child"],
  },
  "SUPER-04": {
    why: "An update of the worker's program is a planned death. The successor is started and " +
      "made ready first; then the predecessor stops between two frames.",
    refutedBy: "A frame sent during the handover that is missing, or that both workers received.",
    seenBy: ["parent", "child"],
  },
  "SUPER-05": {
    why: "A member that joins a fanout group receives frames at once, and a member that closes " +
      "its socket discards the frames queued in it. So it is first left out of the group's " +
      "program, then drained, and then closed.",
    refutedBy:
      "A frame sent during the change that is missing, because it was in the socket that was " +
      "closed; or one that was received twice.",
    seenBy: ["parent", "child"],
  },
  "SUPER-06": {
    why: "A worker that dies at each start must not be restarted for ever, and its seat must not " +
      "swallow its share: the kernel's own fanout modes keep sending one frame in N to the " +
      "socket of a dead member.",
    refutedBy:
      "Frames in its socket while it is given up, none for the others meanwhile, or none for " +
      "it once it is served again.",
    seenBy: ["parent", "child"],
  },
  "SUPER-07": {
    why: "The control for SUPER-02: recvfrom(2) takes the frame out of the kernel before the " +
      "worker can record it. If no frame were lost, the kills would have missed, and the " +
      "ring's result would show nothing.",
    refutedBy:
      "No frame lost, because the kills missed; a frame received twice; or more frames lost " +
      "than one per kill.",
    seenBy: ["parent", "child"],
  },
  "SUPER-08": {
    why: "The control for keeping the sockets open: if they are closed and opened again, the " +
      "frames queued in the old socket are lost, and so are those sent before the new one is " +
      "bound. If nothing were lost, keeping them would have no value.",
    refutedBy: "No frame lost: the stream then missed the gaps, and the other results are suspect.",
    seenBy: ["parent", "child"],
  },
  "SUPER-09": {
    why: "Giving a worker up and serving its socket again changes the group's program twice, and " +
      "leaves frames in a socket that nobody reads. They must still be there when it is " +
      "served again.",
    refutedBy: "A frame sent during these changes that is missing, or that was received twice.",
    seenBy: ["parent", "child"],
  },
  "RELAY-01": {
    why: "A packet socket is no member of a multicast group. Without a member on the interface " +
      "the host sends no IGMP report, and switches and routers stop forwarding the group to " +
      "it: the relay would work in the laboratory, but receive nothing in a real network.",
    refutedBy: "No entry for the group and the interface in /proc/net/igmp (with a source, in " +
      "/proc/net/mcfilter), or an entry with no more users than before.",
    seenBy: ["parent"],
  },
  "RELAY-02": {
    why: "The worker receives a socket that can send. connect(2) and SO_BINDTODEVICE decide " +
      "where to; a TTL of 1 and no loop keep a mistake from circulating, and a datagram that " +
      "is too long is refused rather than sent in fragments. Parent and worker share the " +
      "socket, so this must be true at the end as well as at the start.",
    refutedBy:
      "Another peer, interface, TTL, loop or fragmentation setting, before the socket is " +
      "passed or after the worker's end.",
    seenBy: ["parent"],
  },
  "RELAY-03": {
    why: "The holder of a UDP socket may connect it again or name another address, and a packet " +
      "socket sends raw frames: the kernel checks nothing. The system call filter must refuse " +
      "each of these ways, and no witness may see a frame of the attempts.",
    refutedBy:
      "An attempt that succeeds, or that fails with an errno other than EPERM; or a witness " +
      "that sees one of the marked frames.",
    seenBy: ["parent", "child"],
  },
  "RELAY-04": {
    why: "Refusals inside the worker rest on the worker's report. Two packet sockets of the " +
      "parent's watch both interfaces. Each first had to report a control frame, so its " +
      "silence means something; if one did not, the check is skipped.",
    refutedBy: "A frame of the worker's other than the datagrams to be relayed.",
    seenBy: ["parent"],
  },
  "RELAY-05": {
    why: "This is the purpose of a relay: payloads of every length, from none to the largest " +
      "that fits into a frame, unchanged. The padding of short frames must not be taken for " +
      "payload, and a full queue must not lose a datagram silently. Root's own socket on the " +
      "ingress interface says what arrived, so neither a switch that drops frames nor others " +
      "who send to the group decide.",
    refutedBy:
      "On the egress interface, a payload that is missing, duplicated or out of order among " +
      "those that arrived, or one that did not arrive. It is skipped if not every datagram " +
      "arrived, if root's own datagram does not leave by the same socket, or if a witness had " +
      "no room for all frames.",
    seenBy: ["parent"],
  },
  "RELAY-06": {
    why: "Only a receiver can tell that the relay works for receivers: here an ordinary AF_INET " +
      "socket in its own network namespace, whose kernel checks headers and checksums before " +
      "it delivers.",
    refutedBy: "A digest that is missing or out of order there, among those that arrived at the " +
      "relay. It is left out with --out, because there is no such receiver, and skipped for " +
      "the reasons of RELAY-05.",
    seenBy: ["answer"],
  },
  "RELAY-07": {
    why: "A packet socket receives frames that no host would deliver: fragments, wrong " +
      "checksums, contradictory lengths. Each must be dropped, and for its own reason: a " +
      "frame counted under another reason shows a test that was never reached.",
    refutedBy: "Any count that differs from that of root's own socket with the same filter, or a " +
      "number of relayed datagrams that differs from the number that left. Others' frames before " +
      "the first and after the last of ours may be counted or not. It is skipped if no invalid " +
      "frame arrived.",
    seenBy: ["parent", "child"],
  },
  "RELAY-08": {
    why: "The locked filter on the socket keeps the host's other traffic from a compromised " +
      "worker. It runs in the kernel, before the queue, so the kernel's own counter shows " +
      "what passed.",
    refutedBy:
      "tp_packets other than at root's own socket with the same filter, a frame there that is " +
      "not UDP to the group, or tp_drops above 0. It is skipped if others sent more than the " +
      "socket had room for.",
    seenBy: ["parent"],
  },
  "RELAY-09": {
    why: "This is why D1 chose AF_PACKET: rp_filter silently drops multicast whose source is not " +
      "routed back through the same interface, before it reaches an AF_INET socket. The " +
      "control has rp_filter off.",
    refutedBy:
      "The relay misses something in either case. It is skipped if the AF_INET socket does " +
      "not receive everything under rp_filter 0 (a firewall), or receives something under 1 " +
      "(the source is routed back by the same interface).",
    seenBy: ["parent"],
  },
  "HARD-01": {
    why: "Credentials, no_new_privs and seccomp filters belong to a thread, and the runtime has " +
      "several before the first line of a program runs. One forgotten thread is enough for an " +
      "attacker.",
    refutedBy:
      "A thread with another uid or gid, a group, a capability (in the bounding set too, unless " +
      "the parent lacks CAP_SETPCAP and cannot take it away; under NoNewPrivs it is of no use), " +
      "NoNewPrivs 0 or Seccomp 0. The parent reads /proc/PID/task from outside.",
    seenBy: ["parent"],
  },
  "HARD-02": {
    why: "The runtime and libc start threads as they need them. A new thread inherits from the " +
      "one that starts it, which must have been confined.",
    refutedBy: "A thread started later that is less confined, or too few such threads to judge by.",
    seenBy: ["parent"],
  },
  "HARD-03": {
    why: "A filter denies calls, but not the use of what is already open: a cache that root " +
      "opened for writing, a ring, a terminal. The runtime itself, started as root, " +
      "holds three caches open for writing.",
    refutedBy:
      "A descriptor that the audit does not expect, or that refers to a file, as seen from " +
      "outside.",
    seenBy: ["parent"],
  },
  "HARD-04": {
    why: "The system call filter hides whether the protections behind it are in place. They are " +
      "the second line if it ever has a hole, so each is checked by itself.",
    refutedBy:
      "SO_LOCK_FILTER 0, no fanout group, a dumpable process (which owns its /proc files), or " +
      "the usual limits on descriptors, files and core dumps.",
    seenBy: ["parent"],
  },
  "HARD-05": {
    why: "In /proc, a filter that allows everything also shows as Seccomp 2. So the parent reads " +
      "the worker's filters from the kernel, and compares them with the policy, which it " +
      "compiles itself for the worker's descriptor numbers.",
    refutedBy:
      "No filter of the worker equals that program, byte for byte; or the worker also holds its " +
      "packet socket under a number that the rules do not cover. Skipped where another tracer is " +
      "attached.",
    seenBy: ["parent"],
  },
  "INSP-01": {
    why: "A process without no_new_privs may execute a set-uid file, such as su(1), and that " +
      "program runs as root: any flaw in it is a way back. Most daemons run without it, so it is " +
      "the first line of the report instead of a failure, unless confinement is expected.",
    refutedBy: "NoNewPrivs 0 on any thread, with --expect confined. A thread that was started " +
      "before prctl(2) does not have it either.",
    seenBy: ["parent"],
  },
  "INSP-02": {
    why: "Credentials belong to each thread. A daemon that dropped its uid by a raw system call " +
      "has changed one thread, and a saved uid of 0 makes the drop a pause. Uid 0 owns the " +
      "system's files even without any capability.",
    refutedBy: "Uid 0 as the real, effective, saved or filesystem uid of any thread. An id that " +
      "is not mapped in the user namespace of the inspection cannot be told from others, and is " +
      "a skip.",
    seenBy: ["parent"],
  },
  "INSP-03": {
    why: "A daemon may give up uid 0 and keep a capability, on purpose or by PR_SET_KEEPCAPS. " +
      "Declared sandboxes are often not there: the kernel's own account of each thread is the " +
      "only one that counts here.",
    refutedBy: "A capability in one of the four sets of any thread, even if it is the one that " +
      "the daemon is meant to keep. The bounding set alone gives nothing.",
    seenBy: ["parent"],
  },
  "INSP-04": {
    why: "A group opens files and sockets as a uid does: docker, disk and shadow are close to " +
      "root. initgroups(3) brings every group that the user has in the database, and a " +
      "forgotten setgroups(2) leaves those of root.",
    refutedBy: "A gid among the four of any thread, or a supplementary group, that is neither " +
      "the real gid of the first thread nor named by --groups; and gid 0, unless it is named.",
    seenBy: ["parent"],
  },
  "INSP-05": {
    why: "The packet sockets that a daemon holds were opened by someone with CAP_NET_RAW. If the " +
      "daemon can still open more, it sees every interface of its namespace, whatever filter its " +
      "first socket has. The kernel asks for the capability over the user namespace that owns " +
      "the network namespace, and its owner has all of them.",
    refutedBy: "CAP_NET_RAW over its network namespace on any thread, or a call of " +
      "socket(AF_PACKET), put into a thread by --ask, that returns a descriptor. An errno other " +
      "than EPERM beneath the filters shows nothing, and is a skip.",
    seenBy: ["parent"],
  },
  "INSP-06": {
    why:
      "A drop that can be undone is not a drop. The saved ids and two capabilities decide whether " +
      "setresuid(2) and its like succeed. Other ways lead past them: an io_uring with root's " +
      "credentials, memory or descriptors shared with a process of root's, a process of root's " +
      "that it traces.",
    refutedBy: "Uid 0 or gid 0 among the real, effective and saved ids of any thread; CAP_SETUID " +
      "or CAP_SETGID; a personality of root's in a ring; memory or descriptors shared with a " +
      "process that has uid 0 or a capability, or such a process as its tracee; an answer to --ask that is a " +
      "success.",
    seenBy: ["parent"],
  },
  "INSP-07": {
    why: "A look at the descriptors shows only what has a number. A packet socket in the queue " +
      "of a Unix socket, among the registered files of a ring, or behind the mapping of a packet " +
      "ring stays open without one, and can be taken up again at any time.",
    refutedBy: "A packet socket that the inspected process certainly holds in such a place. One " +
      "that the namespace lists and no visible process shows may be another's, and is a skip. So " +
      "is one that another process shows, if an io_uring may use it. A ring need not show, but " +
      "--ask finds out whether a thread has ever used one: without --ask that is left out.",
    seenBy: ["parent"],
  },
  "INSP-08": {
    why: "A filter belongs to a thread. Without SECCOMP_FILTER_FLAG_TSYNC the threads that a " +
      "runtime has already started keep running without it, and any of them may send.",
    refutedBy: "A thread without a filter, or with other programs than the first one.",
    seenBy: ["parent"],
  },
  "INSP-09": {
    why: "The holder of a packet socket can send, bind and change it, because the kernel checks " +
      "CAP_NET_RAW at its creation alone. Each operation is predicted from credentials, the " +
      "state of the socket and the installed filters, which an interpreter runs over the call " +
      "and its arguments. Nothing is attempted.",
    refutedBy: "An operation that every wall lets through, on any packet socket, in any thread. " +
      "An operation that cannot be predicted is a skip.",
    seenBy: ["parent"],
  },
  "INSP-10": {
    why: "A system call filter is one wall, and one mistake in it opens everything at once. " +
      "The state of the sockets and of the process is a second one, which the filter hides as " +
      "long as it holds.",
    refutedBy: "A packet socket whose filter may be replaced, or that is in no fanout group; a " +
      "dumpable process; a capability in the bounding set of any thread.",
    seenBy: ["parent"],
  },
};
