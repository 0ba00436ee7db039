/**
 * The wrong answers that a run may get and still pass, each with the reason why no claim rests on
 * the answer. Any other PASS is wrong; so is a PASS where the logs show that a claim is not true.
 *
 * @module
 */

import type { Injection } from "./injection.ts";

/** A wrong answer that is declared harmless. */
interface Tolerated {
  /** The functions of libc. */
  readonly libc: readonly string[];
  /** The system calls that they make; all by default. */
  readonly syscalls?: readonly string[];
  /** The errnos; `"any"` for all of them, `"lie"` for a success that did not happen. */
  readonly answers: readonly string[];
  /** Where in the program; anywhere by default. */
  readonly at?: RegExp;
  readonly why: string;
}

const ON_ANOTHER_THREAD = /^$/;

/** Calls that are repeated, or waited for, until they work. */
const AGAIN: readonly Tolerated[] = [
  {
    libc: ["syscall"],
    syscalls: ["ptrace"],
    answers: ["ESRCH", "lie"],
    at: /StoppedThread\.stop\S* StoppedChild\.#stopNew/,
    why: "a thread that seems to have ended while it was stopped is stopped again if it is there",
  },
  {
    libc: ["open", "read", "recvfrom", "recvmsg", "sendmsg", "sendto", "recvmmsg", "write"],
    answers: ["EINTR"],
    why: "made again: checkRestarting() in ffi/abi/errno.ts",
  },
  {
    libc: ["poll"],
    answers: ["EINTR", "lie"],
    why: "a wait that ends early: what it was for is looked at again, until the time is over",
  },
  {
    libc: ["pollAsync"],
    answers: ["any", "lie"],
    why: "as poll(2), on a thread where errno is lost: a wait that ends early",
  },
  {
    libc: ["syscall"],
    syscalls: ["waitid"],
    answers: ["lie"],
    at: /awaitStop/,
    why: "asked again, until it says that the process has stopped or the time is over",
  },
  {
    libc: ["poll"],
    answers: ["any"],
    at: ON_ANOTHER_THREAD,
    why:
      "there errno is lost: a poll that fails is one that ends early, and the channel is looked at (pollAsync)",
  },
  {
    libc: ["shutdown"],
    answers: ["any", "lie"],
    at: /lib\/harness\/child\.ts|wake/,
    why: "it wakes who waits on a channel whose other end is gone; the wait has an end without it",
  },
  {
    libc: ["syscall"],
    syscalls: ["io_uring_enter"],
    answers: ["EINTR", "EBUSY"],
    why: "what was not taken is offered again",
  },
  {
    libc: ["recvmsg", "sendmsg"],
    answers: ["EAGAIN"],
    why: "waited for by poll(2), and made again",
  },
  {
    libc: ["recvmsg"],
    answers: ["ECONNRESET"],
    at: /takeMessage/,
    why:
      "the end of the peer is told of once, and before its last words: the next call brings them",
  },
  {
    libc: ["recvmsg", "recvfrom"],
    answers: ["EAGAIN", "EINTR"],
    at: /takeFrame|forwardFrames|drain/,
    why: "no frame now: it is still there the next time",
  },
  {
    libc: ["sendto"],
    answers: ["ENOBUFS", "lie"],
    at: /Stimulus|lib\/packets\/stimulus\.ts/,
    why: "a frame that did not leave is sent again, or another in its place (reception.ts)",
  },
  {
    libc: ["readlink", "open", "read", "getdents64"],
    answers: ["ENOENT", "ESRCH"],
    at: /unlessGone/,
    why: "asked for twice before it is believed that a thread or a descriptor is gone",
  },
  {
    libc: ["close_range"],
    answers: ["any"],
    why: "then each descriptor is marked by itself, as /proc lists them",
  },
];

