/**
 * The parent's account of the frames that the child receives: which of them count, and what they
 * show.
 *
 * The child forwards every frame that may be of the stimulus, and a limited number of others. A
 * frame of the stimulus counts by its secret, which is drawn after the parent has inspected the
 * child. A frame of ambient traffic counts if root's own witness on the same interface saw it too.
 * No time that the child reports decides anything.
 *
 * @module
 */

import { POLLIN } from "../../ffi/abi/constants.ts";
import { poll, pollAsync } from "../../ffi/socket/poll.ts";
import { AwaitedFrames } from "../packets/awaited_frames.ts";
import { type Finding, judged, type Packet, skipped } from "../evidence/evidence.ts";
import { onTheWire } from "./captured_frame.ts";
import type { InterfaceWitness } from "./interface_witness.ts";
import type { CapturedFrame } from "./protocol.ts";
import type { LinkEnd } from "../packets/link_layer.ts";
import { floodReason, isFloodOfOthers } from "../packets/socket.ts";
import { secretOf, type Stimulus } from "../packets/stimulus.ts";

/** How many frames may be in flight at once: far fewer than any receive buffer holds. */
const WINDOW = 32;

/**
 * How long to wait for a frame of the stimulus before those in flight count as lost and others are
 * sent, in milliseconds.
 */
const PATIENCE = 250;

/**
 * The least time that is reserved for an orderly end, in milliseconds, and how many of the longest
 * looks at the child so far are added to it. The last close of a packet socket waits for an RCU
 * grace period, which is long on a busy machine. If the time is not enough, the findings stand, but
 * the run names the time limit first.
 */
const TIME_TO_END = 500, LOOKS_TO_END = 3;

/** How many frames that the witness saw may be missing because they are still in flight. */
const MOST_IN_FLIGHT = 4 * WINDOW;

/**
 * How long the witness may take to see frames that were sent, in milliseconds: a veth pair delivers
 * at once.
 */
const WITNESS_PATIENCE = 1000;

/** How long a frame that reached the child may take to reach the witness, in milliseconds. */
const LATENESS = 1;

/** The sources of a reception: who sends the frames, and who else sees them. */
export interface ReceptionSources {
  /** Sends frames. Without it there is only ambient traffic. */
  readonly stimulus: Stimulus | undefined;
  /** Root's own socket on the interface that the passed socket is bound to. */
  readonly witness: InterfaceWitness;
  /** The frames that the filter of the passed socket and of the witness admits, in words. */
  readonly admitted?: string | undefined;
  /** Returns how many frames the kernel has dropped on the passed socket, for lack of room. */
  readonly drops?: () => number;
  /** Sends the next frame, and returns it. */
  readonly stimulate?: (stimulus: Stimulus) => Uint8Array;
}

/** What a reception is for. */
export interface ReceptionPurpose {
  /** How many packets the child must return. */
  readonly wanted: number;
  /** Records the findings. */
  readonly record: (reception: Reception) => void;
}

/** The run that a reception is part of. */
export interface ReceptionRun {
  /** `deadline` is when the run must end, by `performance.now()`. */
  readonly context: { readonly deadline: number };
  /** `link` is the interface under test. */
  readonly setting: { readonly link: Pick<LinkEnd, "layer" | "mtu"> };
  /** Records a packet with its ordinal, or 0 if it does not count. */
  packet(packet: Packet, ordinal: number): void;
}

/** The child whose frames a reception takes. */
export interface ForwardingChild {
  /** Whether it died, fell silent, gave up or broke the protocol. */
  readonly hasFailed: boolean;
  /** How long the longest look at it took, in milliseconds. */
  readonly longestLook: number;
  /** Whether it is to blame for having done nothing that counts since a moment. */
  wasSilentSince(moment: number): boolean;
  /** Waits for the next packet until `deadline`, by `performance.now()`. */
  packet(deadline: number): Promise<CapturedFrame | undefined>;
}

/** How many frames the child returned, and how many the witness saw. */
interface Tally {
  readonly returned: number;
  readonly witnessed: number;
}

/**
 * Sends the stimulus, takes every frame that the child forwards, and judges. Frames that were sent
 * or seen before it is constructed do not count, so construct it after inspecting the child.
 *
 * Leaving the scope of an `await using` before {@linkcode conclude} records the findings too. If
 * the child ended the run, the witness is asked first: {@linkcode askWitness}. If time ran out, or
 * a signal came, missing packets count against the child only if it was silent; they may be on
 * their way.
 */
