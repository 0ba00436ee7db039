/**
 * The stimulus of a relay: datagrams to the group, and every kind of invalid frame between them.
 *
 * @module
 */

import { OwnedFd } from "../../../ffi/process/descriptor.ts";
import { ipv4Bytes, type Ipv4Flow } from "../../../ffi/socket/inet.ts";
import type { Digest } from "../../harness/digests.ts";
import { STIMULUS_SOURCE } from "../../packets/build.ts";
import type { Interface } from "../../packets/link_layer.ts";
import { sendFrame } from "../../packets/send.ts";
import { boundPacketSocket } from "../../packets/socket.ts";
import type { Injections } from "./arrivals.ts";
import type { DropReason } from "./datagrams.ts";
import { MARKED_SIZE, RelayFrames } from "./frames.ts";
import { type InvalidFrame, invalidFrames } from "./invalid_frames.ts";

/** One invalid frame is sent before every fifth datagram. */
const INVALID_EVERY = 5;

/** How many times a frame is sent at most, a millisecond apart, while there is no room for it. */
export const SEND_ATTEMPTS = 2001;

/** The sizes of the datagrams of a stimulus, in bytes of payload. */
export interface Sizes {
  /** The longest that crosses the link to the worker. */
  readonly longest: number;
  /** The longest that the output carries. */
  readonly longestOutput: number;
}

/** Injects frames, and counts them by what a relay must do with them. */
export class RelayStimulus implements Injections, Disposable {
  readonly #socket: OwnedFd;
  readonly #frames: RelayFrames;
  readonly #digest: Digest;
  readonly #sizes: Sizes;
  readonly #source: string;
  readonly #times = new Map<string, number>();
  /** The kinds of invalid frames. */
  readonly kinds: readonly InvalidFrame[];
  /** The digests of the payloads that must be relayed, in order. */
  readonly sent: string[] = [];
  /** Those among them that carry the nonce of the run. */
  readonly marked = new Set<string>();
  /** The frames that reach the worker and must be dropped, counted by what is wrong with them. */
  readonly invalid = new Map<DropReason, number>();
  /** How many invalid frames the socket's filter drops. */
  filtered = 0;
  #invalid = 0;
  #datagrams = 0;

  /**
   * @param link Where to inject: the veth peer of the interface that the worker receives from.
   * @param to The group and port that the relay serves, and the source if it serves only one.
   * @throws {SystemError} If the packet socket cannot be opened or bound there.
   */
  constructor(link: Interface, to: Ipv4Flow, sizes: Sizes, digest: Digest) {
    this.#frames = new RelayFrames(link, to, sizes.longest);
    this.kinds = invalidFrames(link.layer, to.source !== undefined);
    this.#sizes = sizes;
    this.#source = ipv4Bytes(to.source ?? STIMULUS_SOURCE.address)!.toHex();
    this.#digest = digest;
    this.#socket = boundPacketSocket(link.ifindex, 0); // protocol 0: it only sends
  }

  /** How many datagrams have been sent, too long ones included. */
  get datagrams(): number {
    return this.#datagrams;
  }

  /** The fewest datagrams with which each size is sent. */
  get round(): number {
    return this.#frames.round;
  }

  /**
   * Sends the next datagram; and before it, now and then, an invalid frame.
   *
   * @throws {SystemError} `ENETDOWN`; `ENOBUFS` if there is no room for two seconds; …
   */
  send(): void {
    const sequence = this.#datagrams++;
    const frame = this.#frames.datagram(sequence);
    // The first frame is a datagram: a witness begins to count with it.
    if (sequence % INVALID_EVERY === INVALID_EVERY - 1) this.#sendInvalid();
    sendFrame(this.#socket.fd, frame, SEND_ATTEMPTS);
    const payload = this.#frames.payload(sequence);
    const digest = this.#digest(payload);
    this.#times.set(digest, (this.#times.get(digest) ?? 0) + 1);
    if (payload.length > this.#sizes.longestOutput) {
      this.#count("too big for the output");
      return;
    }
    this.sent.push(digest);
    if (payload.length >= MARKED_SIZE) this.marked.add(digest);
  }

  /** Returns how often a datagram with this payload has been sent. */
  times(digest: string): number {
    return this.#times.get(digest) ?? 0;
  }

  injected(digest: string, size: number, source: Uint8Array): number {
    return size < MARKED_SIZE && source.toHex() !== this.#source ? 0 : this.times(digest);
  }

  #sendInvalid(): void {
    const kind = this.kinds[this.#invalid++ % this.kinds.length];
    const frame = this.#frames.invalid(kind);
    sendFrame(this.#socket.fd, frame, SEND_ATTEMPTS);
    if (kind.isFiltered) this.filtered++;
    else this.#count(kind.reason);
  }

  #count(reason: DropReason): void {
    this.invalid.set(reason, (this.invalid.get(reason) ?? 0) + 1);
  }

  /** Closes its socket. */
  [Symbol.dispose](): void {
    this.#socket.close();
  }
}
