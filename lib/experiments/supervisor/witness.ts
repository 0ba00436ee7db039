/**
 * Root's own witness of the stream: it receives beside the workers, and notes which frames arrive
 * at the interface. A frame that did not arrive was not the workers' to receive.
 *
 * @module
 */

import { ETH_P_ALL } from "../../../ffi/abi/constants.ts";
import type { PacketRingGeometry } from "../../../ffi/packet/packet_ring.ts";
import { Repetition } from "../../host/repetition.ts";
import { groupFilter } from "../../packets/filters.ts";
import type { Interface } from "../../packets/link_layer.ts";
import { boundPacketSocket, takeStatistics } from "../../packets/socket.ts";
import { PacketRingSource } from "../../receive/tpacket_v3.ts";
import { STEADY_GROUP, steadySequence } from "./stream.ts";

/** The time between two looks, in milliseconds: the ring holds far more than comes in between. */
const LOOK_INTERVAL = 20;

/** The most frames that one look takes, so that a flood does not hold up the supervisor. */
const FRAMES_PER_LOOK = 1 << 15;

/** The ring: 16 MiB, in blocks that are handed over after 8 ms. */
const RING: PacketRingGeometry = { blockSize: 1 << 16, blockCount: 256, retireTimeout: 8 };

/** The frames that arrived at the interface. */
export interface Arrivals {
  /** How often each frame of the stream arrived, by its number; `undefined` for never. */
  readonly times: ReadonlyMap<number, number>;
  /**
   * How many frames of others arrived that a worker's filter passes. Frames for which the witness
   * had no room count as well: it has no other cause to lose any.
   */
  readonly others: number;
}

/** Receives all the time, until it is disposed of. */
export class StreamWitness implements Arrivals, Disposable {
  readonly times = new Map<number, number>();
  readonly #source: PacketRingSource;
  readonly #undo: Disposable;
  readonly #nonce: Uint8Array;
  readonly #looks: Repetition;
  #others = 0;

  /**
   * @param link The interface under test.
   * @param nonce The secret that marks the frames of the stream.
   * @throws {SystemError} If the packet socket cannot be opened or bound, or has no ring.
   */
  constructor({ ifindex, layer }: Pick<Interface, "ifindex" | "layer">, nonce: Uint8Array) {
    using undo = new DisposableStack();
    const filter = groupFilter(STEADY_GROUP, layer);
    const socket = undo.use(boundPacketSocket(ifindex, ETH_P_ALL, filter));
    this.#source = undo.use(PacketRingSource.setUp(socket.fd, RING));
    this.#nonce = nonce;
    this.#looks = new Repetition(() => this.#look(), LOOK_INTERVAL);
    this.#undo = undo.move();
  }

  get others(): number {
    return this.#others;
  }

  /**
   * Receives the frames that have arrived, as far as their blocks have been handed over.
   *
   * @throws {SystemError} `ENETDOWN` if the interface has gone down since the beginning, …
   */
  look(): void {
    this.#looks.throwIfFailed();
    this.#look();
  }

  #look(): void {
    const source = this.#source;
    for (let left = FRAMES_PER_LOOK; left > 0 && source.next(); left--) {
      const number = steadySequence(source.bytes, source.offset, source.captured, this.#nonce);
      if (number === undefined) this.#others++;
      else this.times.set(number, (this.times.get(number) ?? 0) + 1);
    }
    this.#others += takeStatistics(source.fd).drops;
  }

  /** Stops, and closes its socket. */
  [Symbol.dispose](): void {
    this.#looks.stop();
    this.#undo[Symbol.dispose]();
  }
}
