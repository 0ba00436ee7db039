/**
 * The control channel: one JSON message a datagram, descriptors beside it, over an `AF_UNIX` `SOCK_SEQPACKET` pair.
 *
 * A datagram is delivered whole or not at all, and the end of the peer is seen at once, so there is no
 * framing and no half message. What a message says is not looked at here: see `messages.ts`.
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
import { receiveDescriptors, sendDescriptors } from "../../ffi/socket/scm_rights.ts";
import { poll, pollAsync, shutdown, socketpair } from "../../ffi/socket/socket.ts";
import { ExperimentError } from "../evidence/errors.ts";

/** The most bytes that a message may have. */
export const MESSAGE_LIMIT = 64 * 1024;

/** A message as it came, with the descriptors that it was agreed to bring. */
export interface Delivery {
  readonly text: string;
  readonly descriptors: number[];
}

const incoming = new Uint8Array(MESSAGE_LIMIT); // decoded before the next message is taken
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The two ends of a control channel, both close-on-exec. */
export function controlChannelPair(): [ours: OwnedFd, theirs: OwnedFd] {
  const [ours, theirs] = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  return [new OwnedFd(ours), new OwnedFd(theirs)];
}

/**
 * Sends a message.
 *
 * @param timeout How long the peer may leave the channel full, in milliseconds.
 * @throws {ExperimentError} If the peer does not read, or if the message is too long.
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
  const deadline = Date.now() + timeout;
  for (;;) {
    try {
      return sendDescriptors(channelFd, descriptors, { data, flags: MSG_DONTWAIT });
    } catch (error) {
      if (!(error instanceof SystemError && error.errno === Errno.EAGAIN)) throw error;
    }
    if (Date.now() >= deadline) {
      throw new ExperimentError("The other side does not read the control channel");
    }
    poll([channelFd], POLLOUT, deadline - Date.now());
  }
}

/**
 * Takes the next message, if one is there.
 *
 * A peer that ends without having read everything is told of once, by `ECONNRESET`, and before what it had said: unix_release_sock
 * in net/unix/af_unix.c. Its last words are still there.
 *
 * @param descriptors How many descriptors it must bring.
 * @returns `undefined` if there is none yet; `null` at the end: the peer is gone.
 * @throws {DescriptorError} If it brings other descriptors than agreed, or is too long.
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

/** recvmsg(2) says 0 of the end, and of an empty datagram as well. */
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
 * Waits for the next message with everything else standing still. For the child, which is a straight line.
 *
 * @param timeout The longest wait, in milliseconds.
 * @throws {ExperimentError} If the peer is gone or says nothing in time.
 */
export function awaitMessage(channelFd: number, descriptors: number, timeout: number): Delivery {
  const deadline = Date.now() + timeout;
  for (;;) {
    const message = takeMessage(channelFd, descriptors);
    if (message === null) throw new ExperimentError("The other side closed the control channel");
    if (message !== undefined) return message;
    if (Date.now() >= deadline) throw new ExperimentError("No message came in time");
    poll([channelFd], POLLIN, deadline - Date.now());
  }
}

/** How long message may follow message before signals and timers have their turn, in milliseconds: a peer that never pauses must not delay them. */
const TURN = 20;
let turnAt = 0;

/** The longest single poll of {@linkcode nextMessage}, in milliseconds. */
const POLL_SLICE = 1000;

/**
 * Waits for the next message while the event loop goes on. For the parent, which has signals and timers to serve.
 *
 * @param deadline When the wait ends, in milliseconds since 1970.
 * @param signal Ends the wait at once; the channel is shut down with it, which is what wakes the poll.
 * @returns `undefined` when time or `signal` ended the wait, `null` at the end of the channel.
 */
export async function nextMessage(
  channelFd: number,
  deadline: number,
  signal: AbortSignal,
): Promise<Delivery | undefined | null> {
  const wake = () => void errnoOf(() => shutdown(channelFd, SHUT_RDWR)); // where it fails, the slice of the poll ends
  signal.addEventListener("abort", wake, { once: true });
  try {
    while (!signal.aborted) {
      if (Date.now() >= turnAt) {
        await pollAsync([], 0, 0);
        turnAt = Date.now() + TURN;
        continue;
      }
      const message = takeMessage(channelFd, 0);
      const left = deadline - Date.now();
      if (message !== undefined || left <= 0) return message;
      await pollAsync([channelFd], POLLIN, Math.min(left, POLL_SLICE));
    }
    return undefined;
  } finally {
    signal.removeEventListener("abort", wake);
  }
}
