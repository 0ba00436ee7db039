/**
 * Root's own witness of the stimulus: it receives beside the child, and takes the digest of every
 * frame that this run has sent. The child has to deliver what the witness saw, and nothing else: a
 * frame that did not arrive, or that the link has changed, was not the child's to receive.
 *
 * @module
 */

import { ETH_P_ALL } from "../../../ffi/abi/constants.ts";
import type { OwnedFd } from "../../../ffi/process/descriptor.ts";
import type { Digest } from "../../harness/digests.ts";
import { stimulusFilter } from "../../packets/filters.ts";
import { takeFrame } from "../../packets/queue.ts";
import { boundPacketSocket, enlargeReceiveBuffer, takeStatistics } from "../../packets/socket.ts";

/** The most frames that one look takes, so that a flood does not hold up the run. */
const FRAMES_PER_LOOK = 4096;

/** Receives every frame that could be of the stimulus. */
export class DigestWitness implements Disposable {
  /** The digests of the frames that this run sent and that arrived, in their order. */
  readonly seen: string[] = [];
  readonly #socket: OwnedFd;
  readonly #digest: Digest;
  readonly #sent: ReadonlySet<string>;
  #others = 0;

  /**
   * @param ifindex The interface under test.
   * @param sent The digests of the frames that were sent; it grows.
   * @throws {SystemError} If the packet socket cannot be opened, bound, or given a large buffer.
   */
  constructor(ifindex: number, sent: ReadonlySet<string>, digest: Digest) {
    this.#sent = sent;
    this.#digest = digest;
    this.#socket = boundPacketSocket(ifindex, ETH_P_ALL, stimulusFilter());
    try {
      enlargeReceiveBuffer(this.#socket.fd);
    } catch (error) {
      this.#socket.close();
      throw error;
    }
  }

  /**
   * How many frames of others passed the same filter as the stimulus. Frames that found no room
   * count as well: the witness has no other cause to lose any.
   */
  get others(): number {
    return this.#others;
  }

  /** Receives the frames that have arrived. */
  look(): void {
    for (let left = FRAMES_PER_LOOK; left > 0; left--) {
      const frame = takeFrame(this.#socket.fd);
      if (frame === undefined) break;
      const digest = this.#digest(frame.head);
      if (this.#sent.has(digest)) this.seen.push(digest);
      else this.#others++;
    }
    this.#others += takeStatistics(this.#socket.fd).drops;
  }

  /** Closes its socket. */
  [Symbol.dispose](): void {
    this.#socket.close();
  }
}
