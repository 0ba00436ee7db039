/**
 * A steady stream of numbered frames in several flows, which keeps a supervisor's workers busy.
 *
 * @module
 */

import { Errno, SystemError } from "../../../ffi/abi/errno.ts";
import type { OwnedFd } from "../../../ffi/process/descriptor.ts";
import { send } from "../../../ffi/socket/calls.ts";
import { Repetition } from "../../host/repetition.ts";
import { datagramFrame } from "../../packets/build.ts";
import { IPV4_HEADER, UDP_HEADER, UDP_SOURCE_PORT } from "../../packets/headers.ts";
import { type Interface, LINK_HEADER } from "../../packets/link_layer.ts";
import { boundPacketSocket } from "../../packets/socket.ts";

const NONCE_SIZE = 16;

// The layout of a packet: IPv4 without options, UDP, nonce, sequence number.
const SOURCE_PORT = IPV4_HEADER + UDP_SOURCE_PORT;
const NONCE = IPV4_HEADER + UDP_HEADER;
const SEQUENCE = NONCE + NONCE_SIZE;

/** The length of a packet, in bytes. */
export const STEADY_PACKET = SEQUENCE + 4;

/** The lengths that a frame of the stream may have, in bytes: one for each form of a frame. */
const LENGTHS: readonly number[] = Object.values(LINK_HEADER).map((size) => size + STEADY_PACKET);

/** How many flows there are. They differ in the source port, and frames belong to them in turn. */
export const FLOWS = 64;
const FIRST_PORT = 49152; // RFC 6335: the dynamic ports
/** Where the stream goes. Source: RFC 2365, site-local scope. */
export const STEADY_GROUP = { address: "239.255.70.68", port: 5004 };

/** The time between two bursts, in milliseconds. */
const TICK = 4;

/** How long the kernel may refuse frames for lack of room by default, in milliseconds. */
const REFUSAL_TOLERATED = 5000;

/** Returns frame 0 of the stream: UDP without a checksum (RFC 768), to a multicast group. */
function template(nonce: Uint8Array, sender: Interface): Uint8Array<ArrayBuffer> {
  const payload = new Uint8Array(NONCE_SIZE + 4);
  payload.set(nonce);
  return datagramFrame({ sender, to: STEADY_GROUP, payload, isSummed: false });
}

/**
 * Returns the sequence number of the frame at `offset` in `bytes`, or `undefined` if it is not of
 * the stream with this nonce.
 */
export function steadySequence(
  bytes: Uint8Array<ArrayBuffer>,
  offset: number,
  length: number,
  nonce: Uint8Array,
): number | undefined {
  if (!LENGTHS.includes(length)) return undefined;
  const packet = offset + length - STEADY_PACKET;
  for (let i = 0; i < NONCE_SIZE; i++) {
    if (bytes[packet + NONCE + i] !== nonce[i]) return undefined;
  }
  const at = packet + SEQUENCE;
  return (bytes[at] << 24 | bytes[at + 1] << 16 | bytes[at + 2] << 8 | bytes[at + 3]) >>> 0;
}

/** Sends frames at a steady rate between {@linkcode start} and {@linkcode stop}. */
export class SteadyStimulus implements Disposable {
  /** The secret that marks its frames. */
  readonly nonce = crypto.getRandomValues(new Uint8Array(NONCE_SIZE));
  readonly #socket: OwnedFd;
  readonly #frame: Uint8Array<ArrayBuffer>;
  readonly #packet: DataView;
  #sent = 0;
  #sending: Repetition | undefined;
  /** When the kernel began to refuse frames; `undefined` while it accepts them. */
  #refusedSince: number | undefined;

  /**
   * @param link The interface to inject at.
   * @param rate Frames per second.
   * @param refusalTolerated How long the kernel may refuse frames for lack of room, in
   *   milliseconds.
   * @throws {SystemError} If the packet socket cannot be opened or bound to it.
   */
  constructor(
    readonly link: Interface,
    readonly rate: number,
    readonly refusalTolerated = REFUSAL_TOLERATED,
  ) {
    this.#socket = boundPacketSocket(link.ifindex, 0);
    this.#frame = template(this.nonce, link);
    this.#packet = new DataView(this.#frame.buffer, LINK_HEADER[link.layer]);
  }

  /** How many frames have been sent. They are numbered from 0. */
  get sent(): number {
    return this.#sent;
  }

  /** Starts to send, or goes on after a stop with the next number. */
  start(): void {
    const began = performance.now();
    const before = this.#sent;
    this.#sending = new Repetition(() => {
      const due = before + Math.floor((performance.now() - began) * this.rate / 1000);
      while (this.#sent < due && this.#send());
    }, TICK);
  }

  /**
   * Stops sending.
   *
   * @throws {SystemError} If a frame could not be sent.
   */
  stop(): void {
    this.#sending?.stop();
    this.#sending?.throwIfFailed();
  }

  /**
   * Sends the next frame. Returns false if the kernel has no room for it: the next tick tries
   * again, so that the event loop is not blocked.
   */
  #send(): boolean {
    this.#packet.setUint16(SOURCE_PORT, FIRST_PORT + this.#sent % FLOWS);
    this.#packet.setUint32(SEQUENCE, this.#sent);
    try {
      send(this.#socket.fd, this.#frame, 0);
    } catch (error) {
      // The processor's queue, which is shared with others, is full. The frame was not sent.
      const isFull = error instanceof SystemError && error.errno === Errno.ENOBUFS;
      this.#refusedSince ??= performance.now();
      if (!isFull || performance.now() - this.#refusedSince > this.refusalTolerated) throw error;
      return false;
    }
    this.#refusedSince = undefined;
    this.#sent++;
    return true;
  }

  /** Stops sending and closes the socket. */
  [Symbol.dispose](): void {
    this.#sending?.stop();
    this.#socket.close();
  }
}
