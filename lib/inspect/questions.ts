/**
 * Questions that only the kernel can answer, put in the threads of another process: whether *this thread*
 * can create a packet socket, or become root.
 *
 * Where a thread has a filter of system calls, the question is put twice: as it is, and with the filter
 * suspended. So the credentials and the filter are judged as two walls.
 *
 * @module
 */

import {
  AF_PACKET,
  IORING_ENTER_REGISTERED_RING,
  SOCK_CLOEXEC,
  SOCK_RAW,
} from "../../ffi/abi/constants.ts";
import { Errno, errnoName } from "../../ffi/abi/errno.ts";
import type { SyscallName } from "../../ffi/abi/syscalls.ts";
import type { StoppedThread } from "../../ffi/ptrace/stopped_thread.ts";

/** The calls that an unprivileged thread is refused, in the order in which they are asked. */
export const FORBIDDEN = {
  socket: "socket(AF_PACKET, SOCK_RAW|SOCK_CLOEXEC, 0)",
  setgroups: "setgroups(0)",
  setresgid: "setresgid(0, 0, 0)",
  setresuid: "setresuid(0, 0, 0)",
} as const;

/** The name of one of them. */
export type Forbidden = keyof typeof FORBIDDEN;

const ARGUMENTS: { readonly [name in Forbidden]: readonly number[] } = {
  socket: [AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0],
  setgroups: [0, 0],
  setresgid: [0, 0, 0],
  setresuid: [0, 0, 0],
};

/** The answers to them: the errno, 0 for success. */
export type Answers = { readonly [name in Forbidden]: number };

/** What one thread was answered. */
export interface ThreadAnswers {
  readonly tid: number;
  /** With its filters, if it has any. */
  readonly asItIs: Answers;
  /** With its filters suspended; null for a thread without filters of its own. */
  readonly beneath: Answers | null;
  /** Whether the thread has ever used an io_uring: a ring keeps the credentials of whoever made it. */
  readonly usedRing: boolean;
}

/**
 * Asks whether a stopped thread can create a packet socket, which is closed at once.
 *
 * @returns The errno, 0 if it can.
 */
export function askForPacketSocket(thread: StoppedThread): number {
  const result = thread.ask("socket", ...ARGUMENTS.socket);
  if (result >= 0) thread.ask("close", result);
  return result < 0 ? -result : 0;
}

/**
 * Puts every question to a stopped thread.
 *
 * @param isFiltered Whether it has filters that its parent does not have.
 * @throws {SystemError} `EPERM`, `EACCES` where a filter cannot be suspended.
 */
export function askEverything(thread: StoppedThread, isFiltered: boolean): ThreadAnswers {
  const asItIs = askForbidden(thread);
  const askBeneath = () => ({ beneath: askForbidden(thread), usedRing: hasUsedRing(thread) });
  if (isFiltered) return { tid: thread.tid, asItIs, ...thread.beneathFilter(askBeneath) };
  return { tid: thread.tid, asItIs, beneath: null, usedRing: hasUsedRing(thread) };
}

function askForbidden(thread: StoppedThread): Answers {
  const ask = (name: SyscallName & Forbidden) => {
    const result = thread.ask(name, ...ARGUMENTS[name]);
    return result < 0 ? -result : 0;
  };
  return {
    socket: askForPacketSocket(thread),
    setgroups: ask("setgroups"),
    setresgid: ask("setresgid"),
    setresuid: ask("setresuid"),
  };
}

/**
 * Whether a thread has the kernel's state of io_uring users. io_uring_enter(2) with `IORING_ENTER_REGISTERED_RING` looks the ring up
 * there: a thread without that state is answered `EINVAL`, one with it `EBADF`, since no ring is registered as the last.
 * Source: io_uring_enter in io_uring/io_uring.c, since Linux 5.18; before, every thread is answered `EINVAL`.
 */
function hasUsedRing(thread: StoppedThread): boolean {
  const answer = thread.ask("io_uring_enter", LAST_REGISTERED, 0, 0, IORING_ENTER_REGISTERED_RING);
  return answer !== -Errno.EINVAL && answer !== -Errno.ENOSYS;
}

/** The last of the rings that a thread can register. Source: IO_RINGFD_REG_MAX in include/linux/io_uring_types.h. */
const LAST_REGISTERED = 15;

/** An answer in words. */
export function describeAnswer(errno: number): string {
  return errno === 0 ? "succeeded" : errnoName(errno);
}