export class Reception implements AsyncDisposable {
  readonly #run: ReceptionRun;
  readonly #child: ForwardingChild;
  readonly #stimulus: Stimulus | undefined;
  readonly #witness: InterfaceWitness;
  readonly #stimulate: (stimulus: Stimulus) => Uint8Array;
  readonly #drops: () => number;
  readonly #admitted: string | undefined;
  readonly #deadline: number;
  readonly #awaited: AwaitedFrames;
  readonly #purpose: ReceptionPurpose;
  readonly #witnessedBefore: number;
  readonly #othersBefore: number;
  /** The tally at the moment when the parent closed its copy of the passed socket. */
  #atClose: Tally | undefined;
  #counted = 0;
  /** How many packets the child forwarded. */
  #forwarded = 0;
  /** How many packets the child forwarded that were neither sent nor seen by the witness. */
  #strangers = 0;
  #wanted = 0;
  #last = -1;
  #inFlight = 0;
  /** How many frames are sent for each that is wanted: the more, the longer none has come. */
  #eagerness = 1;
  #lastArrival = 0;
  /** How many copies of the passed socket the parent has kept. */
  #copiesLeft = 0;
  #isConcluded = false;
  /** Whether a wait has ended before enough packets came. */
  #isShort = false;
  /** Whether frames may still be on their way from the child. */
  #isUnderWay = false;
  /** When the last packet came that counts, by `performance.now()`. */
  #progressAt = performance.now();

  constructor(
    run: ReceptionRun,
    child: ForwardingChild,
    { stimulus, witness, admitted, drops = () => 0, stimulate = (each) => each.send() }:
      ReceptionSources,
    purpose: ReceptionPurpose,
  ) {
    this.#run = run;
    this.#awaited = new AwaitedFrames(run.setting.link.layer);
    this.#child = child;
    this.#purpose = purpose;
    this.#stimulus = stimulus;
    this.#witness = witness;
    this.#drops = drops;
    this.#admitted = admitted;
    this.#stimulate = stimulate;
    witness.forget();
    this.#othersBefore = this.#others;
    this.#witnessedBefore = this.#sightings;
    const left = run.context.deadline - performance.now();
    const reserve = TIME_TO_END + LOOKS_TO_END * child.longestLook;
    this.#deadline = performance.now() + Math.max(left / 2, left - reserve);
  }

  /**
   * How many packets count: those of the stimulus or, without a stimulus, those that the witness
   * saw too.
   */
  get counted(): number {
    return this.#counted;
  }

