/**
 * Protections: the powers that a parent can take away from a worker with a packet socket, by name.
 *
 * Theory of operation. The kernel asks for CAP_NET_RAW once, in packet_create(). Whatever the
 * holder of a packet socket does later must be stopped by something else, and only a filter of
 * system calls stops all of it. Each protection closes what the others leave open, and their order
 * matters:
 *
 *   1. The parent protects the socket before it passes it, because the worker could undo whatever
 *      it does itself (socket_protections.ts).
 *      a. `locked-filter`: a classic BPF program passes only the frames that the worker is for, and
 *         SO_LOCK_FILTER makes it final. packet_setsockopt() asks for no more. After the bind, so
 *         that it does not hinder the parent's own set-up.
 *      b. `fanout-pin`: a member of a fanout group can neither be bound elsewhere
 *         (packet_do_bind(): EINVAL) nor join another group.
 *   2. The parent starts the child without capabilities, because a capability set belongs to a
 *      thread, and a runtime has many threads before its first line runs (launcher.ts).
 *      c. `no-capabilities`: the bounding, inheritable and ambient sets are empty. The child starts
 *         with effective uid 0, without any capability, and with the worker's uid as its real one.
 *         So it can still become the worker, because setresuid(2) grants any of the three current
 *         ids, but it has nothing else of root's. All threads descend from that start.
 *   3. The child, before its ids change (worker_protections.ts):
 *      d. `closed-descriptors`: every descriptor without a reason is closed. No filter can replace
 *         this: an io_uring that root made and the kernel polls needs no system call.
 *   4. The worker, after its ids have changed, because that resets (e) and (f), and (i) would
 *      forbid it (worker_protections.ts):
 *      e. `undumpable`: no process of the same uid can trace it, read its memory or take its
 *         descriptors (ptrace_may_access()).
 *      f. `parent-death-signal`: it is killed when the parent dies. The parent may have died
 *         before, so the control channel is checked too.
 *      g. `resource-limits`: it can open a few more descriptors, no file grows, no core is written.
 *         RLIMIT_NPROC is left alone: it counts the threads of all processes of that uid, and the
 *         runtime starts threads when it needs them. New processes are refused by (i).
 *      h. `no-new-privs`: no execve gains a privilege. prctl(2) reaches one thread. A seccomp
 *         filter that allows everything, installed with SECCOMP_FILTER_FLAG_TSYNC, sets it on all.
 *      i. `receive-only`: the filter of system calls (policy.ts), last. With TSYNC it reaches every
 *         thread, and later threads inherit it.
 *
 * @module
 */

/** The effect of each protection, by its name, in the order in which they are put on. */
export const PROTECTIONS = {
  "locked-filter": "only the frames that the worker needs reach it, and it cannot change that",
  "fanout-pin": "the socket cannot be bound elsewhere, nor join another fanout group",
  "no-capabilities": "no thread ever has a capability, and no program that it executes gains one",
  "closed-descriptors": "only expected descriptors are open",
  "undumpable": "no process of the same uid can trace it or take its descriptors",
  "parent-death-signal": "it does not outlive its parent",
  "resource-limits": "it can hoard no descriptors, make no file grow and dump no core",
  "no-new-privs": "no program that it executes gains a privilege",
  "receive-only": "only system calls that receive, report and keep the runtime going",
} as const;

/** The name of a protection. */
export type Protection = keyof typeof PROTECTIONS;

/** All protections, in their order. */
export const ALL_PROTECTIONS = Object.keys(PROTECTIONS) as Protection[];
