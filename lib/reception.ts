/**
 * The parent's account of what the child receives: which packets count, and what they show.
 *
 * The child hands on every frame with the kernel's time stamp. Which of them are this run's only the parent can tell:
 * the child was never told the nonce, so it cannot report a frame that it did not receive.
 *
 * @module
 */

import { type Finding, judged, type Packet, skipped } from "./evidence.ts";
import { summarize } from "./frames.ts";
import type { CapturedFrame } from "./messages.ts";
import type { ParentRun } from "./parent_run.ts";
import type { Stimulus } from "./stimulus.ts";
import type { Child } from "./watched_child.ts";

/** How many frames may be under way at once, in either direction: far less than any receive buffer holds. */
const WINDOW = 32;

/** After how long without one of its frames the stimulus is taken for lost, and sent anew, in milliseconds. */
const PATIENCE = 250;

/** How much of the time is kept back for an orderly end, in milliseconds. */
const TIME_TO_END = 250;

/** Sends the stimulus, hears of every frame that the child received, and judges. */
export class Reception {
  readonly #run: ParentRun;
  readonly #child: Child;
  readonly #stimulus: Stimulus | undefined;
  readonly #droppedAt: bigint;
  readonly #stimulate: (stimulus: Stimulus) => number;
  readonly #deadline: number;
  readonly #seen = new Set<number>();
  readonly #first: number;
  #wanted = 0;
  #since = 0n;
  #underWay = 0;
  #lastArrival = 0;
  #afterDrop = 0;
  #lastTimestamp = 0n;

  /**
   * @param stimulus Where frames are sent from; without one, ambient traffic is what there is.
   * @param droppedAt When the child dropped its privileges, in nanoseconds since 1970.
   * @param stimulate Sends the next frame.
   */
  constructor(
    run: ParentRun,
    child: Child,
    stimulus: Stimulus | undefined,
    droppedAt: bigint,
    stimulate: (stimulus: Stimulus) => number,
  ) {
    this.#run = run;
    this.#child = child;
    this.#stimulus = stimulus;
    this.#droppedAt = droppedAt;
    this.#stimulate = stimulate;
    this.#first = stimulus?.sent ?? 0;
    const left = run.context.deadline - Date.now();
    this.#deadline = Date.now() + Math.max(left / 2, left - TIME_TO_END);
  }

  /** The packets that count: with a stimulus, its frames; without, whatever came after the drop. */
  get counted(): number {
    return this.#stimulus === undefined ? this.#afterDrop : this.#seen.size;
  }

  /**
   * Has packets sent and received until `count` of them count, or time runs out.
   *
   * @param since From when on packets count, in nanoseconds since 1970.
   */
  async until(count: number, since = this.#droppedAt): Promise<void> {
    this.#wanted = count;
    this.#since = since;
    this.#lastArrival = Date.now();
    while (this.counted < count && Date.now() < this.#deadline) {
      this.#send(count);
      const frame = await this.#child.packet(Math.min(this.#deadline, Date.now() + PATIENCE));
      if (frame !== undefined) this.account(frame);
    }
  }

  /** Has `count` frames sent before anything is awaited: less than {@linkcode WINDOW}. */
  ahead(count: number): void {
    this.#lastArrival = Date.now();
    this.#send(count);
  }

  /** Keeps the window full. On a flooded interface frames are lost: others are sent in their place. */
  #send(count: number): void {
    if (this.#stimulus === undefined) return;
    if (Date.now() - this.#lastArrival > PATIENCE) {
      this.#underWay = 0;
      this.#lastArrival = Date.now();
    }
    while (this.#underWay < WINDOW && this.#seen.size + this.#underWay < count) {
      this.#stimulate(this.#stimulus);
      this.#underWay++;
    }
  }

  /** Takes a packet into the account; one that comes when there are enough is only reported. */
  account({ bytes, head, timestamp_ns, stamped_by }: CapturedFrame): void {
    const frame = Uint8Array.fromBase64(head);
    const timestamp = BigInt(timestamp_ns);
    const sequence = this.#stimulus?.recognize(frame);
    const ours = sequence !== undefined && timestamp >= this.#stimulus!.sentAt(sequence);
    // When a frame came, the kernel's stamp says. Where there is none, the child's time would be no proof: it may have been queued long
    // before. But it cannot have come before it was sent.
    const sentAt = ours ? this.#stimulus!.sentAt(sequence) : 0n;
    const cameAt = stamped_by === "kernel" ? timestamp : sentAt;
    const afterDrop = cameAt > this.#droppedAt;
    const before = this.counted;
    if (cameAt > this.#since && before < this.#wanted) {
      this.#afterDrop++;
      if (ours && sequence >= this.#first) this.#seen.add(sequence);
    }
    const counts = this.counted > before;
    if (counts) this.#lastTimestamp = cameAt;
    if (counts && ours) {
      this.#underWay = Math.max(0, this.#underWay - 1);
      this.#lastArrival = Date.now();
    }
    const packet: Packet = {
      bytes,
      head,
      after_drop: afterDrop,
      ours,
      summary: summarize(frame),
      timestamp_ns,
      stamped_by,
    };
    this.#run.packet(packet, counts ? this.counted : 0);
  }

  /** RECV-01: enough packets, stamped after the drop. */
  judgeCount(count: number): Finding {
    if (this.#stimulus === undefined && this.#afterDrop < count) {
      return skipped(`no stimulus, and ${this.#afterDrop} of ${count} packets came by themselves`);
    }
    return judged(this.#afterDrop >= count, `${this.#afterDrop} packets received after the drop`, {
      dropped_ns: String(this.#droppedAt),
      after_drop: this.#afterDrop,
    });
  }

  /** RECV-02: they are the stimulus. */
  judgeOrigin(count: number): Finding {
    if (this.#stimulus === undefined) {
      return skipped("no stimulus: all that came is ambient traffic");
    }
    return judged(
      this.#seen.size >= count,
      `${this.#seen.size} frames of this run's stimulus, ${count} wanted`,
      {
        sent: this.#stimulus.sent - this.#first,
        received: this.#seen.size,
        // How many were sent up to the last one that counts: more than were received, and some were lost on the way.
        up_to: [...this.#seen].reduce((last, each) => Math.max(last, each), this.#first - 1) -
          this.#first + 1,
      },
    );
  }

  /** RECV-03: packets went on coming after the parent had closed its copy. */
  judgeSurvival(closedAt: bigint, copiesLeft: number): Finding {
    if (this.#stimulus === undefined && this.#lastTimestamp < closedAt) {
      return skipped("no stimulus, and no packet came after the parent had closed its copy");
    }
    const survived = this.#lastTimestamp > closedAt;
    return judged(
      copiesLeft === 0 && survived,
      `${copiesLeft} copies in the parent; ${survived ? "packets" : "no packet"} received after`,
      { closed_ns: String(closedAt), last_packet_ns: String(this.#lastTimestamp), copiesLeft },
    );
  }
}