  get #sightings(): number {
    return this.#stimulus === undefined ? this.#witness.ambient : this.#witness.recognized;
  }

  /** How many frames other than the stimulus have arrived, as far as the witness knows. */
  get #others(): number {
    return this.#witness.ambient + this.#witness.lost;
  }

  get #tally(): Tally {
    return { returned: this.#counted, witnessed: this.#sightings - this.#witnessedBefore };
  }

  /**
   * The tally since the parent closed its copy. If it never did, missing frames count against it.
   */
  get #tallySinceClose(): Tally {
    const { returned, witnessed } = this.#tally;
    const before = this.#atClose ?? { returned, witnessed: returned };
    return { returned: returned - before.returned, witnessed: witnessed - before.witnessed };
  }

  /**
   * Sends and receives packets until `count` of them count, or time runs out.
   *
   * @param share The fraction of the remaining time that it may take.
   */
  async until(count: number, share = 1): Promise<void> {
    this.#wanted = count;
    this.#lastArrival = performance.now();
    const deadline = performance.now() + (this.#deadline - performance.now()) * share;
    while (this.#counted < count && performance.now() < deadline) {
      this.#send(count);
      const frame = await this.#child.packet(Math.min(deadline, performance.now() + PATIENCE));
      this.#witness.look();
      if (frame !== undefined) this.account(frame);
    }
    this.#isShort = this.#counted < count;
  }

  /** Sends `count` frames before any is awaited. `count` must be less than {@linkcode WINDOW}. */
  sendAhead(count: number): void {
    this.#lastArrival = performance.now();
    this.#send(count);
  }

  /**
   * Starts the count of RECV-03: only packets sent, or seen by the witness, from now on count.
   *
   * @param copiesLeft How many copies of the passed socket the parent has kept.
   */
  copyClosed(copiesLeft: number): void {
    this.#copiesLeft = copiesLeft;
    this.#witness.forget();
    this.#awaited.forget();
    this.#inFlight = 0;
    this.#atClose = this.#tally;
  }

  /** Keeps the window full. Sends others in place of frames that a flooded interface has lost. */
  #send(count: number): void {
    if (this.#stimulus === undefined) return;
    if (performance.now() - this.#lastArrival > PATIENCE) {
      this.#eagerness *= 2;
      this.#inFlight = 0;
      this.#lastArrival = performance.now();
    }
    while (this.#inFlight < WINDOW && this.#inFlight < (count - this.#counted) * this.#eagerness) {
      this.#sendOne(this.#stimulus);
      this.#inFlight++;
    }
  }

  #sendOne(stimulus: Stimulus): void {
    const frame = this.#stimulate(stimulus);
    const secret = secretOf(frame, stimulus.link.layer)!;
    this.#awaited.expect(secret);
    this.#witness.expect(secret);
  }

  /**
   * Distinguishes a failing child from an interface without traffic, once the child no longer
   * returns frames: sends enough frames to refute the claim, and waits until the witness has seen
   * them. After that, the findings are a refutation or a skip.
   */
  async askWitness(): Promise<void> {
    const { wanted: count } = this.#purpose;
    this.#witness.look();
    if (this.#stimulus === undefined || this.#counted >= count) return;
    for (let left = shortfallToRefute(this.#tally, count); left > 0; left--) {
      this.#sendOne(this.#stimulus);
    }
    const deadline = performance.now() + WITNESS_PATIENCE;
    for (;;) {
      this.#witness.look();
      const left = deadline - performance.now();
      if (refutes(this.#tally, count) || left <= 0) return;
      await pollAsync([this.#witness.fd], POLLIN, left);
    }
  }

  /** Accounts for a packet. One beyond the number wanted is reported and does not count. */
  account(captured: CapturedFrame): void {
    this.#forwarded++;
    const { bytes, head, timestamp_ns, stamped_by } = captured;
    const place = this.#stimulus && this.#awaited.take(Uint8Array.fromBase64(head));
    const ours = place !== undefined;
    const isKnown = ours || this.#isWitnessed(bytes, head);
    if (!isKnown) this.#strangers++;
    const counts = (this.#stimulus === undefined ? isKnown : ours) && this.#counted < this.#wanted;
    if (counts) {
      this.#counted++;
      this.#inFlight = Math.max(0, this.#inFlight - 1);
      this.#progressAt = this.#lastArrival = performance.now();
      this.#last = Math.max(this.#last, place ?? -1);
    }
    const packet: Packet = {
      ...onTheWire(captured, this.#run.setting.link),
      after_drop: isKnown,
      ours,
      timestamp_ns,
      stamped_by,
    };
    this.#run.packet(packet, counts ? this.#counted : 0);
  }

  /** Whether the witness saw a frame of ambient traffic too. */
  #isWitnessed(bytes: number, head: string): boolean {
    if (this.#witness.claim(bytes, head)) return true;
    if (this.#stimulus === undefined) poll([this.#witness.fd], POLLIN, LATENESS);
    this.#witness.look();
    return this.#witness.claim(bytes, head);
  }

  /** Judges RECV-01: enough packets were received after the drop. */
  judgeCount(count: number): Finding {
    return this.#judge(this.#tally, count, (n) => `${n} packets received after the drop`);
  }

  /** Judges RECV-02: they are the stimulus, or frames that root's own socket saw too. */
  judgeOrigin(count: number): Finding {
    return this.#judge(
      this.#tally,
      count,
      (n) =>
        this.#stimulus === undefined
          ? `root's own socket also saw the ${n} packets, ${count} wanted`
          : `${n} frames of this run's stimulus, ${count} wanted`,
    );
  }

  /** Judges RECV-03: packets kept arriving after the parent had closed its copy. */
  judgeSurvival(): Finding {
    const copiesLeft = this.#copiesLeft;
    const finding = this.#judge(
      this.#tallySinceClose,
      1,
      (n) => `${copiesLeft} copies left in the parent; ${n} packets received after the close`,
    );
    const evidence = { ...finding.evidence, copiesLeft };
    if (copiesLeft > 0) return judged(false, `${copiesLeft} copies left in the parent`, evidence);
    return { ...finding, evidence };
  }

  /** Records the findings. Frames that come later do not count. */
  conclude(): void {
    this.#isConcluded = true;
    this.#purpose.record(this);
  }

  /** Records the findings, unless they are recorded. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isConcluded) return;
    if (this.#child.hasFailed) await this.askWitness();
    else if (!this.#isShort) return;
    else this.#isUnderWay = !this.#child.wasSilentSince(this.#progressAt);
    this.conclude();
  }

  #judge(tally: Tally, wanted: number, observed: (returned: number) => string): Finding {
    const { returned, witnessed } = tally;
    const flood = this.#flood;
    const evidence = {
      sent: this.#awaited.expected,
      received: returned,
      witnessed,
      lost_by_witness: this.#witness.lost,
      others: this.#others - this.#othersBefore,
      drops: this.#drops(),
      // How many were sent up to the last one that counts. If it is more than were received, the
      // difference was lost.
      up_to: this.#last + 1,
    };
    if (returned >= wanted) return judged(true, observed(returned), evidence);
    const reason = flood ?? this.#whyUnanswered(tally, wanted);
    if (reason !== undefined) return skipped(reason, evidence);
    return judged(
      false,
      `root's own socket received ${witnessed} packets, the child returned ${returned}, ` +
        `${wanted} wanted`,
      evidence,
    );
  }

  /**
   * Returns a reason if a flood of others has filled the buffer of the passed socket. A child that
   * receives among so many forwards some of them, and only others can explain more drops than there
   * are frames of the stimulus.
   */
  get #flood(): string | undefined {
    const drops = this.#drops();
    if (drops > 0) this.#witness.look(); // counts the frames of others
    const others = this.#others - this.#othersBefore;
    const isFlood = isFloodOfOthers(drops, others) && this.#forwarded > 0;
    return isFlood ? floodReason(drops) : undefined;
  }

  /** Returns why too few packets show nothing here; `undefined` if they refute the claim. */
  #whyUnanswered(tally: Tally, wanted: number): string | undefined {
    const { witnessed, returned } = tally;
    const { cut, lost, isDown } = this.#witness;
    if (isDown) return "the interface went down: bring it up, and keep it up";
    if (this.#stimulus === undefined) {
      if (witnessed < wanted) {
        const admitted = this.#admitted === undefined
          ? ""
          : ` (the filter of the passed socket admits only ${this.#admitted})`;
        return `no stimulus, and only ${witnessed} of ${wanted} packets of ambient traffic arrived` +
          admitted;
      }
      // Packets that the witness lost may be those that only the child returned.
      if (lost > 0 && returned + this.#strangers >= wanted) {
        return `no stimulus, and too much traffic: root's own socket lost ${lost} packets`;
      }
      return this.#isUnderWay ? UNDER_WAY : undefined;
    }
    if (refutes(tally, wanted)) return this.#isUnderWay ? UNDER_WAY : undefined;
    if (cut > 0) {
      return `the interface cut off the bytes behind the IP packet in ${cut} frames, ` +
        "as a bridge does that calls iptables, and WireGuard: run " +
        "sysctl net.bridge.bridge-nf-call-iptables=0, or use another interface";
    }
    return `${returned} of ${wanted} frames came back, and root's own socket on the interface saw ` +
      `${witnessed} of ${this.#awaited.expected}: name the interface to send from with --stimulus, ` +
      "or allow more time with --timeout";
  }
}

const UNDER_WAY =
  "time ran out while packets were on their way from the child: allow more time with --timeout";

/**
 * Returns how many frames must reach the witness, but not come back from the child, to refute the
 * claim.
 */
function shortfallToRefute({ returned }: Tally, wanted: number): number {
  return Math.min(wanted - returned, MOST_IN_FLIGHT);
}

/** Whether enough frames that the witness saw are missing from the child to refute the claim. */
function refutes(tally: Tally, wanted: number): boolean {
  return tally.witnessed - tally.returned >= shortfallToRefute(tally, wanted);
}
