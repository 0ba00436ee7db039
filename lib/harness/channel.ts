/**
 * The control channel between parent and child: an `AF_UNIX` `SOCK_SEQPACKET` socketpair that
 * carries one JSON message per datagram, with descriptors beside it.
 *
 * A datagram is delivered whole or not at all, and the end of the peer is visible at once, so the
 * protocol needs no framing and no message is ever half read. This file does not look at the
 * content of a message: see `protocol.ts`.
 *
 * @module
 */

import {
  AF_UNIX,
  MSG_DONTWAIT,
  POLLHUP,
  POLLIN,
  POLLOUT,
  POLLRDHUP,
  SHUT_RDWR,
  SOCK_CLOEXEC,
  SOCK_SEQPACKET,
} from "../../ffi/abi/constants.ts";
import { Errno, errnoOf, SystemError } from "../../ffi/abi/errno.ts";
import { OwnedFd } from "../../ffi/process/descriptor.ts";
import { shutdown, socketpair } from "../../ffi/socket/calls.ts";
import { poll, pollAsync } from "../../ffi/socket/poll.ts";
import { receiveDescriptors, sendDescriptors } from "../../ffi/socket/scm_rights.ts";
import { ExperimentError } from "../evidence/errors.ts";

/** The longest message, in bytes. */
export const MESSAGE_LIMIT = 64 * 1024;

/** A received message: its JSON text, and the descriptors beside it. */
export interface Delivery {
  readonly text: string;
  readonly descriptors: number[];
}

// reused: each message is decoded before the next is received
const incoming = new Uint8Array(MESSAGE_LIMIT);
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Creates a control channel. Both ends are close-on-exec. */
export function controlChannelPair(): [ours: OwnedFd, theirs: OwnedFd] {
  const [ours, theirs] = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  return [new OwnedFd(ours), new OwnedFd(theirs)];
}

/**
 * Sends a message.
 *
 * @param timeout How long the peer may leave the channel full, in milliseconds.
 * @throws {ExperimentError} If the peer does not read in time, or the message is too long.
 * @throws {SystemError} `EPIPE` if the peer is gone, `EBADF` if a descriptor is not open, …
 */
export function sendMessage(
  channelFd: number,
  message: unknown,
  descriptors: readonly number[],
  timeout: number,
): void {
  const data = encoder.encode(JSON.stringify(message));
  if (data.length > MESSAGE_LIMIT) {
    throw new ExperimentError(
      `Message of ${data.length} bytes: at most ${MESSAGE_LIMIT} may be sent`,
    );
  }
  const deadline = performance.now() + timeout;
  for (;;) {
    const isLate = performance.now() >= deadline; // this process may be stopped at any moment
    try {
      return sendDescriptors(channelFd, descriptors, { data, flags: MSG_DONTWAIT });
    } catch (error) {
      if (!(error instanceof SystemError && error.errno === Errno.EAGAIN)) throw error;
    }
    if (isLate) {
      throw new ExperimentError("The other side does not read the control channel");
    }
    poll([channelFd], POLLOUT, deadline - performance.now());
  }
}

/**
 * Receives the next message without waiting.
 *
 * If a peer ends with unread messages in its queue, the kernel reports `ECONNRESET` once, ahead of
 * the messages that the peer had sent (unix_release_sock in net/unix/af_unix.c). A second call
 * receives those.
 *
 * @param descriptors How many descriptors the message must carry.
 * @returns `undefined` if there is no message yet; `null` if the peer has closed its end.
 * @throws {DescriptorError} If it carries another number of descriptors, or is too long.
 * @throws {ExperimentError} If it is empty, or is not UTF-8.
 */
export function takeMessage(channelFd: number, descriptors: number): Delivery | undefined | null {
  try {
    return take(channelFd, descriptors);
  } catch (error) {
    if (!isReset(error)) throw error;
  }
  try {
    return take(channelFd, descriptors);
  } catch (error) {
    if (!isReset(error)) throw error;
    return null;
  }
}

const isReset = (error: unknown) =>
  error instanceof SystemError && error.errno === Errno.ECONNRESET;

function take(channelFd: number, descriptors: number): Delivery | undefined | null {
  try {
    const received = receiveDescriptors(channelFd, {
      expected: descriptors,
      buffer: incoming,
      flags: MSG_DONTWAIT,
    });
    if (received.data.length === 0) return endOrEmpty(channelFd);
    return { text: decode(received.data), descriptors: received.descriptors };
  } catch (error) {
    if (error instanceof SystemError && error.errno === Errno.EAGAIN) return undefined;
    throw error;
  }
}

/** Distinguishes the end of the channel from an empty datagram: recvmsg(2) returns 0 for both. */
function endOrEmpty(channelFd: number): null {
  const [events] = poll([channelFd], POLLRDHUP, 0);
  if ((events & (POLLRDHUP | POLLHUP)) !== 0) return null;
  throw new ExperimentError("The other side broke the protocol: a message is empty");
}

function decode(data: Uint8Array): string {
  try {
    return decoder.decode(data);
  } catch {
    throw new ExperimentError("The other side broke the protocol: a message is not UTF-8");
  }
}

/**
 * Waits for the next message and blocks the thread. For the child, which is a straight-line
 * program.
 *
 * @param descriptors How many descriptors the message must carry.
 * @param timeout The longest wait, in milliseconds.
 * @throws {ExperimentError} If the peer has closed its end, or no message comes in time.
 */
export function awaitMessage(channelFd: number, descriptors: number, timeout: number): Delivery {
  const deadline = performance.now() + timeout;
  for (;;) {
    const isLate = performance.now() >= deadline;
    const message = takeMessage(channelFd, descriptors);
    if (message === null) throw new ExperimentError("The other side closed the control channel");
    if (message !== undefined) return message;
    if (isLate) throw new ExperimentError("No message came in time");
    poll([channelFd], POLLIN, deadline - performance.now());
  }
}

/**
 * How long messages may be received in a row before the event loop gets a turn, in milliseconds. A
 * peer that never pauses must not delay signals and timers.
 */
const TURN = 20;
let turnAt = 0;

/** The longest single poll of {@linkcode nextMessage}, in milliseconds. */
const POLL_SLICE = 1000;

/**
 * Waits for the next message while the event loop runs. For the parent, which has signals and
 * timers to serve.
 *
 * @param deadline When the wait ends, by `performance.now()`.
 * @param signal Ends the wait at once. It also shuts the channel down, which wakes the poll.
 * @returns `undefined` if the deadline or `signal` ended the wait; `null` if the peer has closed
 * its end.
 */
export async function nextMessage(
  channelFd: number,
  deadline: number,
  signal: AbortSignal,
): Promise<Delivery | undefined | null> {
  // if it fails, the poll still ends after its slice
  const wake = () => void errnoOf(() => shutdown(channelFd, SHUT_RDWR));
  signal.addEventListener("abort", wake, { once: true });
  try {
    while (!signal.aborted) {
      if (performance.now() >= turnAt) {
        await pollAsync([], 0, 0);
        turnAt = performance.now() + TURN;
        continue;
      }
      const left = deadline - performance.now();
      const message = takeMessage(channelFd, 0);
      if (message !== undefined || left <= 0) return message;
      await pollAsync([channelFd], POLLIN, Math.min(left, POLL_SLICE));
    }
    return undefined;
  } finally {
    signal.removeEventListener("abort", wake);
  }
}
