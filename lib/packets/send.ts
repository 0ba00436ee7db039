/**
 * Sends frames, and retries while the kernel has no room for them.
 *
 * A frame for the far side of a veth pair waits in a queue of the processor (netdev_max_backlog).
 * Every interface of every namespace of the machine shares that queue, so any of them may fill it.
 *
 * @module
 */

import { Errno, SystemError } from "../../ffi/abi/errno.ts";
import { send } from "../../ffi/socket/calls.ts";
import { sleep } from "../../ffi/socket/poll.ts";

/** The default number of attempts to send a frame. */
const ATTEMPTS = 500;

/** The time between two attempts, in milliseconds. */
const PAUSE = 1;

/**
 * Calls `step`, and repeats the call every millisecond while the kernel has no room.
 *
 * @param step Sends, and throws if that fails.
 * @param attempts The most calls.
 * @throws {SystemError} `ENOBUFS` if there is no room after all attempts.
 * @throws Any other error of `step`, at once.
 */
export function retryWhileFull(step: () => unknown, attempts = ATTEMPTS): void {
  for (let left = attempts; left > 0; left--) {
    try {
      step();
      return;
    } catch (error) {
      const isFull = error instanceof SystemError && error.errno === Errno.ENOBUFS;
      if (!isFull || left === 1) throw error;
      sleep(PAUSE);
    }
  }
}

/**
 * Sends a frame by a bound packet socket.
 *
 * @param attempts The most attempts, a millisecond apart, while there is no room.
 * @throws {SystemError} `ENETDOWN`; `ENOBUFS` if there is no room after all attempts; …
 */
export function sendFrame(fd: number, frame: Uint8Array<ArrayBuffer>, attempts = ATTEMPTS): void {
  retryWhileFull(() => send(fd, frame, 0), attempts);
}
