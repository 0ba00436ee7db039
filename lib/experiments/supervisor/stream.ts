/**
 * A steady stream of numbered frames, as several flows: what a supervisor's workers are kept busy with.
 *
 * @module
 */

import { ETH_P_IP, IPPROTO_UDP } from "../../../ffi/abi/constants.ts";
import { Errno, SystemError } from "../../../ffi/abi/errno.ts";
import type { OwnedFd } from "../../../ffi/process/descriptor.ts";
import { send } from "../../../ffi/socket/calls.ts";
import type { Link } from "../../../ffi/socket/rtnetlink.ts";
import { boundPacketSocket } from "../../packets/socket.ts";
import { internetChecksum } from "../../packets/stimulus.ts";

const NONCE_SIZE = 16;

// Where things are in a frame: Ethernet, IPv4 without options, UDP, nonce, sequence number.
const ETHERNET = 14, IPV4 = 20, UDP = 8;
const SOURCE_PORT = ETHERNET + IPV4;
const NONCE = ETHERNET + IPV4 + UDP;
const SEQUENCE = NONCE + NONCE_SIZE;
/** The length of a frame, in bytes. */
export const STEADY_FRAME = SEQUENCE + 4;

/** How many flows there are, which the frames are of in turn: they differ in the source port. */
export const FLOWS = 64;
const FIRST_PORT = 49152; // RFC 6335: for whoever needs one
const PORT = 5004;

/** How often frames are sent, in milliseconds. */
const TICK = 4;

/** How long the kernel may have no room for a frame, in milliseconds. */
const REFUSAL_TOLERATED = 5000;

/** Frame 0 of the stream: UDP without a checksum (RFC 768) to a group. */
function template(nonce: Uint8Array, source: Uint8Array): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(STEADY_FRAME);
  const view = new DataView(frame.buffer);
  frame.set([0x01, 0x00, 0x5e, 0x7f, 0x46, 0x44, ...source]); // RFC 1112, 6.4: for 239.255.70.68
  view.setUint16(12, ETH_P_IP);
  frame[ETHERNET] = 0x45;
  view.setUint16(ETHERNET + 2, IPV4 + UDP + NONCE_SIZE + 4);
  frame[ETHERNET + 8] = 1; // TTL: not beyond this link
  frame[ETHERNET + 9] = IPPROTO_UDP;
  frame.set([192, 0, 2, 1, 239, 255, 70, 68], ETHERNET + 12); // RFC 5737, RFC 2365
  view.setUint16(ETHERNET + 10, internetChecksum(frame.subarray(ETHERNET, ETHERNET + IPV4)));
  view.setUint16(SOURCE_PORT + 2, PORT);
  view.setUint16(SOURCE_PORT + 4, UDP + NONCE_SIZE + 4);
  frame.set(nonce, NONCE);
  return frame;
}

/** The number of a frame of the stream with that nonce, which lies in `bytes` at `offset`; `undefined` for any other frame. */
export function steadySequence(
  bytes: Uint8Array<ArrayBuffer>,
  offset: number,
  length: number,
  nonce: Uint8Array,
): number | undefined {
  if (length !== STEADY_FRAME) return undefined;
  for (let i = 0; i < NONCE_SIZE; i++) {
    if (bytes[offset + NONCE + i] !== nonce[i]) return undefined;
  }
  const at = offset + SEQUENCE;
  return (bytes[at] << 24 | bytes[at + 1] << 16 | bytes[at + 2] << 8 | bytes[at + 3]) >>> 0;
}

/** Sends frames at a steady rate until it is stopped. */
export class SteadyStimulus implements Disposable {
  /** By which its frames are known. */
  readonly nonce = crypto.getRandomValues(new Uint8Array(NONCE_SIZE));
  readonly #socket: OwnedFd;
  readonly #frame: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  #sent = 0;
  #timer: ReturnType<typeof setInterval> | undefined;
  #error: unknown;
  /** Since when the kernel has had no room; `undefined` if it has. */
  #refusedSince: number | undefined;

  /**
   * @param link Where to inject.
   * @param rate Frames per second.
   * @throws {SystemError} If the packet socket cannot be opened or bound there.
   */
  constructor(readonly link: Link, readonly rate: number) {
    this.#socket = boundPacketSocket(link.ifindex, 0);
    this.#frame = template(this.nonce, link.address);
    this.#view = new DataView(this.#frame.buffer);
  }

  /** How many frames have been sent: numbered from 0. */
  get sent(): number {
    return this.#sent;
  }

  /** Begins to send. */
  start(): void {
    const began = performance.now();
    const before = this.#sent;
    this.#timer = setInterval(() => {
      const due = before + Math.floor((performance.now() - began) * this.rate / 1000);
      try {
        while (this.#sent < due && this.#send());
      } catch (error) {
        this.#error = error;
        clearInterval(this.#timer);
      }
    }, TICK);
  }

  /**
   * Stops.
   *
   * @throws {SystemError} If a frame could not be sent.
   */
  stop(): void {
    clearInterval(this.#timer);
    if (this.#error !== undefined) throw this.#error;
  }

  /** Sends the next frame. Returns false if there is no room for it: the next tick tries again, and the event loop is not held up. */
  #send(): boolean {
    this.#view.setUint16(SOURCE_PORT, FIRST_PORT + this.#sent % FLOWS);
    this.#view.setUint32(SEQUENCE, this.#sent);
    try {
      send(this.#socket.fd, this.#frame, 0);
    } catch (error) {
      // The queue of the processor is full, which others fill as well: the frame did not leave.
      const isFull = error instanceof SystemError && error.errno === Errno.ENOBUFS;
      this.#refusedSince ??= performance.now();
      if (!isFull || performance.now() - this.#refusedSince > REFUSAL_TOLERATED) throw error;
      return false;
    }
    this.#refusedSince = undefined;
    this.#sent++;
    return true;
  }

  /** Stops, and closes the socket. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#socket.close();
  }
}
