/**
 * The wrong answers that a run may get and still pass, each with the reason why no claim rests on
 * the answer. Any other PASS is wrong; so is a PASS where the logs show that a claim is not true.
 *
 * @module
 */

import type { Injection } from "./injection.ts";
import { isAt, ON_ANOTHER_THREAD } from "./places.ts";

/** A wrong answer that is declared harmless. */
interface Tolerated {
  /** The functions of libc. */
  readonly libc: readonly string[];
  /** The system calls that they make; all by default. */
  readonly syscalls?: readonly string[];
  /** The errnos; `"any"` for all of them, `"lie"` for a success that did not happen. */
  readonly answers: readonly string[];
  /** Where in the program, as patterns for `isAt()`; anywhere by default. */
  readonly at?: readonly string[];
  readonly why: string;
}

/** Calls that are repeated, or waited for, until they work. */
const AGAIN: readonly Tolerated[] = [
  {
    libc: ["open"],
    answers: ["any", "lie"],
    at: ["packetSocketsInSight@lib/harness/parent_run.ts"],
    why: "the first look at the child lists the packet sockets again, and reports that it cannot",
  },
  {
    libc: ["syscall"],
    syscalls: ["ptrace"],
    answers: ["ESRCH", "lie"],
    at: [
      "StoppedThread.stop@ffi/ptrace/stopped_thread.ts StoppedProcesses.#stopNew@lib/inspect/asking/stopped.ts",
    ],
    why:
      "a thread that seems to have ended while it was being stopped is stopped again if it exists",
  },
  {
    libc: ["open", "read", "recvfrom", "recvmsg", "sendmsg", "sendto", "recvmmsg", "write"],
    answers: ["EINTR"],
    why: "the call is repeated: checkRestarting() in ffi/abi/errno.ts",
  },
  {
    libc: ["poll"],
    answers: ["EINTR", "lie"],
    why: "the wait ends early, and its condition is checked again until the time is up",
  },
  {
    libc: ["pollAsync"],
    answers: ["any", "lie"],
    why: "as with poll(2), on a thread where errno is lost: the wait ends early",
  },
  {
    libc: ["syscall"],
    syscalls: ["waitid"],
    answers: ["lie"],
    at: ["awaitStop@ffi/ptrace/stops.ts"],
    why: "the call is repeated until the process has stopped or the time is up",
  },
  {
    libc: ["poll"],
    answers: ["any"],
    at: [ON_ANOTHER_THREAD],
    why:
      "errno is lost there: a poll that fails only ends early, and the channel is checked (pollAsync)",
  },
  {
    libc: ["shutdown"],
    answers: ["any", "lie"],
    at: ["@lib/harness/child.ts", "wake@lib/harness/channel.ts"],
    why: "it only wakes a wait for a closed channel, which ends without it too",
  },
  {
    libc: ["syscall"],
    syscalls: ["io_uring_enter"],
    answers: ["EINTR", "EBUSY"],
    why: "submissions that were not accepted are submitted again",
  },
  {
    libc: ["recvmsg", "sendmsg"],
    answers: ["EAGAIN"],
    why: "the call is repeated after poll(2)",
  },
  {
    libc: ["recvmsg"],
    answers: ["ECONNRESET"],
    at: ["takeMessage@lib/harness/channel.ts"],
    why:
      "the end of the peer is reported once, before its last messages; the next call returns them",
  },
  {
    libc: ["recvmsg", "recvfrom"],
    answers: ["EAGAIN", "EINTR"],
    at: [
      "receive@lib/packets/queue.ts",
      "forwardFrames@lib/harness/forward.ts",
      "drain@lib/receive/frame_source.ts",
    ],
    why: "the frame is still there at the next call",
  },
  {
    libc: ["sendto"],
    answers: ["ENOBUFS", "lie"],
    at: ["@lib/packets/stimulus.ts", "SteadyStimulus.#send@lib/experiments/supervisor/stream.ts"],
    why: "a frame that was not sent is sent again, or replaced (reception.ts)",
  },
  {
    libc: ["readlink", "open", "read", "getdents64"],
    answers: ["ENOENT", "ESRCH"],
    at: ["unlessGone@ffi/process/proc.ts"],
    why: "the call is made twice before a thread or a descriptor counts as gone",
  },
  {
    libc: ["close_range"],
    answers: ["any"],
    why: "then each descriptor that /proc lists is marked by itself",
  },
];

