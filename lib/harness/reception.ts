/**
 * The parent's account of what the child receives: which packets count, and what they show.
 *
 * The child hands on every frame. One of the stimulus counts by its secret, which was drawn after
 * the parent had looked at the child. A frame of others counts if root's own witness on the same
 * interface saw it too. No time that the child reports decides anything.
 *
 * @module
 */

import { POLLIN } from "../../ffi/abi/constants.ts";
import { poll, pollAsync } from "../../ffi/socket/poll.ts";
import { AwaitedFrames } from "../packets/awaited_frames.ts";
import { type Finding, judged, type Packet, skipped } from "../evidence/evidence.ts";
import { summarize } from "../packets/frames.ts";
import type { InterfaceWitness } from "./interface_witness.ts";
import type { CapturedFrame } from "./protocol.ts";
import type { ParentRun } from "./parent_run.ts";
import type { Stimulus } from "../packets/stimulus.ts";
import type { Child } from "./child.ts";

/** How many frames may be under way at once, in either direction: far less than any receive buffer holds. */
const WINDOW = 32;

/** After how long without one of its frames the stimulus is taken for lost, and sent anew, in milliseconds. */
const PATIENCE = 250;

/** How much of the time is kept back for an orderly end, in milliseconds. */
const TIME_TO_END = 250;

/** How many frames that the witness saw the child may owe because they are still under way. */
const MAY_BE_UNDER_WAY = 4 * WINDOW;

/** How long the witness may take to see frames that were sent, in milliseconds: a veth pair delivers at once. */
const WITNESS_PATIENCE = 1000;

/** How long a frame that reached the child may take to reach the witness, in milliseconds. */
const LATENESS = 1;

/** Where the frames come from, and who else sees them. */
export interface ReceptionOf {
  /** Where frames are sent from; without one, ambient traffic is what there is. */
  readonly stimulus: Stimulus | undefined;
  /** Root's own socket on the interface that the passed socket is bound to. */
  readonly witness: InterfaceWitness;
  /** Sends the next frame, and returns it. */
  readonly stimulate?: (stimulus: Stimulus) => Uint8Array;
}

/** How many frames were returned by the child, and seen by the witness. */
interface Tally {
  readonly returned: number;
  readonly witnessed: number;
}

/**
 * Sends the stimulus, hears of every frame that the child received, and judges. Nothing counts that
 * was sent, or seen, before this is made: so it is made after the look at the child.
 */
export class Reception {
  readonly #run: ParentRun;
  readonly #child: Child;
  readonly #stimulus: Stimulus | undefined;
  readonly #witness: InterfaceWitness;
  readonly #stimulate: (stimulus: Stimulus) => Uint8Array;
  readonly #deadline: number;
  readonly #awaited = new AwaitedFrames();
  readonly #witnessedBefore: number;
  /** What had come when the parent closed its copy of the passed socket. */
  #atClose: Tally | undefined;
  #counted = 0;
  /** How many packets the child handed on that neither were sent, nor seen by the witness. */
  #strangers = 0;
  #wanted = 0;
  #last = -1;
  #underWay = 0;
  #lastArrival = 0;

  constructor(
    run: ParentRun,
    child: Child,
    { stimulus, witness, stimulate = (each) => each.send() }: ReceptionOf,
  ) {
    this.#run = run;
    this.#child = child;
    this.#stimulus = stimulus;
    this.#witness = witness;
    this.#stimulate = stimulate;
    witness.forget();
    this.#witnessedBefore = this.#sightings;
    const left = run.context.deadline - Date.now();
    this.#deadline = Date.now() + Math.max(left / 2, left - TIME_TO_END);
  }

  /** The packets that count: with a stimulus, its frames; without, those that the witness saw too. */
  get counted(): number {
    return this.#counted;
  }

