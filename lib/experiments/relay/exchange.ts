/**
 * The exchange: the parent injects datagrams at one end and counts what comes out at the other,
 * with no more under way than the buffers hold.
 *
 * @module
 */

import { POLLIN } from "../../../ffi/abi/constants.ts";
import { pollAsync } from "../../../ffi/socket/poll.ts";
import type { Child } from "../../harness/child.ts";
import { takeDigests } from "../../harness/digests.ts";
import { Repetition } from "../../host/repetition.ts";
import type { Arrivals } from "./arrivals.ts";
import type { RelayStimulus } from "./stimulus.ts";
import type { OutputWitness } from "./witness.ts";

/** The most datagrams under way, and bytes of payload: the receive buffers hold them all. */
const WINDOW = { datagrams: 250, bytes: 1 << 21 };

/** The longest wait for a datagram, in milliseconds: it arrives at once, or is lost. */
const PATIENCE = 1000;

/** How often the witnesses look while the parent waits, in milliseconds. */
const LOOK_EVERY = 50;

/** The two ends of an exchange, and what came out so far. */
export class Exchange implements Disposable {
  /** The digests that the receiver has reported. */
  readonly received: string[] = [];
  readonly #counted = new Map<string, number>();
  readonly #window: number;
  /** Keeps the rings from filling up while the parent waits for something else. */
  readonly #looks: Repetition;
  /** How many of the digests are counted already. */
  #read = 0;
  /** How many datagrams of the stimulus have come out. */
  #done = 0;

  /**
   * @param stimulus Sends.
   * @param longest The longest payload that it sends, in bytes.
   * @param arrivals The witnesses at the interface that the worker receives from.
   * @param leaving The witness of what leaves by the egress.
   * @param inward The witness of what leaves by the interface that the worker receives from.
   * @param receiver The receiver in the other namespace; `undefined` with `--out`.
   * @param signal Ends the run. Its reason is an `Error`.
   */
  constructor(
    readonly stimulus: RelayStimulus,
    longest: number,
    readonly arrivals: readonly Arrivals[],
    readonly leaving: OutputWitness,
    readonly inward: OutputWitness,
    readonly receiver: Child | undefined,
    readonly signal: AbortSignal,
  ) {
    this.#window = Math.min(WINDOW.datagrams, Math.ceil(WINDOW.bytes / Math.max(1, longest)));
    this.#looks = new Repetition(() => this.#look(), LOOK_EVERY);
  }

  /**
   * Sends datagrams until `total` of this run are sent, and waits until all have come out or none
   * has for a second, or no witness of what arrives has room for it.
   *
   * @throws The reason of the run's signal, if that is aborted first.
   */
  async run(total: number): Promise<void> {
    const { stimulus } = this;
    let deadline = performance.now() + PATIENCE;
    for (;;) {
      this.signal.throwIfAborted();
      this.look();
      if (this.#count() > 0) deadline = performance.now() + PATIENCE;
      const isSent = stimulus.datagrams >= total;
      if (isSent && this.#done >= stimulus.sent.length) return;
      if (this.arrivals.every(({ lost }) => lost > 0)) return; // a flood: nothing can be judged
      for (let some = this.#window; some > 0; some--) {
        if (stimulus.datagrams >= total || this.#underWay >= this.#window) break;
        stimulus.send();
        deadline = performance.now() + PATIENCE;
      }
      if (performance.now() >= deadline) return;
      await this.#wait(LOOK_EVERY);
    }
  }

  /**
   * Lets every witness look.
   *
   * @throws {SystemError} `ENETDOWN` once after an interface went down, …
   */
  look(): void {
    this.#looks.throwIfFailed();
    this.#look();
  }

  #look(): void {
    for (const witness of this.#witnesses) witness.look();
  }

  /** Lets every witness look until it has seen what has passed by now: {@linkcode look}. */
  settle(): void {
    this.#looks.throwIfFailed();
    for (const witness of this.#witnesses) witness.settle();
  }

  get #witnesses() {
    return [...this.arrivals, this.leaving, this.inward];
  }

  /** Ends the receiver, and takes the digests that were still on their way from it. */
  async endReceiver(): Promise<void> {
    const { receiver } = this;
    if (receiver === undefined) return;
    receiver.send({ type: "enough" });
    for (;;) {
      const { stage, detail } = await receiver.reachedEither("received", "done");
      if (stage === "done") break;
      this.#take(detail.digests);
    }
    await receiver.ended();
  }

  /** Ends the looks meanwhile. */
  [Symbol.dispose](): void {
    this.#looks.stop();
  }

  /**
   * Waits for what the receiver reports next.
   *
   * @param timeout In milliseconds.
   */
  async hear(timeout: number): Promise<void> {
    const detail = await this.receiver?.reachedWithin(timeout, "received");
    if (detail !== undefined) this.#take(detail.digests);
  }

  get #underWay(): number {
    return this.stimulus.sent.length - this.#done;
  }

  async #wait(timeout: number): Promise<void> {
    if (this.receiver === undefined) await pollAsync([this.leaving.fd], POLLIN, timeout);
    else await this.hear(timeout);
  }

  #take(digests: unknown): void {
    takeDigests(this.received, digests, this.stimulus.sent.length);
  }

  /** Counts the datagrams of the stimulus that have come out. Returns how many are new. */
  #count(): number {
    const before = this.#done;
    const all = this.receiver === undefined ? this.leaving.datagrams : this.received;
    for (; this.#read < all.length; this.#read++) {
      const digest = all[this.#read];
      const counted = this.#counted.get(digest) ?? 0;
      if (counted >= this.stimulus.times(digest)) continue;
      this.#counted.set(digest, counted + 1);
      this.#done++;
    }
    return this.#done - before;
  }
}
