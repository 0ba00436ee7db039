/**
 * The receive-only packet socket: the system calls that a running worker may still make, each with
 * its reason.
 *
 * Theory of operation. The holder of a packet socket may send raw frames with it, bind it to
 * another interface and make that promiscuous. No option of the socket forbids that: the kernel
 * asked for CAP_NET_RAW when the socket was made, and does not ask again. A filter of system calls
 * does forbid it. It must hold against any code that an attacker runs in the worker. So every call
 * that is not listed here is refused, and no listed call may lead back to the socket. The ways
 * back, and what bars each:
 *
 *   another way to send    sendto and sendmsg reach the control channel only, write and writev not
 *                          the packet socket. sendmmsg, sendfile, splice, io_uring_setup, pwrite64
 *                          and others are not listed
 *   its settings           no setsockopt, ioctl or bind, and no fcntl that sets: O_NONBLOCK would
 *                          affect the parent's copy too
 *   another number         the rules know the socket by its number: no dup, F_DUPFD, pidfd_getfd.
 *                          A socket cannot be opened through /proc/self/fd (ENXIO). SCM_RIGHTS can
 *                          carry it over the control channel to the parent, which has it anyway,
 *                          but not back: there is no other socket to send it by, and no socketpair
 *                          to make one
 *   another socket         no socket, accept or socketpair
 *   another process        no execve, no fork, no clone of a process; no signal, ptrace,
 *                          process_vm_* or pidfd to one
 *   undoing a protection   no PR_SET_DUMPABLE, PR_SET_PDEATHSIG, alarm or personality, and no
 *                          prlimit64 that sets
 *
 * The worker of a relay has a second socket, connected to its one destination, and may call
 * `sendto` on it without an address. It could reach other destinations by an address, by sendmsg
 * (whose address lies in memory), and after another connect(2): all three are refused. write(2) on
 * it needs no rule, because that cannot name an address; nor do the settings of the socket, which
 * no rule allows the worker to change.
 *
 * The filter does not cover the following:
 *
 * - The parent must not pass a packet socket again while the filter is on: no rule would know its
 *   new number.
 * - The JIT maps memory writable and executable, so new code can be made. It can make the listed
 *   calls only.
 * - The worker can open for reading every file that its uid can read. In /proc that includes the
 *   memory of a dumpable process of the same uid. Paths lie in memory, where a filter cannot look.
 *   So a worker has a uid of its own, and is not dumpable.
 * - Descriptors that were open for writing before stay open. The audit of the descriptors finds
 *   them.
 *
 * Deno does without these: clone3 (it falls back to clone); whether its output is a terminal (it
 * takes the refusal of ioctl for "no"); web workers, whose event loops need more calls; and its
 * caches. It would lock cache files that it holds open, and retry for 30 seconds at its end; the
 * child holds none (process.ts). {@linkcode prepareForFilter} makes the refused calls that Deno
 * needs beforehand.
 *
 * @module
 */

import {
  CLONE_THREAD,
  F_GETFD,
  F_GETFL,
  O_ACCMODE,
  O_CREAT,
  O_PATH,
  O_TRUNC,
  PR_CAPBSET_READ,
  PR_GET_DUMPABLE,
  PR_GET_NO_NEW_PRIVS,
  PR_GET_PDEATHSIG,
  PR_SET_NAME,
  PR_SET_VMA,
} from "../../ffi/abi/constants.ts";
import { bindAll } from "../../ffi/abi/libc.ts";
import type { SyscallName } from "../../ffi/abi/syscalls.ts";
import { restoreDefaultSignals } from "../../ffi/process/signals.ts";
import {
  intIs,
  longIs,
  type SyscallCondition,
  type SyscallPolicy,
  type SyscallRule,
} from "../../ffi/seccomp/seccomp.ts";
import type { WorkerDescriptors } from "./descriptors.ts";

/** The process that a policy is for. */
export interface FilteredProcess {
  /** The process id by which the worker knows itself. */
  readonly pid: number;
  /**
   * Whether the worker receives by an io_uring, which was made, restricted and enabled before. If
   * so, the worker may enter the ring.
   */
  readonly ioUring: boolean;
}

/**
 * Sets up whatever the filter would refuse later.
 *
 * A second after its start, or at its first signal listener, Deno makes a socketpair for signals
 * (ext/signals), and panics if it cannot. Its handlers could do nothing, because the filter refuses
 * their sendto(2), so the default actions of signals are restored. FFI calls are bound at their
 * first use, so all are bound here.
 */
export function prepareForFilter(): void {
  restoreDefaultSignals();
  bindAll();
}

/**
 * Refuses nothing. A filter of this policy sets no_new_privs on every thread, and does nothing
 * else.
 */
export const ALLOW_EVERYTHING: SyscallPolicy = {
  rules: [],
  otherwise: { action: "allow", reason: "nothing is refused" },
};

/**
 * Returns the policy that leaves a running Deno process a packet socket from which it can only
 * receive.
 *
 * @throws {RangeError} If two of the descriptors are the same.
 */
