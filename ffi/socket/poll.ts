/**
 * poll(2): waiting, with a limit, for descriptors or only for time to pass.
 *
 * @module
 */

import { Errno, lastErrno, SystemError } from "../abi/errno.ts";
import { pollfd } from "../abi/layouts.ts";
import { libc } from "../abi/libc.ts";

function pollTable(fds: readonly number[], events: number): Uint8Array<ArrayBuffer> {
  const table = new Uint8Array(fds.length * pollfd.size);
  fds.forEach((fd, i) => {
    const entry = pollfd.over(table, i * pollfd.size);
    entry.fd = fd;
    entry.events = events;
  });
  return table;
}

/** A timeout as poll(2) takes it: whole milliseconds from 0 to the largest `int` (24 days). */
function asMilliseconds(timeout: number): number {
  return Math.min(0x7fffffff, Math.max(0, Math.ceil(timeout) || 0));
}

function returnedEvents(table: Uint8Array<ArrayBuffer>): number[] {
  return Array.from(
    { length: table.length / pollfd.size },
    (_, i) => pollfd.over(table, i * pollfd.size).revents,
  );
}

/** Polls the same descriptors again and again without allocating: poll(2). */
export class Poller {
  readonly #table: Uint8Array<ArrayBuffer>;
  readonly #revents: Uint16Array<ArrayBuffer>;
  readonly #count: bigint;

  /**
   * Prepares the table that poll(2) takes.
   *
   * @param fds The descriptors.
   * @param events The events to wait for, such as `POLLIN`, the same for all.
   */
  constructor(fds: readonly number[], events: number) {
    this.#table = pollTable(fds, events);
    this.#revents = new Uint16Array(this.#table.buffer);
    this.#count = BigInt(fds.length);
  }

  /**
   * Waits until one of the descriptors is ready.
   *
   * @param timeout The longest wait, in milliseconds. A negative one counts as 0: no wait is
   * endless.
   * @returns The number of ready descriptors: 0 after the timeout, or after a signal.
   * @throws {SystemError} `ENOMEM`, `EINVAL`.
   */
  wait(timeout: number): number {
    const count = libc.poll(this.#table, this.#count, asMilliseconds(timeout));
    if (count !== -1) return count;
    const errno = lastErrno();
    if (errno !== Errno.EINTR) throw new SystemError("poll", errno);
    for (let i = 0; i < this.#count; i++) this.#revents[i * REVENTS_STEP + REVENTS] = 0;
    return 0;
  }

  /** The returned events of the descriptor at this index of the list; 0 if it is not ready. */
  revents(i: number): number {
    return this.#revents[i * REVENTS_STEP + REVENTS];
  }
}

// In 16-bit words.
const REVENTS = pollfd.fields.revents[0] / 2;
const REVENTS_STEP = pollfd.size / 2;

/**
 * Waits until one of several descriptors is ready: poll(2).
 *
 * @param fds The descriptors.
 * @param events The events to wait for, such as `POLLIN`, the same for all.
 * @param timeout The longest wait, in milliseconds. A negative one counts as 0: no wait is endless.
 * @returns The returned events of each, 0 for a descriptor that is not ready; all 0 after a signal.
 * @throws {SystemError} `ENOMEM`, `EINVAL`.
 */
export function poll(fds: readonly number[], events: number, timeout: number): number[] {
  const poller = new Poller(fds, events);
  poller.wait(timeout);
  return fds.map((_, i) => poller.revents(i));
}

/**
 * Blocks this thread, and with it the event loop, for a time: poll(2) without descriptors. A signal
 * ends the sleep early.
 *
 * @example
 * ```ts
 * import { sleep } from "./poll.ts";
 *
 * const start = performance.now();
 * sleep(5);
 * console.log(`slept ${performance.now() - start} ms`);
 * ```
 *
 * @param milliseconds How long; a negative time counts as 0.
 * @throws {SystemError} `ENOMEM`.
 */
export function sleep(milliseconds: number): void {
  nothing.wait(milliseconds);
}

const nothing = new Poller([], 0);

/**
 * Like {@linkcode poll}, but waits on a thread of its own, so that signals and timers are served
 * meanwhile. The pending call keeps the process alive. A failed call looks like a timeout, because
 * errno stays on that other thread.
 *
 * @param fds The descriptors.
 * @param events The events to wait for, such as `POLLIN`, the same for all.
 * @param timeout The longest wait, in milliseconds. A negative one counts as 0.
 * @returns The returned events of each, 0 for a descriptor that is not ready.
 */
export async function pollAsync(
  fds: readonly number[],
  events: number,
  timeout: number,
): Promise<number[]> {
  const table = pollTable(fds, events);
  // SAFETY: `table` is read after the call has returned, so it lives until then.
  await libc.pollAsync(table, BigInt(fds.length), asMilliseconds(timeout));
  return returnedEvents(table);
}
