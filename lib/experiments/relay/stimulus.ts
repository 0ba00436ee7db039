/**
 * What a relay is put through: datagrams to the group, with every kind of frame that is none between them, and the count of each.
 *
 * @module
 */

import { Errno, SystemError } from "../../../ffi/abi/errno.ts";
import { OwnedFd } from "../../../ffi/process/descriptor.ts";
import { send } from "../../../ffi/socket/calls.ts";
import type { Ipv4Endpoint } from "../../../ffi/socket/inet.ts";
import { sleep } from "../../../ffi/socket/poll.ts";
import type { Link } from "../../../ffi/socket/rtnetlink.ts";
import type { DropReason } from "../../packets/datagrams.ts";
import type { Digest } from "../../harness/digests.ts";
import { boundPacketSocket } from "../../packets/socket.ts";
import { INVALID, RelayFrames } from "./invalid_frames.ts";

/** After how many datagrams a frame comes that is none. */
const INVALID_EVERY = 5;

/** How often something is sent again for which the queue of the next processor had no room, a millisecond apart. */
const RETRIES = 2000;

/** Sends something, and again if there was no room for it: every namespace of a machine has its frames in the same queues. */
export function persistently(send: () => unknown): void {
  for (let tries = 0;; tries++) {
    try {
      return void send();
    } catch (error) {
      const mayBeTaken = error instanceof SystemError && error.errno === Errno.ENOBUFS;
      if (!mayBeTaken || tries === RETRIES) throw error;
    }
    sleep(1);
  }
}

/** Injects frames, and knows what is to become of each. */
export class RelayStimulus implements Disposable {
  readonly #socket: OwnedFd;
  readonly #frames: RelayFrames;
  readonly #digest: Digest;
  /** The digests of the payloads of the datagrams, in the order in which they were sent. */
  readonly sent: string[] = [];
  /** How many frames were sent that are none, by what is wrong with them. */
  readonly invalid = new Map<DropReason, number>();
  /** How many frames were sent that the filter of the socket keeps from the worker. */
  filtered = 0;
  #invalid = 0;

  /**
   * @param link Where to inject: the peer of the interface that is received from.
   * @throws {SystemError} If the packet socket cannot be opened or bound there.
   */
  constructor(link: Link, to: Ipv4Endpoint, digest: Digest) {
    this.#frames = new RelayFrames(link.address, to);
    this.#digest = digest;
    this.#socket = boundPacketSocket(link.ifindex, 0); // protocol 0: it only sends
  }

  /**
   * Sends the next datagram, and before it, now and then, a frame that is none.
   *
   * @throws {SystemError} `ENETDOWN`, `ENOBUFS` if there is no room for it for seconds, …
   */
  send(): void {
    const sequence = this.sent.length;
    const frame = this.#frames.datagram(sequence);
    if (sequence % INVALID_EVERY === 0) this.#sendInvalid();
    persistently(() => send(this.#socket.fd, frame, 0));
    this.sent.push(this.#digest(this.#frames.payload(sequence)));
  }

  #sendInvalid(): void {
    const kind = INVALID[this.#invalid++ % INVALID.length];
    const frame = this.#frames.invalid(kind);
    persistently(() => send(this.#socket.fd, frame, 0));
    if (kind.isFiltered) this.filtered++;
    else this.invalid.set(kind.reason, (this.invalid.get(kind.reason) ?? 0) + 1);
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}
