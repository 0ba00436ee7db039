/**
 * Questions that only the kernel can answer, put in the threads of another process: whether *this
 * thread* can create a packet socket, or become root.
 *
 * If a thread has a filter of system calls, each question is put twice: with the filter, and with
 * the filter suspended. So the credentials and the filter are judged as two separate walls.
 *
 * @module
 */

import {
  AF_PACKET,
  IORING_ENTER_REGISTERED_RING,
  SOCK_CLOEXEC,
  SOCK_RAW,
} from "../../../ffi/abi/constants.ts";
import { Errno, errnoName, errnoOf } from "../../../ffi/abi/errno.ts";
import { rawSyscall } from "../../../ffi/abi/raw_syscall.ts";
import type { SyscallName } from "../../../ffi/abi/syscalls.ts";
import { readDirectory } from "../../../ffi/process/file.ts";
import type { StoppedThread } from "../../../ffi/ptrace/stopped_thread.ts";

/**
 * The calls that the kernel refuses to an unprivileged thread, in the order in which they are made.
 */
export const FORBIDDEN = {
  socket: "socket(AF_PACKET, SOCK_RAW|SOCK_CLOEXEC, 0)",
  setgroups: "setgroups(0)",
  setresgid: "setresgid(0, 0, 0)",
  setresuid: "setresuid(0, 0, 0)",
} as const;

/** The name of one of these calls. */
export type Forbidden = keyof typeof FORBIDDEN;

/** The arguments of each call. */
export const ARGUMENTS: { readonly [name in Forbidden]: readonly number[] } = {
  socket: [AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0],
  setgroups: [0, 0],
  setresgid: [0, 0, 0],
  setresuid: [0, 0, 0],
};

/** The answer to each call: the errno, 0 for success. */
export type Answers = { readonly [name in Forbidden]: number };

/** The answers to one thread. */
export interface ThreadAnswers {
  readonly tid: number;
  /** The answers with its filters, if it has any. */
  readonly asItIs: Answers;
  /** The answers with its filters suspended; null for a thread without filters of its own. */
  readonly beneath: Answers | null;
  /**
   * Whether the thread has ever used an io_uring, which may keep the credentials of its creator.
   */
  readonly usedRing: boolean;
}

/**
 * Asks whether a stopped thread can create a packet socket. A socket that it creates is closed at
 * once.
 *
 * @param isFiltered Whether a filter may answer in place of the kernel. It can report any
 * descriptor, one that is in use for instance, and that one is not closed.
 * @returns The errno, 0 for success.
 */
export function askForPacketSocket(thread: StoppedThread, isFiltered: boolean): number {
  const before = isFiltered ? readDirectory(`/proc/${thread.tid}/fd`) : [];
  const result = thread.ask("socket", ...ARGUMENTS.socket);
  if (result >= 0 && !before.includes(String(result))) thread.ask("close", result);
  return result < 0 ? -result : 0;
}

/**
 * Puts every question to a stopped thread.
 *
 * @param isFiltered Whether it has filters beyond those inherited from this process.
 * @throws {SystemError} `EPERM` or `EACCES` if a filter cannot be suspended.
 */
export function askEverything(thread: StoppedThread, isFiltered: boolean): ThreadAnswers {
  const asItIs = askForbidden(thread, isFiltered);
  const askBeneath = () => ({
    beneath: askForbidden(thread, false),
    usedRing: hasUsedRing(thread),
  });
  if (isFiltered) return { tid: thread.tid, asItIs, ...thread.beneathFilter(askBeneath) };
  return { tid: thread.tid, asItIs, beneath: null, usedRing: hasUsedRing(thread) };
}

function askForbidden(thread: StoppedThread, isFiltered: boolean): Answers {
  const ask = (name: SyscallName & Forbidden) => {
    const result = thread.ask(name, ...ARGUMENTS[name]);
    return result < 0 ? -result : 0;
  };
  return {
    socket: askForPacketSocket(thread, isFiltered),
    setgroups: ask("setgroups"),
    setresgid: ask("setresgid"),
    setresuid: ask("setresuid"),
  };
}

/**
 * Returns whether a thread has the kernel's state of an io_uring user. io_uring_enter(2) with
 * `IORING_ENTER_REGISTERED_RING` looks the ring up in that state. It returns `EINVAL` in a thread
 * without the state, and `EBADF` in a thread with it, because no ring is registered at the last
 * index.
 *
 * A filter that this process has as well, such as that of a container, may answer anything else. A
 * thread that gets the same answer as this process could not enter a ring either.
 *
 * Source: io_uring_enter in io_uring/io_uring.c, since Linux 5.18. Earlier kernels return `EINVAL`
 * to every thread.
 */
export function hasUsedRing(thread: StoppedThread): boolean {
  const ring = [LAST_REGISTERED, 0, 0, IORING_ENTER_REGISTERED_RING] as const;
  const errno = -thread.ask("io_uring_enter", ...ring);
  if (errno === Errno.EINVAL || errno === Errno.ENOSYS) return false;
  return errno === Errno.EBADF || errno !== errnoOf(() => rawSyscall("io_uring_enter", ...ring));
}

/**
 * The last index at which a thread can register a ring.
 * Source: IO_RINGFD_REG_MAX in include/linux/io_uring_types.h.
 */
const LAST_REGISTERED = 15;

/** Describes an answer in words. */
export function describeAnswer(errno: number): string {
  return errno === 0 ? "succeeded" : errnoName(errno);
}
