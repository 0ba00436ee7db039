/**
 * The receive-only packet socket: which system calls a running worker may still make, each with the reason.
 *
 * Theory of operation. Whoever holds a packet socket may send raw frames with it, bind it to another interface, have it promiscuous, and
 * no option of the socket forbids that: the kernel asked for CAP_NET_RAW when it was made, and does not ask again. A filter
 * of system calls does forbid it. It must hold against code that an attacker runs in the worker, so what is not listed here is
 * refused, and what is listed must not lead back to the socket. The ways back, and what bars each:
 *
 *   another way to send    sendto and sendmsg reach the control channel only; write and writev not the packet socket; sendmmsg,
 *                          sendfile, splice, io_uring_setup, pwrite64 … are not listed
 *   its settings           no setsockopt, no ioctl, no fcntl that sets (O_NONBLOCK would be the parent's too), no bind
 *   another number         rules know the socket by its number: no dup, no F_DUPFD, no pidfd_getfd. A socket cannot be opened by way of
 *                          /proc/self/fd (ENXIO). SCM_RIGHTS can carry it over the control channel to the parent, who has it anyway,
 *                          but not back: there is no other socket to send it by, and no socketpair to make one
 *   another socket         no socket, accept, socketpair
 *   another process        no execve, fork, clone of a process; no signal, ptrace, process_vm_*, pidfd to one
 *   undoing a protection   no PR_SET_DUMPABLE, PR_SET_PDEATHSIG, prlimit64 that sets, alarm, personality
 *
 * A worker of a relay has a second socket, connected to the one destination that it is for, and may `sendto` by it without an address. With one, by
 * sendmsg (whose address lies in memory), or after another connect(2) it would reach others: all three are refused. write(2) by it needs no rule, since
 * it cannot name an address; nor do its settings, which nobody may set.
 *
 * What it does not stop, and what does:
 *
 * - The parent must not send a packet socket again once the filter is on: it would have a number that no rule knows.
 * - Code can still be made: the JIT maps memory writable and executable. What such code may ask of the kernel is what is listed.
 * - Files: whatever the uid may read can be opened for reading, in /proc the memory of a process of the same uid that is dumpable.
 *   Paths lie in memory, where a filter cannot look. So: a uid of its own, and dumpable 0.
 * - Descriptors that were open for writing before still are: the audit of the descriptors is for these.
 *
 * What Deno does without: clone3 (it has clone), whether its output is a terminal (ioctl: it takes a refusal for no), web workers
 * (`new Worker`: an event loop of its own needs more), and its caches: it would set locks in those that it holds open, and keep trying for 30
 * seconds at its end; the child holds none (child_process.ts). What it cannot do without is done before: {@linkcode prepareForFilter}.
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
  /** Whether it receives by an io_uring, made, restricted and enabled before the filter. It may enter that. */
  readonly ioUring: boolean;
}

/**
 * Has set up, before the filter, what would be refused once it is on. A second after its start, or at the first signal listener, Deno makes a
 * socketpair for its signals (ext/signals), and panics if it cannot; and FFI calls are bound at their first use. Its handlers could do
 * nothing under the filter, which refuses them their sendto(2): signals do what they do by default.
 */
export function prepareForFilter(): void {
  restoreDefaultSignals();
  bindAll();
}

/** Nothing is refused: a filter of this policy carries no_new_privs to every thread, and does nothing else. */
export const ALLOW_EVERYTHING: SyscallPolicy = {
  rules: [],
  otherwise: { action: "allow", reason: "nothing is refused" },
};

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

/**
 * The policy that leaves a running Deno process a packet socket from which it can only receive.
 *
 * @throws {RangeError} If both descriptors are the same.
 */
export function receiveOnlyPolicy(
  { packetFd, channelFd, egressFd, ioUring, pid }: WorkerDescriptors & FilteredProcess,
): SyscallPolicy {
  if (packetFd === channelFd) {
    throw new RangeError(`Descriptor ${packetFd} cannot be both packet socket and control channel`);
  }
  if (egressFd === packetFd || egressFd === channelFd) {
    throw new RangeError(`Descriptor ${egressFd} cannot be the egress and something else`);
  }
  const onChannel = [intIs(0, channelFd)];
  const onPacketSocket = [intIs(0, packetFd)];
  const refusedThere = (syscall: SyscallName): SyscallRule => ({
    syscall,
    action: "EPERM",
    when: onPacketSocket,
    reason: "it would send a frame",
  });

  return {
    rules: [
      // Receiving
      ...allow("receive frames, and the parent's messages", "recvmsg", "recvfrom", "recvmmsg"),
      ...allow("wait for them", "poll", "ppoll", "epoll_wait", "epoll_pwait", "epoll_ctl"),
      ...allow("say what a socket is, and what it dropped", "getsockopt", "getsockname"),
      ...ioUring ? allow("receive by the ring, which can do nothing else", "io_uring_enter") : [],

      // Reporting
      ...allowWhen(onChannel, "report to the parent", "sendmsg", "sendto"),
      ...egressFd === undefined ? [] : allowWhen(
        [intIs(0, egressFd), longIs(4, 0n), intIs(5, 0)],
        "pass a datagram on; an address could be another than the one that it is connected to",
        "sendto",
      ),
      refusedThere("write"),
      refusedThere("writev"),
      ...allow("wake a thread (eventfd); standard output and error", "write", "writev"),

      // Memory
      ...allow("heap and stacks", "mmap", "munmap", "mremap", "madvise", "brk"),
      ...allow("make compiled code executable", "mprotect", "pkey_mprotect"),

      // Threads
      ...allow("wait for each other", "futex"),
      ...allowWhen(
        // With this flag the kernel refuses a new user or pid namespace; other namespaces need CAP_SYS_ADMIN.
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

      // Signals
      ...allow("handle signals", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack"),
      ...allow("go on after one", "restart_syscall"),
      ...allowWhen([intIs(0, pid)], "raise and abort: threads of its own", "tgkill"),

      // Time, chance, and who one is
      ...allow("tell the time", "clock_gettime", "clock_getres", "gettimeofday", "time"),
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

      // Files, for reading
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
    ],
    otherwise: { action: "EPERM", reason: "a receive-only worker does not need it" },
  };
}