/** Calls that no claim rests on. */
const BESIDE_THE_POINT: readonly Tolerated[] = [
  {
    libc: ["bind", "setsockopt"],
    answers: ["lie"],
    at: /new InterfaceWitness/,
    why: "a witness that sees less makes of a FAIL an INCONCLUSIVE, and never a PASS",
  },
  {
    libc: ["sigaction"],
    answers: ["lie"],
    at: /restoreDefaultSignals/,
    why: "a signal that the child should die of may do something else; no claim rests on a signal",
  },
  {
    libc: ["setsid"],
    answers: ["lie"],
    why: "a terminal of the child's is looked for by the parent (footholds.ts)",
  },
  {
    libc: ["setns", "unshare"],
    answers: ["any"],
    at: /inNewNamespace/,
    why: "without PID namespaces the subreaper ends what the child leaves behind",
  },
  {
    libc: ["setns", "unshare"],
    answers: ["lie"],
    at: /^\S+ inNewNamespace\S* canHavePidNamespaces/,
    why: "nothing is started there; whether what is started later is in a namespace is looked at",
  },
  {
    libc: ["setns"],
    answers: ["any", "lie"],
    at: /^\S+ (inNewNamespace|thenBack|\S+ \S+ thenBack)/,
    why: "the way back: tried again; the parent starts no other process after the child",
  },
  {
    libc: ["close"],
    answers: ["lie"],
    why: "a descriptor stays open: the packet socket's own close is looked at in /proc (RECV-03)",
  },
  {
    libc: ["close_range", "fcntl"],
    answers: ["lie"],
    why: "what is made here is close-on-exec already; PASS-01 looks at what the child really has",
  },
  {
    libc: ["if_nametoindex", "getpwnam_r"],
    answers: ["any", "lie"],
    why:
      "libc asks in another way; whom it names is what setresuid gets, and the bind shows the interface",
  },
  {
    libc: ["alarm"],
    answers: ["any", "lie"],
    why: "the end that the kernel puts to a child that hangs; this one does not",
  },
  {
    libc: ["prctl"],
    answers: ["any", "lie"],
    at: /becomeSubreaper/,
    why: "what a child leaves behind would be init's to end; this one leaves nothing",
  },
  {
    libc: ["open", "read", "close"],
    answers: ["any", "lie"],
    at: /ignoredSignals/,
    why: "a signal that was ignored before may end the run now; that it ended so would be told",
  },
  {
    libc: ["syscall"],
    syscalls: ["io_uring_register"],
    answers: ["any", "lie"],
    at: /cancel@/,
    why: "a ring that is closed; what is under way in it ends with it",
  },
  {
    libc: ["mmap"],
    answers: ["lie"],
    at: /unmap@/,
    why: "pages of a closed ring stay where nobody looks any more; the process ends soon",
  },
  {
    libc: ["syscall"],
    syscalls: ["io_uring_register"],
    answers: ["lie"],
    at: /restrictedRing/,
    why:
      "whether a restricted ring refuses everything else is URING-09's question, asked of one made for it; " +
      "a restriction comes before the file is looked at",
  },
  {
    libc: ["syscall"],
    syscalls: ["io_uring_enter"],
    answers: ["lie"],
    at: /EarlyRings/,
    why: "of a ring that is closed nothing is expected, and nothing comes (URING-13)",
  },
  {
    libc: ["syscall"],
    syscalls: ["seccomp"],
    answers: ["lie"],
    at: /noNewPrivileges/,
    why:
      "what is wanted of it is no_new_privs, which strace's own filter has brought to every thread here; " +
      "URING-01 reads it on both sides",
  },
  {
    libc: ["syscall"],
    syscalls: ["seccomp"],
    answers: ["lie"],
    at: /no-new-privs/,
    why: "the receive-only filter brings no_new_privs to every thread as well; HARD-01 reads it",
  },
  {
    libc: ["prctl"],
    answers: ["lie"],
    at: /^prctl\S* installFilter|^installFilter/,
    why: "no_new_privs is set already, or seccomp(2) refuses (EACCES); HARD-01 reads it",
  },
  {
    libc: ["prctl"],
    answers: ["lie"],
    at: /undumpable/,
    why: "a change of the uid has made it undumpable already; HARD-04 looks at it from outside",
  },
  {
    libc: ["syscall"],
    syscalls: ["ptrace"],
    answers: ["EACCES", "EIO", "EPERM"],
    at: /readInstalledFilters/,
    why: "HARD-05 is skipped, and says what keeps the parent from looking",
  },
  {
    libc: ["syscall"],
    syscalls: ["ptrace"],
    answers: ["lie"],
    at: /filtersOf/,
    why: "of the filter beside the reviewed one, which only refuses more; the other must be there",
  },
  {
    libc: ["syscall"],
    syscalls: ["ptrace"],
    answers: ["any", "lie"],
    at: /isInstructionAt/,
    why: "then another instruction is found to make the call by",
  },
  {
    libc: ["syscall"],
    syscalls: ["ptrace"],
    answers: ["lie"],
    at: /\brequest@\S* StoppedThread\.#(save|restore)/,
    why:
      "which signals a thread blocks: one that comes during a question makes it be asked again, and no claim rests on those after it",
  },
  {
    libc: ["syscall"],
    syscalls: ["ptrace"],
    answers: ["lie"],
    at: /isTrapped/,
    why: "that no signal waits is what the kernel says",
  },
  {
    libc: ["syscall"],
    syscalls: ["ptrace"],
    answers: ["any", "lie"],
    at: /errnoOf\S* StoppedThread\.beneathFilter/,
    why: "a filter that stays suspended is back when the thread is let go, which is before it runs",
  },
  {
    libc: ["syscall"],
    syscalls: ["ptrace"],
    answers: ["any", "lie"],
    at: /errnoOf\S* StoppedThread\.#leave/,
    why: "a thread is let go twice, and the first time was enough",
  },
  {
    libc: ["syscall"],
    syscalls: ["ptrace"],
    answers: ["ESRCH", "lie"],
    at: /StoppedThread\.(#standStill\S* StoppedThread\.)?#leave/,
    why: "a thread that is there is let go later",
  },
  {
    libc: ["syscall"],
    syscalls: ["ptrace"],
    answers: ["lie"],
    at: /\bsetRegisters@\S* StoppedThread\.#restore|\bsyscallInfo@\S* StoppedThread\.#passOn/,
    why:
      "the questions are answered; a thread that goes on elsewhere can only end the child's part",
  },
  {
    libc: ["syscall"],
    syscalls: ["waitid"],
    answers: ["ECHILD"],
    at: /stopOf/,
    why: "asked again, until the thread has stopped or the time is over",
  },
  {
    libc: ["getpeername"],
    answers: ["ENOTCONN", "EOPNOTSUPP"],
    at: /kindOfSocket/,
    why:
      "of what the child has before the message packet sockets alone matter; later it refutes DROP-05",
  },
  {
    libc: ["syscall"],
    syscalls: ["ptrace"],
    answers: ["lie"],
    at: /\brequest@\S* StoppedThread\.#leave/,
    why: "a thread is let go twice",
  },
  {
    libc: ["syscall"],
    syscalls: ["kcmp"],
    answers: ["lie"],
    at: /threadsElsewhere/,
    why: "a descriptor table of a thread's own matters after the drop, where it refutes DROP-05",
  },
  {
    libc: ["bind", "getsockopt", "prctl", "setsockopt", "syscall", "waitpid"],
    answers: ["lie"],
    at: /attemptOperation/,
    why:
      "an attack with no effect to look at is believed to have succeeded, which errs on the safe side; " +
      "where a protection is to refuse it, that is no PASS",
  },
  {
    libc: ["syscall"],
    syscalls: ["io_uring_register"],
    answers: ["lie"],
    at: /makeEarlyRings/,
    why: "a ring that is closed before the attack; where it is not, the attack by it fails",
  },
  {
    libc: ["prctl"],
    answers: ["lie"],
    at: /^prctl\S* Object\.child@lib\/experiments\/authority/,
    why: "whether a sibling is dumpable decides what comes of the attacks upon it",
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
    at: /lib\/experiments\/supervisor\/worker\.ts/,
    why:
      "a worker that fails is started again and gets the same socket: what the supervisor is for; every frame is in the account",
  },
  {
    libc: ["syscall"],
    syscalls: ["lseek"],
    answers: ["lie"],
    at: /sharedMemory/,
    why: "asked for a size, it says the one that there is",
  },
  {
    libc: ["socketpair", "poll", "getsockopt", "pollAsync"],
    answers: ["any"],
    at: /TendedSeat\.#serve/,
    why: "a start that fails is made again, later and later, and every frame is in the account",
  },
  {
    libc: ["pthread_join", "sem_post"],
    answers: ["any", "lie"],
    at: /\bletGo@ffi\/process\/threads\.ts/,
    why: "the worker has done its work then, and its threads end with the process",
  },
  {
    libc: ["sem_init"],
    answers: ["lie"],
    why: "a semaphore at zero is what its bytes are already",
  },
  {
    libc: ["getppid"],
    answers: ["any", "lie"],
    why: "whose child it is matters to the parent-death signal alone, which is not asked for",
  },
  {
    libc: ["sendmsg"],
    answers: ["lie"],
    at: /ChildRun\.(step|done|note|detail|packet|check)/,
    why:
      "a line of the transcript is lost, or what the child finds, which can only refute, or one packet of the stimulus, which is made up for",
  },
  {
    libc: ["setsockopt"],
    answers: ["lie"],
    at: /new Stimulus|PACKET_IGNORE_OUTGOING|openPacketSocket/,
    why:
      "of the socket that only sends; or frames of one's own come as well, which are told from the stimulus; " +
      "without the kernel's stamps no frame would count",
  },
  {
    libc: ["getsockopt"],
    answers: ["EBADF", "ENOTSOCK"],
    at: /isPacketSocket/,
    why:
      "what is no socket is no packet socket; the parent looks for the socket itself in /proc (PASS-01)",
  },
  {
    libc: ["recvmsg"],
    answers: ["lie"],
    at: /takeFrame/,
    why: "a frame that did not come has no nonce, or one that is counted already",
  },
  {
    libc: ["read"],
    answers: ["lie"],
    at: /requireSetgroups|requireMapped|interruption/,
    why: "a reason not to begin is not seen; the drop itself is judged later",
  },
];

const TOLERATED = [...AGAIN, ...BESIDE_THE_POINT];

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
  if (isUsual(injection)) return "the kernel says the same";
  const is = (answers: readonly string[]) =>
    "errno" in answer
      ? answers.includes("any") || answers.includes(answer.errno)
      : answers.includes("lie");
  return TOLERATED.find((each) =>
    each.libc.includes(libc) && (each.syscalls?.includes(syscall) ?? true) && is(each.answers) &&
    (each.at?.test(place) ?? true)
  )?.why;
}
