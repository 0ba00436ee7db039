/**
 * The stimulus of a relay: datagrams to the group, and every kind of invalid frame between them.
 *
 * @module
 */

import { OwnedFd } from "../../../ffi/process/descriptor.ts";
import type { Ipv4Endpoint } from "../../../ffi/socket/inet.ts";
import type { Digest } from "../../harness/digests.ts";
import type { DropReason } from "./datagrams.ts";
import type { Interface } from "../../packets/link_layer.ts";
import { sendFrame } from "../../packets/send.ts";
import { boundPacketSocket } from "../../packets/socket.ts";
import { RelayFrames } from "./frames.ts";
import { INVALID_FRAMES } from "./invalid_frames.ts";

/** One invalid frame is sent before every fifth datagram. */
const INVALID_EVERY = 5;

/** How many times a frame is sent at most, a millisecond apart, while there is no room for it. */
export const SEND_ATTEMPTS = 2001;

/** Injects frames, and counts them by what a relay must do with them. */
export class RelayStimulus implements Disposable {
  readonly #socket: OwnedFd;
  readonly #frames: RelayFrames;
  readonly #digest: Digest;
  /** The digests of the payloads of the sent datagrams, in order. */
  readonly sent: string[] = [];
  /** The invalid frames that reach the worker, counted by what is wrong with them. */
  readonly invalid = new Map<DropReason, number>();
  /** How many invalid frames the socket's filter drops. */
  filtered = 0;
  #invalid = 0;

  /**
   * @param link Where to inject: the veth peer of the interface that the worker receives from.
   * @param to The group and port that the relay serves.
   * @throws {SystemError} If the packet socket cannot be opened or bound there.
   */
  constructor(link: Interface, to: Ipv4Endpoint, digest: Digest) {
    this.#frames = new RelayFrames(link, to);
    this.#digest = digest;
    this.#socket = boundPacketSocket(link.ifindex, 0); // protocol 0: it only sends
  }

  /**
   * Sends the next datagram; and before it, now and then, an invalid frame.
   *
   * @throws {SystemError} `ENETDOWN`; `ENOBUFS` if there is no room for two seconds; …
   */
  send(): void {
    const sequence = this.sent.length;
    const frame = this.#frames.datagram(sequence);
    if (sequence % INVALID_EVERY === 0) this.#sendInvalid();
    sendFrame(this.#socket.fd, frame, SEND_ATTEMPTS);
    this.sent.push(this.#digest(this.#frames.payload(sequence)));
  }

  #sendInvalid(): void {
    const kind = INVALID_FRAMES[this.#invalid++ % INVALID_FRAMES.length];
    const frame = this.#frames.invalid(kind);
    sendFrame(this.#socket.fd, frame, SEND_ATTEMPTS);
    if (kind.isFiltered) this.filtered++;
    else this.invalid.set(kind.reason, (this.invalid.get(kind.reason) ?? 0) + 1);
  }

  /** Closes its socket. */
  [Symbol.dispose](): void {
    this.#socket.close();
  }
}
