/**
 * The reasons of the catalogue: for each check, why it matters and what would refute it. Beside `checks.ts` and not in it, since the
 * child needs the claims' ids, and none of this.
 *
 * @module
 */

import type { CheckId } from "./checks.ts";
import type { SeenBy } from "./evidence.ts";

/** Why a check is there. */
export interface Explanation {
  /** What would not be known without it. */
  readonly why: string;
  /** What makes it fail: a way in which the claim would be false. */
  readonly refutedBy: string;
  /** Who sees what it is decided by, where it passes. */
  readonly seenBy: readonly SeenBy[];
}

const SAME_FRAMES =
  "A frame that is lost, doubled, reordered, cut or changed; a drop that PACKET_STATISTICS counts; " +
  "a child that has not dropped.";

/** The explanation of every check. */
export const EXPLANATIONS: Readonly<Record<CheckId, Explanation>> = {
  "SOCK-01": {
    why:
      "A packet socket that is bound to no interface, or to another, would receive frames that the worker " +
      "has no business with, and whatever it received would say nothing about the interface under test. " +
      "The kernel is asked, since bind(2) may succeed and still mean something else.",
    refutedBy:
      "A bind that was forgotten, or one to another interface or protocol: getsockname(2) then names " +
      "ifindex 0 or a foreign one.",
    seenBy: ["parent"],
  },
  "SOCK-02": {
    why:
      "socket(AF_PACKET, …, ETH_P_ALL) starts to receive from every interface of the namespace at once, " +
      "before any bind. Such frames would be counted as received by the worker, and could be of traffic " +
      "that it must never see. With protocol 0 packet_create registers no hook until the bind.",
    refutedBy:
      "A protocol other than 0 in socket(2): the frame that the parent sends on purpose between socket " +
      "and bind is then in the queue, or in tp_packets.",
    seenBy: ["parent"],
  },
  "PASS-01": {
    why: "If the child held the socket already, because it was inherited by fork or for lack of " +
      "close-on-exec, the crossing by SCM_RIGHTS would show nothing: the child would go on receiving " +
      "without it. That is how the best known demonstration of this idea passes for the wrong reason.",
    refutedBy:
      "A packet socket without close-on-exec at the spawn. The parent stops the child, and looks at its " +
      "descriptors and at /proc/net/packet for one that no process shows.",
    seenBy: ["parent"],
  },
  "PASS-02": {
    why:
      "A control buffer of CMSG_SPACE(4) bytes has room for two descriptors, without MSG_CTRUNC: a second " +
      "one would be smuggled in, and stay open in the worker. And a descriptor that is lost to a limit or " +
      "a security module is lost without an errno.",
    refutedBy:
      "No packet socket more, or two of them, by the parent's look; and, by the child's own report, " +
      "MSG_CTRUNC or a control message of another kind.",
    seenBy: ["parent"],
  },
  "PASS-03": {
    why:
      "That a descriptor came does not say which. kcmp(2) compares the open file descriptions behind two " +
      "descriptors, in the kernel: no process can make its answer up.",
    refutedBy:
      "Another socket in the message, even one that is bound to the same interface; or one that the child " +
      "puts in its place, then or later.",
    seenBy: ["parent"],
  },
  "DROP-01": {
    why:
      "setresuid(2) leaves supplementary groups alone. A child that became nobody and kept root's groups " +
      "reads what those groups may read; with gid 42 of many distributions that is the shadow file.",
    refutedBy:
      "No setgroups(2), one after the uid change (which EPERM refuses), or one that reached a single " +
      "thread of the runtime.",
    seenBy: ["parent"],
  },
  "DROP-02": {
    why:
      "The saved gid alone is enough to go back. And the system call changes one thread: only glibc's " +
      "wrapper carries it to the others, of which the runtime has several. One forgotten thread with " +
      "root's gid does root's file accesses.",
    refutedBy:
      "setegid(2) in place of setresgid(2), or a raw system call: some thread in /proc/PID/task shows " +
      "another gid in one of its four places.",
    seenBy: ["parent"],
  },
  "DROP-03": {
    why:
      "After seteuid(2) the saved uid is still 0, and the program becomes root again at will; geteuid(2) " +
      "alone does not show that. A raw setresuid changes one thread only, and asynchronous file reads " +
      "went on as root on another.",
    refutedBy:
      "seteuid(2) in place of setresuid(2), or a raw system call: some thread shows uid 0 in one of its " +
      "four places.",
    seenBy: ["parent"],
  },
  "DROP-04": {
    why:
      "The uid is not what the kernel asks for in packet_create: it asks for CAP_NET_RAW. A process may " +
      "be nobody and hold it, by PR_SET_KEEPCAPS, by SECBIT_NO_SETUID_FIXUP or as an ambient capability.",
    refutedBy:
      "A capability in the inheritable, permitted, effective or ambient set of any thread. The bounding " +
      "set is not judged here: without another capability nothing can be raised from it.",
    seenBy: ["parent"],
  },
  "DROP-05": {
    why:
      "Ids that read well are not yet a drop that holds. OpenSSH's lesson: drop, then try to get it back, " +
      "and treat success as fatal. EPERM is demanded, since another errno (EINVAL in a user namespace " +
      "where root is not mapped) would be a refusal for another reason.",
    refutedBy:
      "Any of the three calls, put into any thread by ptrace(2), that is not refused with EPERM, beneath a " +
      "filter too; a second process, an io_uring, a file of root's, a descriptor in flight, shared memory, a " +
      "terminal; a thread elsewhere; a thread that was born without NoNewPrivs.",
    seenBy: ["parent"],
  },
  "DENY-01": {
    why:
      "It is what gives the crossing its meaning: the child cannot make such a socket itself. The same " +
      "call succeeds before the drop (the control), so it is the drop that took the right away, and not a " +
      "kernel without packet sockets or a filter.",
    refutedBy:
      "A packet socket after the drop; any errno but EPERM, such as ENODEV or EAFNOSUPPORT; or a refusal " +
      "before the drop too.",
    seenBy: ["parent"],
  },
  "RECV-01": {
    why:
      "The question itself: packet_rcv and packet_recvmsg ask for no capability. Frames that were queued " +
      "while the child was root would show nothing, so only those count that were sent after the parent had " +
      "looked at the child. Root's own socket on the interface sees what arrives there.",
    refutedBy:
      "Too few frames, while root's own socket received as many as were wanted. If that did not receive " +
      "them either, the check is skipped, and the run INCONCLUSIVE.",
    seenBy: ["answer"],
  },
  "RECV-02": {
    why:
      "Ambient traffic can look like success. Each of the parent's frames carries a secret, drawn when it is " +
      "sent, behind the end of its IP packet. The IP layer cuts that off, so only a packet socket reads it: " +
      "a child that makes packets up, or reads them from an ordinary socket, cannot know it. Without a " +
      "stimulus, root's own socket on the interface must have seen the same frames.",
    refutedBy:
      "Frames without a secret, or with another, or one frame handed on again and again, while root's own " +
      "socket received the frames.",
    seenBy: ["answer"],
  },
  "RECV-03": {
    why:
      "A supervisor must be able to let go. Descriptors are references to one open file description: the " +
      "last close ends it. The socket of the child must not depend on the parent's copy.",
    refutedBy:
      "A copy that the parent still holds (then nothing is shown), or no frame that was sent after the " +
      "close, though root's own socket received it.",
    seenBy: ["parent", "answer"],
  },
  "AUTH-01": {
    why:
      "Receiving is not all that the socket allows. Its holder may send raw frames on any interface, bind " +
      "it elsewhere, turn on promiscuous mode: packet_create asks for CAP_NET_RAW, and nothing after it " +
      "does. A reviewer who signs must know the whole list, for this kernel.",
    refutedBy:
      "One operation with another outcome than the table of lib/experiments/authority/operations.ts: more authority than known, " +
      "or less, which means that kernel and table have parted.",
    seenBy: ["parent", "child"],
  },
  "AUTH-02": {
    why:
      "A protection that is believed to do more than it does is worse than none. Each is tried alone, so " +
      "that no other one hides that it takes nothing away.",
    refutedBy:
      "A protection that leaves allowed what it is there to take away, or that takes away something of " +
      "which the table knows nothing.",
    seenBy: ["parent", "child"],
  },
  "AUTH-03": {
    why:
      "A worker that parses packets from the network is what will be compromised. What it then holds must " +
      "be a socket from which one can receive, and nothing else.",
    refutedBy:
      "Any operation that has its effect under all protections, or is refused with another errno than the " +
      "table says: then something else than the protection refused it.",
    seenBy: ["parent", "child"],
  },
  "AUTH-04": {
    why:
      "A worker that can do nothing at all is secure and of no use. Hardening must leave what it is for, " +
      "and also after the attack, which has tried to spoil the socket.",
    refutedBy:
      "No frames of the stimulus after the attack: the filter refuses too much, or an operation had an " +
      "effect.",
    seenBy: ["answer"],
  },
  "URING-01": {
    why:
      "D7 wants io_uring in the worker, and the worker has no privilege. kernel.io_uring_disabled may " +
      "keep rings to a group, or from everybody; a ring that root made and passed on would be another " +
      "question, and a dangerous one (URING-10 to 12).",
    refutedBy:
      "io_uring_setup refused, or a process in which some thread is root, has a capability, or lacks " +
      "no_new_privs: then it was not this process that could.",
    seenBy: ["parent", "child"],
  },
  "URING-02": {
    why:
      "IORING_OP_RECV calls sock_recvmsg on behalf of the ring's user: whether that needs more than the " +
      "descriptor is to be shown, and not to be read out of the source.",
    refutedBy: "An error in the completion, or too few frames of this run's stimulus.",
    seenBy: ["answer", "child"],
  },
  "URING-03": {
    why:
      "RECVMSG is the way to have the kernel's time stamp and the address with each frame; it copies a " +
      "msghdr in, and fails in ways that RECV does not.",
    refutedBy: "An error in the completion, or too few frames of this run's stimulus.",
    seenBy: ["answer", "child"],
  },
  "URING-04": {
    why:
      "READ goes through the file's read_iter, another path into the same socket than RECV. A restriction " +
      "that allows READ alone would be even narrower.",
    refutedBy: "An error in the completion, or too few frames of this run's stimulus.",
    seenBy: ["answer", "child"],
  },
  "URING-05": {
    why:
      "A registered file is addressed by its index and not by a descriptor. It is what a restricted ring " +
      "is built on (URING-08), and saves a lookup for each request.",
    refutedBy:
      "IORING_REGISTER_FILES refused for a packet socket that somebody else made, or too few frames by it.",
    seenBy: ["answer", "child"],
  },
  "URING-06": {
    why:
      "One submission for many frames is what makes io_uring worth having here. It needs a ring of " +
      "provided buffers, from which the kernel takes one for each frame.",
    refutedBy:
      "Too few frames, or a submission that ended although there were buffers: then it was not one.",
    seenBy: ["answer", "child"],
  },
  "URING-07": {
    why:
      "Multishot ends with ENOBUFS when the buffers have run out, and does not go on by itself. A worker " +
      "that does not notice hears nothing more; one that does must not have lost what came meanwhile.",
    refutedBy:
      "A burst larger than the buffers that brings no end (then it was not tried), or of which frames are " +
      "missing.",
    seenBy: ["answer", "child"],
  },
  "URING-08": {
    why:
      "io_uring goes round a system call filter: with socket(2) and sendto(2) denied, IORING_OP_SOCKET " +
      "and IORING_OP_SEND worked. So a worker may have a ring only if the ring itself is restricted, and " +
      "it must still receive.",
    refutedBy: "The restriction refused, the ring not enabled, or too few frames by it.",
    seenBy: ["answer", "child"],
  },
  "URING-09": {
    why:
      "The restriction must hold for every other operation and registration, or a compromised worker has " +
      "a ring that does what the filter denies. Each is asked for, one by one.",
    refutedBy:
      "Anything that succeeds, or fails with another errno than EACCES: then it was looked at, and " +
      "refused for another reason.",
    seenBy: ["child"],
  },
  "URING-10": {
    why:
      "A ring that was made as root and kept is a way back, if requests ran with the credentials of " +
      "whoever made it. A plain ring's requests take those of the submitter, at the moment of submission: " +
      "this kind is safe.",
    refutedBy:
      "Root's file, or a packet socket, open in the child afterwards. The parent looks at /proc/PID/fd, " +
      "and does not ask the child.",
    seenBy: ["parent", "child"],
  },
  "URING-11": {
    why:
      "It is a warning, and the check holds if the trap is real: the kernel thread that polls such a ring " +
      "has the credentials of the time of its creation. After the drop, under no_new_privs, it still " +
      "opens root's files (CVE-2024-22017). So rings must be closed before the drop.",
    refutedBy:
      "A kernel on which the polled ring no longer acts as root: good news, but what this project knows " +
      "would be wrong there.",
    seenBy: ["parent", "child"],
  },
  "URING-12": {
    why:
      "The same trap by another door: a personality is a set of credentials kept in the ring, and a " +
      "request may name it. Registered as root, it is root for ever.",
    refutedBy: "A kernel on which a request with the personality is refused after the drop.",
    seenBy: ["parent", "child"],
  },
  "URING-13": {
    why:
      "It is the remedy for URING-11 and 12, and remedies must be tried too: after the close, and the end " +
      "of the polling thread, the same requests must come to nothing.",
    refutedBy:
      "Anything that one of the closed rings still opens, as it says or as the parent sees in /proc/PID/fd.",
    seenBy: ["parent", "child"],
  },
  "URING-14": {
    why:
      "All of it together, as it would be deployed: receive-only by filter, with a restricted ring as the " +
      "one way to receive. Each part was shown alone before.",
    refutedBy:
      "Too few frames of the stimulus: the filter refuses io_uring_enter, or the restriction the receive.",
    seenBy: ["answer", "child"],
  },
  "PATH-01": {
    why:
      "recvmsg(2) is the measure of the others: one call a frame, with the kernel's time stamp. If it " +
      "lost or changed frames, no other way would be worth comparing.",
    refutedBy: SAME_FRAMES,
    seenBy: ["parent", "answer", "child"],
  },
  "PATH-02": {
    why:
      "recvfrom(2) is the least that there is: no control message, so no time stamp. It is what a simple " +
      "worker will use, and it must bring every length of frame, cut nowhere.",
    refutedBy: SAME_FRAMES,
    seenBy: ["parent", "answer", "child"],
  },
  "PATH-03": {
    why:
      "recvmmsg(2) takes many frames in one call, each with a length and flags of its own in a vector: an " +
      "error in walking it would mix frames up.",
    refutedBy: SAME_FRAMES,
    seenBy: ["parent", "answer", "child"],
  },
  "PATH-04": {
    why:
      "TPACKET_V3 is the fast way: frames in memory that kernel and worker share, no call for each. " +
      "PACKET_RX_RING asks for no capability, so the worker can set it up after the drop.",
    refutedBy: SAME_FRAMES,
    seenBy: ["parent", "answer", "child"],
  },
  "PATH-05": {
    why:
      "A ring belongs to the socket and not to the process that set it up. So the parent can do it, and " +
      "the hardened worker needs no setsockopt(2); and a successor can map the ring of a dead worker " +
      "again (D18).",
    refutedBy: SAME_FRAMES,
    seenBy: ["parent", "answer", "child"],
  },
  "PATH-06": {
    why:
      "Requests in flight at once may complete in any order; linked, they do not. That order holds is " +
      "what the digests show.",
    refutedBy: SAME_FRAMES,
    seenBy: ["parent", "answer", "child"],
  },
  "PATH-07": {
    why:
      "Multishot fills buffers that the worker gives back while the kernel takes others: a buffer given " +
      "back too early is overwritten, one too late ends the submission.",
    refutedBy: SAME_FRAMES,
    seenBy: ["parent", "answer", "child"],
  },
  "SUPER-01": {
    why:
      "That packets survive would be worth nothing if a successor were less confined than the first " +
      "worker, or had another socket. Both are looked at from outside, at each start.",
    refutedBy:
      "A seat whose workers were given different sockets, or a worker with a thread that is not confined.",
    seenBy: ["parent", "child"],
  },
  "SUPER-02": {
    why:
      "The question of D18. A worker is killed between any two instructions, in the middle of a block of " +
      "its ring; what it had done is written down in memory that outlives it, and the successor goes on " +
      "with the very next frame.",
    refutedBy:
      "A number of the stream that is in no journal, or in two: progress was written down too late or too " +
      "early, or the ring was not taken up where it was left.",
    seenBy: ["parent", "child"],
  },
  "SUPER-03": {
    why:
      "A ring holds what comes while nobody reads, but not for ever. How long is known: a block is " +
      "retired after the timeout or when it is full, and there are so many of them. The gaps must stay " +
      "below that with room to spare, or the next run loses frames.",
    refutedBy:
      "A gap longer than the ring allows, the time to notice the death included; or fewer gaps than kills.",
    seenBy: ["parent", "child"],
  },
  "SUPER-04": {
    why:
      "An update of the worker's program is a planned death. The successor is started and made ready " +
      "first, then the predecessor stops between two frames.",
    refutedBy: "A frame of that time that is missing, or one that both took.",
    seenBy: ["parent", "child"],
  },
  "SUPER-05": {
    why:
      "A member that joins a fanout group gets frames at once, and one that closes its socket takes along " +
      "what was queued in it. So it is left out of the group's program first, emptied, and then let go.",
    refutedBy:
      "A frame of that time that is missing: it was in the socket that was closed. Or one that came twice.",
    seenBy: ["parent", "child"],
  },
  "SUPER-06": {
    why:
      "A worker that dies at each start must not be started for ever, and its seat must not swallow its " +
      "share: the socket of a dead member goes on getting one frame of N, as the kernel's own modes deal " +
      "them out.",
    refutedBy:
      "Frames in its socket while it is given up, none for the others meanwhile, or none for it when it " +
      "is served again.",
    seenBy: ["parent", "child"],
  },
  "SUPER-07": {
    why:
      "The control for SUPER-02: recvfrom(2) takes the frame out of the kernel before anything can be " +
      "written down. If nothing were lost by it, the kills would not have hit anything, and the ring's " +
      "result would show nothing.",
    refutedBy:
      "Nothing lost (the kills missed), something twice, or more lost than one frame a kill can explain.",
    seenBy: ["parent", "child"],
  },
  "SUPER-08": {
    why:
      "The control for keeping the sockets: closed and opened anew, what is queued in the old and what is " +
      "sent before the new one is bound is lost. If it were not, keeping them would have no worth.",
    refutedBy: "No frame lost: the stream did not hit the gaps, and the other results are suspect.",
    seenBy: ["parent", "child"],
  },
  "SUPER-09": {
    why:
      "Giving up and reviving change the group's program twice, and leave frames in a socket that nobody " +
      "serves. They must be there when it is served again.",
    refutedBy: "A frame of that time that is missing, or came twice.",
    seenBy: ["parent", "child"],
  },
  "RELAY-01": {
    why:
      "A packet socket is no member of a multicast group. Without a member on the interface the host " +
      "sends no IGMP report, and switches and routers stop to send the group there: the relay works in " +
      "the laboratory and is deaf in the field.",
    refutedBy:
      "No entry for the group and the interface in /proc/net/igmp, or one with no more users than before.",
    seenBy: ["parent"],
  },
  "RELAY-02": {
    why:
      "The worker gets a socket by which it can send. connect(2) and SO_BINDTODEVICE decide where to; a " +
      "TTL of 1 and no loop keep an error from going round. It must be so at the end as well as at the " +
      "start, since both hold the same socket.",
    refutedBy:
      "Another peer, interface, TTL or loop, before the passing or after the worker's end.",
    seenBy: ["parent"],
  },
  "RELAY-03": {
    why:
      "Whoever holds a UDP socket may connect it anew or name another address, and a packet socket sends " +
      "raw frames: the kernel asks for nothing. The filter of system calls must refuse each of these " +
      "ways, and what is attempted must be seen nowhere.",
    refutedBy:
      "An attempt that succeeds or fails with another errno than EPERM; or a witness that sees one of the " +
      "marked frames.",
    seenBy: ["parent", "child"],
  },
  "RELAY-04": {
    why:
      "Refusals in the worker are the worker's word. Two packet sockets of the parent's look at what " +
      "passes both interfaces; before, each was shown a frame that it had to report, so its silence means " +
      "something.",
    refutedBy:
      "A frame of the worker's beside the datagrams to be passed on; or a witness that did not see the " +
      "control.",
    seenBy: ["parent"],
  },
  "RELAY-05": {
    why:
      "The purpose of a relay: payloads of every length from nothing to what fits into a frame, " +
      "unchanged. Padding of short frames must not be taken for payload, and a full queue must not lose " +
      "one silently.",
    refutedBy:
      "A payload that is missing, doubled, out of order, or has another digest, as seen on the egress " +
      "interface.",
    seenBy: ["parent"],
  },
  "RELAY-06": {
    why:
      "Whether it works for the receiver is for a receiver to say: an ordinary AF_INET socket in a " +
      "network namespace of its own, whose kernel checks headers and checksums before it delivers.",
    refutedBy:
      "A digest that is missing or out of order there. With --out there is no such receiver, and it is " +
      "skipped.",
    seenBy: ["answer"],
  },
  "RELAY-07": {
    why:
      "A packet socket brings frames that no host would deliver: fragments, wrong checksums, lengths that " +
      "contradict each other. Each must be dropped, and for its own reason: a count by another reason " +
      "shows a check that was not reached.",
    refutedBy:
      "Any count that differs from what was sent of that kind, or a datagram among what left.",
    seenBy: ["parent", "child"],
  },
  "RELAY-08": {
    why:
      "The locked filter on the socket is what keeps other traffic of the host from a compromised worker. " +
      "It runs in the kernel, before the queue, so the kernel's own count tells.",
    refutedBy:
      "tp_packets larger or smaller than what was sent to the group by UDP, or tp_drops above 0.",
    seenBy: ["parent"],
  },
  "RELAY-09": {
    why:
      "It is why D1 takes AF_PACKET at all: multicast from a source that is not routed back by the same " +
      "interface is dropped by rp_filter before it reaches an AF_INET socket, without a trace. Beside it " +
      "is the control, with the filter off.",
    refutedBy:
      "The AF_INET socket gets something under rp_filter 1, or not everything under 0 (then the control " +
      "is none); or the relay misses something in either.",
    seenBy: ["parent"],
  },
  "HARD-01": {
    why:
      "Credentials, no_new_privs and seccomp filters belong to a thread, and the runtime has several from " +
      "before the first line runs. One that was forgotten is enough.",
    refutedBy:
      "A thread with another uid or gid, a group, a capability (also in the bounding set), NoNewPrivs 0 " +
      "or Seccomp 0. The parent reads /proc/PID/task from outside.",
    seenBy: ["parent"],
  },
  "HARD-02": {
    why:
      "Threads are started as they are needed, by the runtime and by libc. They inherit from the one that " +
      "starts them, and that must have been a confined one.",
    refutedBy: "A thread started afterwards that is less confined, or too few of them to judge by.",
    seenBy: ["parent"],
  },
  "HARD-03": {
    why:
      "A filter denies calls, and not what is open already: a cache that root opened for writing, a ring, " +
      "a terminal. Deno itself holds three caches open for writing when it is started as root.",
    refutedBy:
      "A descriptor for which the audit knows no reason, or one that refers to a file, as seen from outside.",
    seenBy: ["parent"],
  },
  "HARD-04": {
    why:
      "The filter of system calls hides whether what stands behind it is there. If it ever has a hole, " +
      "these are the second line, so each is looked at by itself.",
    refutedBy:
      "SO_LOCK_FILTER 0, no fanout group, a dumpable process (its /proc files are its own), or the usual " +
      "limits of descriptors, files and cores.",
    seenBy: ["parent"],
  },
  "HARD-05": {
    why:
      "In /proc a filter that allows everything is Seccomp 2 as well. The parent reads the worker's " +
      "filters from the kernel, and compiles the policy itself, for the numbers that the descriptors have there.",
    refutedBy:
      "No filter of the worker is that program, byte for byte; or its packet socket has another number " +
      "beside the one that the rules know. Skipped where a tracer is there already.",
    seenBy: ["parent"],
  },
};
