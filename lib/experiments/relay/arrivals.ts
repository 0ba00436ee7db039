/**
 * Root's own account of the frames that arrive at the interface from which a relay receives: what
 * the worker must pass on, and what it must drop and count.
 *
 * A worker is judged by what arrived there, not by what was sent: a bridge or a switch may keep
 * frames back, and others may send to the same group.
 *
 * @module
 */

import type { Ipv4Flow } from "../../../ffi/socket/inet.ts";
import type { Digest } from "../../harness/digests.ts";
import { type Interface, VLAN_ID } from "../../packets/link_layer.ts";
import type { PacketRingSource } from "../../receive/tpacket_v3.ts";
import { DatagramReader, datagramsIn, DROP_REASONS, type DropReason } from "./datagrams.ts";
import { WitnessRing } from "./witness_ring.ts";

/** The number of frames that a relay must pass on, and drop, by reason. */
export interface Tally {
  /** Frames: several datagrams may be joined into one. */
  frames: number;
  /** Datagrams. */
  relayed: number;
  readonly dropped: Record<DropReason, number>;
}

/** What a relay must have counted: others' frames at the start and the end may be missing. */
export interface Bounds {
  readonly atLeast: Tally;
  readonly atMost: Tally;
}

/** Returns a tally of nothing. */
export function noTally(): Tally {
  const reasons = Object.keys(DROP_REASONS) as DropReason[];
  const dropped = Object.fromEntries(reasons.map((reason) => [reason, 0]));
  return { frames: 0, relayed: 0, dropped: dropped as Tally["dropped"] };
}

const copyOf = (tally: Tally): Tally => ({ ...tally, dropped: { ...tally.dropped } });

/** A datagram that arrived and that a relay must pass on. */
export interface Arrival {
  /** The digest of its payload. */
  readonly digest: string;
  /** Whether the parent injected it. */
  readonly isOurs: boolean;
}

/** The datagrams that the parent has injected, as a witness recognizes them. */
export interface Injections {
  /**
   * Returns how often a datagram has been injected.
   *
   * @param size The length of its payload. A short one does not carry the nonce of the run, so its
   *   source must be right as well.
   */
  injected(digest: string, size: number, source: Uint8Array): number;
}

/** How arrivals are read. */
export interface ArrivalsOptions {
  /** The group and port that the relay serves. */
  readonly from: Ipv4Flow;
  /** The longest payload that the output carries, in bytes. */
  readonly longest: number;
  readonly digest: Digest;
  readonly injections: Injections;
  /** The program of the witness's socket filter: which frames it sees. */
  readonly filter: Uint8Array<ArrayBuffer>;
}

/**
 * Receives at the interface as the worker does: with its filter the same frames, and with
 * `destinationFilter` those that its filter should not drop.
 */
export class Arrivals implements Disposable {
  readonly #ring: WitnessRing;
  readonly #reader: DatagramReader;
  readonly #options: ArrivalsOptions;
  readonly #claimed = new Map<string, number>();
  readonly #tally = noTally();
  #first: Tally | undefined;
  #last = noTally();
  /** The datagrams that a relay must pass on, in order. */
  readonly datagrams: Arrival[] = [];

  /** @throws {SystemError} If the packet socket cannot be opened or bound there. */
  constructor(link: Interface, options: ArrivalsOptions) {
    this.#options = options;
    this.#reader = new DatagramReader(options.from, link.layer);
    this.#ring = new WitnessRing(link, options.filter);
  }

  /** How many frames were dropped for lack of room. */
  get lost(): number {
    return this.#ring.lost;
  }

  /** Looks at the frames that have arrived. After a loss it looks no more: a flood has no end. */
  look(): void {
    if (this.lost === 0) this.#ring.look(this.#see);
  }

  /** Looks until every frame that has arrived by now is seen, if none was lost. */
  settle(): void {
    if (this.lost === 0) this.#ring.settle(this.#see);
  }

  /**
   * The frames that the worker must have counted: those from the first to the last datagram of ours
   * at least, and all at most.
   */
  get bounds(): Bounds {
    const first = this.#first ?? this.#last;
    const atLeast = copyOf(this.#last);
    atLeast.frames -= first.frames;
    atLeast.relayed -= first.relayed;
    for (const reason of Object.keys(DROP_REASONS) as DropReason[]) {
      atLeast.dropped[reason] -= first.dropped[reason];
    }
    return { atLeast, atMost: copyOf(this.#tally) };
  }

  readonly #see = (frame: Uint8Array<ArrayBuffer>, ring: PacketRingSource): void => {
    const { segmentSize } = ring;
    const isBelieved = segmentSize > 0 || ring.isChecksumPending;
    const reason = ((ring.vlan?.tci ?? 0) & VLAN_ID) !== 0
      ? "not IPv4"
      : this.#reader.read(frame, 0, frame.length, isBelieved);
    if (reason !== undefined) {
      this.#tally.frames++;
      this.#tally.dropped[reason]++;
      return;
    }
    const { start, size, sender } = this.#reader;
    const source = frame.subarray(sender, sender + 4);
    let isFirst = true;
    for (const [from, to] of datagramsIn(start, size, segmentSize)) {
      this.#take(frame.subarray(from, to), source, isFirst);
      isFirst = false;
    }
  };

  /** @param isFirst Whether it is the first datagram of a frame. */
  #take(payload: Uint8Array<ArrayBuffer>, source: Uint8Array, isFirst: boolean): void {
    const { longest, digest } = this.#options;
    const name = digest(payload);
    const isOurs = this.#claim(name, payload.length, source);
    if (isOurs) this.#first ??= copyOf(this.#tally);
    if (isFirst) this.#tally.frames++;
    if (payload.length > longest) this.#tally.dropped["too big for the output"]++;
    else {
      this.#tally.relayed++;
      this.datagrams.push({ digest: name, isOurs });
    }
    if (isOurs) this.#last = copyOf(this.#tally);
  }

  /** Whether a datagram is one of ours. Each can be claimed as often as it was injected. */
  #claim(digest: string, size: number, source: Uint8Array): boolean {
    const claimed = this.#claimed.get(digest) ?? 0;
    if (claimed >= this.#options.injections.injected(digest, size, source)) return false;
    this.#claimed.set(digest, claimed + 1);
    return true;
  }

  /** Closes its socket. */
  [Symbol.dispose](): void {
    this.#ring[Symbol.dispose]();
  }
}