/** Calls that no claim rests on. */
const BESIDE_THE_POINT: readonly Tolerated[] = [
  {
    libc: ["bind", "setsockopt"],
    answers: ["lie"],
    at: ["new InterfaceWitness@lib/harness/interface_witness.ts"],
    why: "a witness that sees less turns a FAIL into INCONCLUSIVE, never into PASS",
  },
  {
    libc: ["sigaction"],
    answers: ["lie"],
    at: ["restoreDefaultSignals@ffi/process/signals.ts"],
    why: "a signal that should end the child may do something else; no claim rests on a signal",
  },
  {
    libc: ["setsid"],
    answers: ["lie"],
    why: "the parent looks for a terminal of the child's (footholds.ts)",
  },
  {
    libc: ["setns", "unshare"],
    answers: ["any"],
    at: ["inNewNamespace@lib/harness/pid_namespace.ts"],
    why: "without PID namespaces the subreaper ends the processes that the child leaves behind",
  },
  {
    libc: ["setns", "unshare"],
    answers: ["lie"],
    at: [
      "^setns@ffi/process/namespaces.ts inNewNamespace@lib/harness/pid_namespace.ts canHavePidNamespaces@lib/harness/pid_namespace.ts",
      "^unshare@ffi/process/namespaces.ts inNewNamespace@lib/harness/pid_namespace.ts canHavePidNamespaces@lib/harness/pid_namespace.ts",
    ],
    why: "nothing is started there; whether later processes are in a namespace is checked",
  },
  {
    libc: ["setns"],
    answers: ["any", "lie"],
    at: [
      "^setns@ffi/process/namespaces.ts inNewNamespace@lib/harness/pid_namespace.ts",
      "^setns@ffi/process/namespaces.ts thenBack@lib/harness/pid_namespace.ts",
    ],
    why: "the way back is tried again, and the parent starts no process after the child",
  },
  {
    libc: ["close"],
    answers: ["lie"],
    why: "a descriptor stays open; for the packet socket, /proc is checked (RECV-03)",
  },
  {
    libc: ["close_range", "fcntl"],
    answers: ["lie"],
    why:
      "descriptors made here are close-on-exec already; PASS-01 checks what the child really has",
  },
  {
    libc: ["if_nametoindex", "getpwnam_r"],
    answers: ["any", "lie"],
    why: "libc asks in another way; setresuid gets the user, and the bind shows the interface",
  },
  {
    libc: ["alarm"],
    answers: ["any", "lie"],
    why: "it would end a child that hangs, and this one does not",
  },
  {
    libc: ["prctl"],
    answers: ["any", "lie"],
    at: ["becomeSubreaper@ffi/process/process.ts"],
    why: "init would have to end the processes that a child leaves behind; this one leaves none",
  },
  {
    libc: ["open", "read", "close"],
    answers: ["any", "lie"],
    at: ["ignoredSignals@lib/harness/interruption.ts"],
    why: "a signal that was ignored before may end the run now, which the report would say",
  },
  {
    libc: ["syscall"],
    syscalls: ["io_uring_register"],
    answers: ["any", "lie"],
    at: ["cancel@ffi/io_uring/io_uring.ts"],
    why: "the ring is closed, and its pending requests end with it",
  },
  {
    libc: ["mmap"],
    answers: ["lie"],
    at: ["unmap@ffi/abi/memory.ts"],
    why: "the pages of a closed ring stay mapped and unused, and the process ends soon",
  },
  {
    libc: ["syscall"],
    syscalls: ["io_uring_register"],
    answers: ["lie"],
    at: ["restrictedRing@lib/receive/restricted_ring.ts"],
    why: "URING-09 asks of another ring whether a restricted ring refuses everything else; " +
      "a restriction is checked before the file",
  },
  {
    libc: ["syscall"],
    syscalls: ["io_uring_enter"],
    answers: ["lie"],
    at: [
      "new EarlyRings@lib/confine/early_rings.ts",
      "EarlyRings.#enter@lib/confine/early_rings.ts",
    ],
    why: "nothing is expected of a closed ring, and nothing comes (URING-13)",
  },
  {
    libc: ["syscall"],
    syscalls: ["seccomp"],
    answers: ["lie"],
    at: ["noNewPrivileges@lib/experiments/io_uring/experiment.ts"],
    why: "it is for no_new_privs, which strace's own filter has set on every thread here; " +
      "URING-01 reads it on both sides",
  },
  {
    libc: ["syscall"],
    syscalls: ["seccomp"],
    answers: ["lie"],
    at: ["no-new-privs@lib/confine/worker_protections.ts"],
    why: "the receive-only filter sets no_new_privs on every thread as well; HARD-01 reads it",
  },
  {
    libc: ["prctl"],
    answers: ["lie"],
    at: ["^installFilter@ffi/seccomp/seccomp.ts"],
    why: "no_new_privs is set already, or seccomp(2) refuses (EACCES); HARD-01 reads it",
  },
  {
    libc: ["prctl"],
    answers: ["lie"],
    at: ["undumpable@lib/confine/worker_protections.ts"],
    why: "the change of uid has made it undumpable already; HARD-04 checks that from outside",
  },
  {
    libc: ["syscall"],
    syscalls: ["ptrace"],
    answers: ["EACCES", "EIO", "EPERM"],
    at: ["readInstalledFilters@ffi/seccomp/installed_filters.ts"],
    why: "HARD-05 is skipped, and reports what prevents the parent from looking",
  },
  {
    libc: ["syscall"],
    syscalls: ["ptrace"],
    answers: ["lie"],
    at: ["filtersOf@ffi/ptrace/requests.ts"],
    why: "it concerns the second filter, which only refuses more; the reviewed one must be there",
  },
  {
    libc: ["syscall"],
    syscalls: ["kcmp"],
    answers: ["any", "lie"],
    at: ["sharesMemoryWith@ffi/ptrace/syscall_instruction.ts"],
    why: "then the vDSO is looked up again; that of the other threads of a process is the same",
  },
  {
    libc: ["syscall"],
    syscalls: ["ptrace"],
    answers: ["lie"],
    at: ["StoppedThread.checkStopped@ffi/ptrace/stopped_thread.ts"],
    why: "a thread that is not stopped gives no answer to the questions that follow",
  },
  {
    libc: ["syscall", "pthread_sigmask"],
    syscalls: ["timer_create", "timer_settime", "rt_sigaction", "mprotect", "pthread_sigmask"],
    answers: ["lie"],
    at: ["seize@ffi/ptrace/seize.ts"],
    why: "the timer only limits the wait for an execve(2)",
  },
  {
    libc: ["mmap"],
    answers: ["any", "lie"],
    at: ["unmapAll@ffi/abi/memory.ts"],
    why: "the process ends, and nothing uses that memory any more",
  },
  {
    libc: ["syscall"],
    syscalls: ["ptrace"],
    answers: ["lie"],
    at: [
      "request@ffi/ptrace/requests.ts StoppedThread.#save@ffi/ptrace/stopped_thread.ts",
      "request@ffi/ptrace/requests.ts StoppedThread.#restore@ffi/ptrace/stopped_thread.ts",
    ],
    why:
      "it sets the blocked signals of a thread: a signal during a question makes it be asked again, and no claim rests on later ones",
  },
  {
    libc: ["syscall"],
    syscalls: ["ptrace"],
    answers: ["lie"],
    at: ["isTrapped@ffi/ptrace/requests.ts"],
    why: "the kernel itself says that no signal is pending",
  },
  {
    libc: ["syscall"],
    syscalls: ["ptrace"],
    answers: ["any", "lie"],
    at: ["errnoOf@ffi/abi/errno.ts StoppedThread.beneathFilter@ffi/ptrace/stopped_thread.ts"],
    why: "a filter that stays suspended returns when the thread is released, before it runs",
  },
  {
    libc: ["syscall"],
    syscalls: ["ptrace"],
    answers: ["any", "lie"],
    at: ["errnoOf@ffi/abi/errno.ts StoppedThread.#detach@ffi/ptrace/stopped_thread.ts"],
    why: "a thread is released twice, and the first time was enough",
  },
  {
    libc: ["syscall"],
    syscalls: ["ptrace"],
    answers: ["ESRCH", "lie"],
    at: ["StoppedThread.#detach@ffi/ptrace/stopped_thread.ts"],
    why: "a thread that exists is released later",
  },
  {
    libc: ["syscall"],
    syscalls: ["ptrace"],
    answers: ["lie"],
    at: [
      "setRegisters@ffi/ptrace/requests.ts StoppedThread.#restore@ffi/ptrace/stopped_thread.ts",
      "syscallInfo@ffi/ptrace/requests.ts StoppedThread.#continuePast@ffi/ptrace/stopped_thread.ts",
    ],
    why:
      "the questions are answered; a thread that continues elsewhere can only end the child's part",
  },
  {
    libc: ["syscall"],
    syscalls: ["waitid"],
    answers: ["ECHILD"],
    at: ["stopOf@ffi/ptrace/stops.ts"],
    why: "the call is repeated until the thread has stopped or the time is up",
  },
  {
    libc: ["getpeername"],
    answers: ["ENOTCONN", "EOPNOTSUPP"],
    at: ["kindOfSocket@lib/inspect/descriptors/descriptors.ts"],
    why: "before the message only packet sockets of the child matter; later this refutes DROP-05",
  },
  {
    libc: ["syscall"],
    syscalls: ["ptrace"],
    answers: ["lie"],
    at: [
      "request@ffi/ptrace/requests.ts StoppedThread.#detach@ffi/ptrace/stopped_thread.ts",
    ],
    why: "a thread is released twice",
  },
  {
    libc: ["syscall"],
    syscalls: ["kcmp"],
    answers: ["lie"],
    at: ["threadsElsewhere@lib/inspect/footholds.ts"],
    why: "a separate descriptor table of a thread matters after the drop, where it refutes DROP-05",
  },
  {
    libc: ["bind", "getsockopt", "prctl", "setsockopt", "syscall", "waitpid"],
    answers: ["lie"],
    at: ["attemptOperation@lib/experiments/authority/operation.ts"],
    why: "an attack without a visible effect counts as successful, which errs on the safe side; " +
      "where a protection should refuse it, that is no PASS",
  },
  {
    libc: ["syscall"],
    syscalls: ["io_uring_register"],
    answers: ["lie"],
    at: [
      "makeEarlyRings@lib/experiments/authority/experiment.ts",
      "makeEarlyRings@lib/experiments/io_uring/experiment.ts",
    ],
    why: "the ring is closed before the attack; where it is not, the attack by it fails",
  },
  {
    libc: ["prctl"],
    answers: ["lie"],
    at: ["^prctl@ffi/process/process.ts child@lib/experiments/authority/experiment.ts"],
    why: "it makes a sibling dumpable, which the outcome of the attacks on it shows",
  },
  {
    libc: [
      ...[
        "mmap",
        "close",
        "setresgid",
        "setresuid",
        "getsockopt",
        "getsockname",
        "poll",
        "recvfrom",
      ],
    ],
    answers: ["any", "lie"],
    at: ["@lib/experiments/supervisor/worker.ts"],
    why:
      "a worker that fails is restarted with the same socket, which is the supervisor's task; the account has every frame",
  },
  {
    libc: ["syscall"],
    syscalls: ["lseek"],
    answers: ["lie"],
    at: ["sharedMemory@ffi/abi/memory.ts"],
    why: "it returns the size that there is",
  },
  {
    libc: ["socketpair", "poll", "getsockopt", "pollAsync"],
    answers: ["any"],
    at: [
      "TendedSeat.#serve@lib/experiments/supervisor/seat.ts",
      "TendedSeat.#serveUntilOver@lib/experiments/supervisor/seat.ts",
    ],
    why: "a start that fails is repeated, later and later, and the account has every frame",
  },
  {
    libc: ["pthread_join", "sem_post"],
    answers: ["any", "lie"],
    at: ["release@ffi/process/threads.ts"],
    why: "the worker has finished, and its threads end with the process",
  },
  {
    libc: ["sem_init"],
    answers: ["lie"],
    why: "its bytes are those of a semaphore at zero already",
  },
  {
    libc: ["getppid"],
    answers: ["any", "lie"],
    why: "the parent matters only for the parent-death signal, which is not requested",
  },
  {
    libc: ["sendmsg"],
    answers: ["lie"],
    at: [
      "ChildRun.step@lib/harness/child_run.ts",
      "ChildRun.done@lib/harness/child_run.ts",
      "ChildRun.note@lib/harness/child_run.ts",
      "ChildRun.detail@lib/harness/child_run.ts",
      "ChildRun.packet@lib/harness/child_run.ts",
      "ChildRun.check@lib/harness/child_run.ts",
    ],
    why:
      "what is lost is a line of the transcript, a finding of the child's, which could only refute, or a packet, which is replaced",
  },
  {
    libc: ["setsockopt"],
    answers: ["lie"],
    at: ["new Stimulus@lib/packets/stimulus.ts", "openPacketSocket@lib/packets/socket.ts"],
    why: "the socket only sends; or its own frames come back, which are told from the stimulus; " +
      "without the kernel's stamps no frame would count; without its VLAN tags frames are shown " +
      "untagged",
  },
  {
    libc: ["getsockopt"],
    answers: ["EBADF", "ENOTSOCK"],
    at: ["isPacketSocket@lib/packets/socket.ts"],
    why:
      "a descriptor that is not a socket is no packet socket; the parent looks for it in /proc (PASS-01)",
  },
  {
    libc: ["recvmsg"],
    answers: ["lie"],
    at: ["receive@lib/packets/queue.ts"],
    why: "a frame that did not come has no nonce, or one that counts already",
  },
  {
    libc: ["read"],
    answers: ["lie"],
    at: [
      "requireSetgroups@lib/host/users.ts",
      "requireMapped@lib/host/users.ts",
      "@lib/harness/interruption.ts",
    ],
    why: "a reason not to start is missed; the drop itself is judged later",
  },
  {
    libc: ["syscall"],
    answers: ["lie", "EINVAL"],
    at: ["requireChangeableIds@lib/host/users.ts"],
    why: "these calls change nothing; a refusal that is missed here ends the child's own drop",
  },
  {
    libc: ["syscall"],
    syscalls: ["pidfd_open", "pidfd_getfd"],
    answers: ["any", "lie"],
    at: ["@lib/experiments/privilege_drop/drops.ts"],
    why: "without the count of dropped frames, frames that are missing are not excused",
  },
];