export function receiveOnlyPolicy(worker: WorkerDescriptors & FilteredProcess): SyscallPolicy {
  const { packetFd, channelFd, egressFd, ioUring, pid } = worker;
  if (packetFd === channelFd) {
    throw new RangeError(`Descriptor ${packetFd} cannot be both packet socket and control channel`);
  }
  if (egressFd === packetFd || egressFd === channelFd) {
    throw new RangeError(`Descriptor ${egressFd} cannot be the egress and something else`);
  }
  return {
    rules: [
      ...RECEIVING,
      ...ioUring ? allow("receive by the ring, which can do nothing else", "io_uring_enter") : [],
      ...reporting(worker),
      ...MEMORY,
      ...THREADS,
      ...signals(pid),
      ...TIME_AND_IDENTITY,
      ...READING,
    ],
    otherwise: { action: "EPERM", reason: "a receive-only worker does not need it" },
  };
}

function allow(reason: string, ...syscalls: SyscallName[]): SyscallRule[] {
  return syscalls.map((syscall) => ({ syscall, action: "allow", reason }));
}

function allowWhen(
  when: SyscallCondition[],
  reason: string,
  ...syscalls: SyscallName[]
): SyscallRule[] {
  return syscalls.map((syscall) => ({ syscall, action: "allow", when, reason }));
}

const RECEIVING: readonly SyscallRule[] = [
  ...allow("receive frames, and the parent's messages", "recvmsg", "recvfrom", "recvmmsg"),
  ...allow("wait for them", "poll", "ppoll", "epoll_wait", "epoll_pwait", "epoll_ctl"),
  ...allow(
    "read the properties of a socket, and the number of frames that it dropped",
    "getsockopt",
    "getsockname",
  ),
];

function reporting({ packetFd, channelFd, egressFd }: WorkerDescriptors): SyscallRule[] {
  const refusedThere = (syscall: SyscallName): SyscallRule => ({
    syscall,
    action: "EPERM",
    when: [intIs(0, packetFd)],
    reason: "it would send a frame",
  });
  return [
    ...allowWhen([intIs(0, channelFd)], "report to the parent", "sendmsg", "sendto"),
    ...egressFd === undefined ? [] : allowWhen(
      [intIs(0, egressFd), longIs(4, 0n), intIs(5, 0)],
      "forward a datagram; with an address, it could go elsewhere",
      "sendto",
    ),
    refusedThere("write"),
    refusedThere("writev"),
    ...allow("wake a thread (eventfd); standard output and error", "write", "writev"),
  ];
}

const MEMORY: readonly SyscallRule[] = [
  ...allow("heap and stacks", "mmap", "munmap", "mremap", "madvise", "brk"),
  ...allow("make compiled code executable", "mprotect", "pkey_mprotect"),
];

const THREADS: readonly SyscallRule[] = [
  ...allow("let threads wait for each other", "futex"),
  ...allowWhen(
    // With this flag the kernel refuses a new user or PID namespace. Others need CAP_SYS_ADMIN.
    [longIs(0, BigInt(CLONE_THREAD), BigInt(CLONE_THREAD))],
    "a thread, not a process",
    "clone",
  ),
  {
    syscall: "clone3",
    action: "ENOSYS",
    reason: "its flags lie in memory, where no filter can look; glibc then calls clone",
  },
  ...allow("begin and end a thread", "set_robust_list", "rseq", "exit", "exit_group"),
  ...allow(
    "share the processors",
    "sched_yield",
    "sched_getaffinity",
    "sched_getparam",
    "sched_getscheduler",
    "sched_get_priority_min",
    "sched_get_priority_max",
    "getcpu",
  ),
];

function signals(pid: number): SyscallRule[] {
  return [
    ...allow("handle signals", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack"),
    ...allow("continue after a signal", "restart_syscall"),
    ...allowWhen([intIs(0, pid)], "raise and abort: threads of its own", "tgkill"),
  ];
}

const TIME_AND_IDENTITY: readonly SyscallRule[] = [
  ...allow("read the clock", "clock_gettime", "clock_getres", "gettimeofday", "time"),
  ...allow("sleep", "clock_nanosleep", "nanosleep"),
  ...allow("random numbers", "getrandom"),
  ...allow("ids of process and thread", "getpid", "gettid", "getppid"),
  ...allow("user ids, for the proof", "getuid", "geteuid", "getresuid"),
  ...allow("group ids, for the proof", "getgid", "getegid", "getresgid", "getgroups"),
  ...allow("capabilities, for the proof", "capget"),
  ...allow("size heaps by the machine", "sysinfo", "getrusage", "uname"),
  ...allowWhen([longIs(2, 0n)], "read a limit, set none", "prlimit64"),
  ...[PR_SET_NAME, PR_SET_VMA].flatMap((operation) =>
    allowWhen([intIs(0, operation)], "name a thread or a mapping", "prctl")
  ),
  ...[PR_GET_DUMPABLE, PR_GET_PDEATHSIG, PR_GET_NO_NEW_PRIVS, PR_CAPBSET_READ].flatMap(
    (operation) => allowWhen([intIs(0, operation)], "protections, for the proof", "prctl"),
  ),
];

const READING: readonly SyscallRule[] = [
  ...allowWhen(
    [intIs(2, 0, O_ACCMODE | O_CREAT | O_TRUNC | O_PATH)], // O_RDONLY is 0
    "open a file for reading",
    "openat",
  ),
  ...allow("read", "read", "readv", "pread64", "lseek", "close"),
  ...allow("look at files", "statx", "fstat", "newfstatat", "stat", "lstat"),
  ...allow("look at folders and links", "getdents64", "readlink", "readlinkat", "getcwd"),
  ...[F_GETFD, F_GETFL].flatMap((command) =>
    allowWhen([intIs(1, command)], "look at a descriptor's flags", "fcntl")
  ),
];
