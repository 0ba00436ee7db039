/**
 * Sends frames, and again while the kernel has no room for them.
 *
 * A frame for the far side of a veth pair waits in a queue of the processor (netdev_max_backlog).
 * Every interface of every namespace of the machine shares that queue, so anybody may fill it.
 *
 * @module
 */

import { Errno, SystemError } from "../../ffi/abi/errno.ts";
import { send } from "../../ffi/socket/calls.ts";
import { sleep } from "../../ffi/socket/poll.ts";

/** How many times a frame is sent if nothing else is asked for. */
const ATTEMPTS = 500;

/** The time between two attempts, in milliseconds. */
const PAUSE = 1;

/**
 * Takes a step that sends, and repeats it every millisecond while the kernel has no room.
 *
 * @param step Sends, and throws if that fails.
 * @param attempts How many times the step is taken at most.
 * @throws {SystemError} `ENOBUFS` if there is no room after all attempts.
 * @throws Whatever else `step` throws, at once.
 */
export function whenThereIsRoom(step: () => unknown, attempts = ATTEMPTS): void {
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
 * @param attempts How many times it is sent at most, a millisecond apart, while there is no room.
 * @throws {SystemError} `ENETDOWN`; `ENOBUFS` if there is no room after all attempts; …
 */
export function sendFrame(fd: number, frame: Uint8Array<ArrayBuffer>, attempts = ATTEMPTS): void {
  whenThereIsRoom(() => send(fd, frame, 0), attempts);
}