/** Every wrong answer that is declared harmless. */
export const TOLERATED: readonly Tolerated[] = [...AGAIN, ...BESIDE_THE_POINT];

/** Calls that fetch something, and whose result 0 means that there is nothing. */
const FETCHING = ["getdents64", "getgroups", "lseek", "poll", "read", "recvmsg"];

/** Whether the kernel would give the same answer: the same errno, or that there is nothing more. */
export function isUsual(
  { syscall, answer, usual }: Pick<Injection, "syscall" | "answer" | "usual">,
): boolean {
  if ("errno" in answer) return usual.startsWith(`-1 ${answer.errno} `);
  return answer.result === 0 && FETCHING.includes(syscall) && /^0\b/.test(usual);
}

/** Why a PASS may follow an injection; `undefined` if it may not. */
export function whyTolerated(injection: Injection): string | undefined {
  const { libc, syscall, place, answer } = injection;
  if (isUsual(injection)) return "the kernel gives the same answer";
  const is = (answers: readonly string[]) =>
    "errno" in answer
      ? answers.includes("any") || answers.includes(answer.errno)
      : answers.includes("lie");
  return TOLERATED.find((each) =>
    each.libc.includes(libc) && (each.syscalls?.includes(syscall) ?? true) && is(each.answers) &&
    (each.at?.some((pattern) => isAt(place, pattern)) ?? true)
  )?.why;
}
