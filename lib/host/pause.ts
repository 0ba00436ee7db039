/**
 * Waiting without blocking the event loop, unlike `sleep()` of ffi/socket/poll.ts.
 *
 * @module
 */

/** Waits for a number of milliseconds, while signals, timers and promises are served. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
