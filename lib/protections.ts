/**
 * Hardening: what a supervisor can take away from a worker that holds a packet socket, as protections with names.
 *
 * Theory of operation. The kernel asks for CAP_NET_RAW once, in `packet_create`; what the holder of a packet socket does later with it must
 * be stopped by something else, and nothing stops all of it but a system call filter. Each protection closes what
 * the others leave open, and the order in which they are put on is not free:
 *
 *   1. On the socket, by the parent, before the socket is passed (the worker could undo what it does itself):
 *      a. `locked-filter`: a classic BPF program lets pass what the worker is for, and SO_LOCK_FILTER makes it final;
 *         packet_setsockopt asks for nothing more. After the bind, so that the parent's own set-up is not in its way.
 *      b. `fanout-pin`: a member of a fanout group cannot be bound elsewhere (packet_do_bind: EINVAL), nor join another.
 *   2. At birth, by the parent, since a capability set belongs to a thread, and a runtime has many before its first line runs:
 *      c. `no-capabilities`: bounding, inheritable and ambient set empty. The child is born with effective uid 0 and no
 *         capability, and with the worker's uid as its real one: so it can still become the worker (setresuid(2) grants
 *         any of the three ids that one has), but has nothing else of root's. On every thread, because all descend from that birth.
 *   3. In the child, before the socket comes: `closed-descriptors`: what is open and has no reason to be is closed.
 *   4. In the child, after the ids have changed (a uid change resets the first two; the last would forbid the others):
 *      d. `undumpable`: no process of the same uid may trace it, read its memory or take its descriptors (ptrace_may_access).
 *      e. `parent-death-signal`: it is killed when the parent dies; and since the parent may have died before, its pid is looked at again.
 *      f. `resource-limits`: no more descriptors than now and a few, no file grows, no core. RLIMIT_NPROC is left: it counts
 *         threads, of all processes of that uid, and the runtime starts threads as it needs them; new processes fall to (h).
 *      g. `no-new-privs`: no execve gains a privilege. prctl(2) reaches one thread; a seccomp filter that allows everything, put on with
 *         SECCOMP_FILTER_FLAG_TSYNC, carries it to all.
 *      h. `receive-only`: the system call filter, last: see `receive_only.ts`. With TSYNC it reaches every thread, and later ones inherit it.
 *
 * @module
 */

import {
  assemble,
  attachFilter,
  bindAll,
  compileFilter,
  getppid,
  installFilter,
  lockFilter,
  openDescriptors,
  PACKET_FANOUT,
  PR_SET_DUMPABLE,
  PR_SET_PDEATHSIG,
  prctl,
  RLIMIT_CORE,
  RLIMIT_FSIZE,
  RLIMIT_NOFILE,
  setrlimit,
  setsockopt,
  SIGKILL,
  SOL_PACKET,
} from "../ffi/mod.ts";