  get #sightings(): number {
    return this.#stimulus === undefined ? this.#witness.ambient : this.#witness.recognized;
  }

  get #tally(): Tally {
    return { returned: this.#counted, witnessed: this.#sightings - this.#witnessedBefore };
  }

  /** What came since the parent closed its copy; if it never did, what the child owes counts. */
  get #tallySinceClose(): Tally {
    const { returned, witnessed } = this.#tally;
    const before = this.#atClose ?? { returned, witnessed: returned };
    return { returned: returned - before.returned, witnessed: witnessed - before.witnessed };
  }

  /**
   * Has packets sent and received until `count` of them count, or time runs out.
   *
   * @param share What part of the time that is left it may take.
   */
  async until(count: number, share = 1): Promise<void> {
    this.#wanted = count;
    this.#lastArrival = Date.now();
    const deadline = Date.now() + (this.#deadline - Date.now()) * share;
    while (this.#counted < count && Date.now() < deadline) {
      this.#send(count);
      const frame = await this.#child.packet(Math.min(deadline, Date.now() + PATIENCE));
      this.#witness.look();
      if (frame !== undefined) this.account(frame);
    }
  }

  /** Has `count` frames sent before anything is awaited: less than {@linkcode WINDOW}. */
  ahead(count: number): void {
    this.#lastArrival = Date.now();
    this.#send(count);
  }

  /** From here on only those packets count that are sent, or seen by the witness, after this. */
  copyClosed(): void {
    this.#witness.forget();
    this.#awaited.forget();
    this.#underWay = 0;
    this.#atClose = this.#tally;
  }

  /** Keeps the window full. On a flooded interface frames are lost: others are sent in their place. */
  #send(count: number): void {
    if (this.#stimulus === undefined) return;
    if (Date.now() - this.#lastArrival > PATIENCE) {
      this.#underWay = 0;
      this.#lastArrival = Date.now();
    }
    while (this.#underWay < WINDOW && this.#counted + this.#underWay < count) {
      this.#sendOne(this.#stimulus);
      this.#underWay++;
    }
  }

  #sendOne(stimulus: Stimulus): void {
    const frame = this.#stimulate(stimulus);
    this.#awaited.expect(frame);
    this.#witness.expect(frame);
  }

  /**
   * For a child that does not return frames any more: sends as many as refute it if the witness
   * sees them, and waits for that. Then {@linkcode findings} tells the two apart.
   *
   * @param count How many packets the child was to return.
   */
  async askWitness(count: number): Promise<void> {
    this.#witness.look();
    if (this.#stimulus === undefined || this.#counted >= count) return;
    for (let left = refuting(this.#tally, count); left > 0; left--) this.#sendOne(this.#stimulus);
    const deadline = Date.now() + WITNESS_PATIENCE;
    for (;;) {
      this.#witness.look();
      const left = deadline - Date.now();
      if (owes(this.#tally, count) || left <= 0) return;
      await pollAsync([this.#witness.fd], POLLIN, left);
    }
  }

  /** Takes a packet into the account; one that comes when there are enough is only reported. */
  account({ bytes, head, timestamp_ns, stamped_by }: CapturedFrame): void {
    const frame = Uint8Array.fromBase64(head);
    const place = this.#stimulus && this.#awaited.take(frame);
    const ours = place !== undefined;
    const isKnown = ours || this.#isWitnessed(bytes, head);
    if (!isKnown) this.#strangers++;
    const counts = (this.#stimulus === undefined ? isKnown : ours) && this.#counted < this.#wanted;
    if (counts) {
      this.#counted++;
      this.#underWay = Math.max(0, this.#underWay - 1);
      this.#lastArrival = Date.now();
      this.#last = Math.max(this.#last, place ?? -1);
    }
    const packet: Packet = {
      bytes,
      head,
      after_drop: isKnown,
      ours,
      summary: summarize(frame),
      timestamp_ns,
      stamped_by,
    };
    this.#run.packet(packet, counts ? this.#counted : 0);
  }

  /** Whether the witness saw a frame of others as well. */
  #isWitnessed(bytes: number, head: string): boolean {
    if (this.#witness.claim(bytes, head)) return true;
    if (this.#stimulus === undefined) poll([this.#witness.fd], POLLIN, LATENESS);
    this.#witness.look();
    return this.#witness.claim(bytes, head);
  }

  /** RECV-01: enough packets, received after the drop. */
  judgeCount(count: number): Finding {
    return this.#judge(this.#tally, count, (n) => `${n} packets received after the drop`);
  }

  /** RECV-02: they are the stimulus, or what root's own socket saw as well. */
  judgeOrigin(count: number): Finding {
    return this.#judge(
      this.#tally,
      count,
      (n) =>
        this.#stimulus === undefined
          ? `root's own socket saw the ${n} packets as well, ${count} wanted`
          : `${n} frames of this run's stimulus, ${count} wanted`,
    );
  }

  /** RECV-03: packets went on coming after the parent had closed its copy. */
  judgeSurvival(copiesLeft: number): Finding {
    const finding = this.#judge(
      this.#tallySinceClose,
      1,
      (n) => `${copiesLeft} copies in the parent; ${n} packets received after`,
    );
    const evidence = { ...finding.evidence, copiesLeft };
    if (copiesLeft > 0) return judged(false, `${copiesLeft} copies in the parent`, evidence);
    return { ...finding, evidence };
  }

  /** What holds at this moment, wherever the run has ended. */
  findings(count: number, copiesLeft: number) {
    return {
      "RECV-01": this.judgeCount(count),
      "RECV-02": this.judgeOrigin(count),
      "RECV-03": this.judgeSurvival(copiesLeft),
    };
  }

  #judge(tally: Tally, wanted: number, observed: (returned: number) => string): Finding {
    const { returned, witnessed } = tally;
    const evidence = {
      sent: this.#awaited.expected,
      received: returned,
      witnessed,
      lost_by_witness: this.#witness.lost,
      // How many were sent up to the last one that counts: more than were received, and some were lost on the way.
      up_to: this.#last + 1,
    };
    if (returned >= wanted) return judged(true, observed(returned), evidence);
    const reason = this.#whyUnanswered(tally, wanted);
    if (reason !== undefined) return { ...skipped(reason), evidence };
    return judged(
      false,
      `root's own socket received ${witnessed} packets, the child returned ${returned}, ` +
        `${wanted} wanted`,
      evidence,
    );
  }

  /** Why too few packets show nothing; `undefined` if they refute the claim. */
  #whyUnanswered(tally: Tally, wanted: number): string | undefined {
    const { witnessed, returned } = tally;
    const { cut, lost, isDown } = this.#witness;
    if (isDown) return "the interface went down: bring it up, and keep it up";
    if (this.#stimulus === undefined) {
      if (witnessed < wanted) {
        return `no stimulus, and ${witnessed} of ${wanted} packets came by themselves`;
      }
      // Of what it lost the child may have returned no more than nobody else saw.
      return lost > 0 && returned + this.#strangers >= wanted
        ? `no stimulus, and too much traffic: root's own socket lost ${lost} packets`
        : undefined;
    }
    if (owes(tally, wanted)) return undefined;
    if (cut > 0) {
      return `the interface cuts off what is behind the IP packet, of ${cut} frames: a bridge with ` +
        "bridge-nf-call-iptables (set it to 0) or WireGuard; take another interface";
    }
    return `${returned} of ${wanted} frames came back, and root's own socket on the interface saw ` +
      `${witnessed} of ${this.#awaited.expected}: name where frames arrive from with --stimulus, ` +
      "or give it more time with --timeout";
  }
}

/** How many frames that the witness saw, and the child did not return, refute the claim. */
function refuting({ returned }: Tally, wanted: number): number {
  return Math.min(wanted - returned, MAY_BE_UNDER_WAY);
}

/** Whether the child has not returned as many frames that the witness saw as refute it. */
function owes(tally: Tally, wanted: number): boolean {
  return tally.witnessed - tally.returned >= refuting(tally, wanted);
}
