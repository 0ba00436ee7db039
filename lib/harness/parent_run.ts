/**
 * The parent's side of a running experiment: what its program calls.
 *
 * @module
 */

import type { OwnedFd } from "../../ffi/process/descriptor.ts";
import type { CheckId } from "../evidence/checks.ts";
import { type ChildProcess, spawnChild } from "./process.ts";
import { controlChannelPair } from "./channel.ts";
import type { Finding, Matrix, Packet, SeenBy } from "../evidence/evidence.ts";
import { linksOfPacketSockets } from "../inspect/packet_sockets.ts";
import { now } from "./protocol.ts";
import { CannotLook } from "../evidence/errors.ts";
import { USUAL_LAUNCHER } from "../confine/launcher.ts";
import type { ExperimentRecord } from "../evidence/record.ts";
import type { Setting } from "./setting.ts";
import type { TracePiece } from "./trace/lines.ts";
import type { Tracing } from "./trace/hub.ts";
import { Child } from "./child.ts";
import { checkHardened, type HardenedWorker } from "./hardened.ts";
import { InterfaceWitness } from "./interface_witness.ts";
import { Reception, type ReceptionOf } from "./reception.ts";

/** What the framework gives to a run. */
export interface RunContext {
  readonly experiment: string;
  readonly setting: Setting;
  /** The options of the experiment; `undefined` if it has none of its own. */
  readonly options: unknown;
  /** Ends the run: a signal, or the time. Its reason is an `Error`. */
  readonly signal: AbortSignal;
  /** When the run must end, in milliseconds since 1970. */
  readonly deadline: number;
  /** The module that the child runs: a `file:` URL. */
  readonly childModule: string;
  /** Hears the calls of parent and children, if somebody wants them. */
  readonly tracing?: Tracing | undefined;
}

/** How a child is started, beside the usual. */
export interface SpawnOptions {
  /** Descriptors that cross beside its end of the control channel. */
  readonly inherit?: readonly number[];
  /** A program, with its arguments, that changes what it is and then becomes the child; if it is not to be born as usual. */
  readonly launcher?: readonly string[];
  /** Another child, whose PID namespace it is to share: siblings that know each other by their process ids. */
  readonly beside?: Child;
  /** Whether it may only say where it stands: nothing that it says goes into the record. */
  readonly isSilent?: boolean;
}

/** The links of the packet sockets that are there before a child; none where they cannot be listed, which its first look reports. */
function packetSocketsInSight(): ReadonlySet<string> {
  try {
    return linksOfPacketSockets();
  } catch (error) {
    if (error instanceof CannotLook) return new Set();
    throw error;
  }
}

/** A piece of a child's trace, whose one thread of JavaScript has another number in its own PID namespace. */
function asSeenHere(piece: TracePiece, pid: number): TracePiece {
  return piece.kind === "call" && piece.tid !== null ? { ...piece, tid: pid } : piece;
}

/** What the parent's program calls. */
export class ParentRun<Options = unknown> {
  constructor(readonly context: RunContext, readonly record: ExperimentRecord) {}

  /** Where the run takes place. */
  get setting(): Setting {
    return this.context.setting;
  }

  /** The options of the experiment. */
  get options(): Options {
    return this.context.options as Options;
  }

  /** Begins a step of the parent's. */
  step(title: string): void {
    this.record.step("parent", true, title);
  }

  /** Says that something is done, and which checks are behind it. */
  done(text: string, ...checks: CheckId[]): void {
    this.record.line({ kind: "done", text, checks });
  }

  /** Says something, and which checks are behind it. */
  note(text: string, ...checks: CheckId[]): void {
    this.record.line({ kind: "note", text, checks });
  }

  /** Says something that only the thorough reader wants. */
  detail(text: string): void {
    this.record.line({ kind: "detail", text });
  }

  /** Tells somebody who waits the counters of the workers, instead of what was told before, until it is disposed of. */
  tells(counters: () => string): Disposable {
    const { record } = this;
    const before = record.counters;
    record.counters = counters;
    return { [Symbol.dispose]: () => void (record.counters = before) };
  }

  /** Records, for every check that is not decided yet, that there is nothing to judge by. */
  skipRest(reason: string): void {
    this.record.skipRest(reason);
  }

  /**
   * Decides a check by what was seen. Once more, if there is more to see: the worst of it counts.
   *
   * @param seenBy Who saw it: the parent itself, unless it is something else that it has verified.
   */
  check(id: CheckId, finding: Finding, seenBy: readonly SeenBy[] = ["parent"]): void {
    this.record.decide(id, finding, seenBy);
  }

  /** Decides several checks, each by {@linkcode check}, by what the parent saw. */
  checks(findings: Readonly<Partial<Record<CheckId, Finding>>>): void {
    for (const [id, finding] of Object.entries(findings)) this.check(id as CheckId, finding);
  }

  /** Records a figure by its name. */
  figure(name: string, value: number): void {
    this.record.figure(name, value);
  }

  /** Records a table. */
  matrix(matrix: Matrix): void {
    this.record.matrix(matrix);
  }

  /** Adds a packet, counted as the `number`th, or 0 for one that does not count. */
  packet(packet: Packet, number: number): void {
    this.record.packet(packet, number);
  }

  /**
   * Opens root's own witness on the interface under test.
   *
   * @throws {SystemError} If the packet socket cannot be opened or bound there.
   */
  witness(): InterfaceWitness {
    return new InterfaceWitness(this.setting.link.ifindex);
  }

  /** Starts the account of the frames that a child receives: {@linkcode Reception}. */
  reception(child: Child, of: ReceptionOf): Reception {
    return new Reception(this, child, of);
  }

  /** Records HARD-01 to HARD-05 of a hardened worker: {@linkcode checkHardened}. */
  checkHardened(child: Child, worker: HardenedWorker): void {
    checkHardened(this, child, worker);
  }

  /**
   * Starts the child with its end of the control channel.
   *
   * @param ours The parent's end.
   * @param theirs The child's end; it is closed here once the child has it.
   */
  spawn(
    ours: OwnedFd,
    theirs: OwnedFd,
    { inherit = [], launcher = USUAL_LAUNCHER, beside, isSilent = false }: SpawnOptions = {},
  ): Child {
    const millisecondsLeft = String(Math.max(1, this.context.deadline - Date.now()));
    const { childModule, experiment, tracing } = this.context;
    const at = now();
    const foreign = packetSocketsInSight();
    const process: ChildProcess = spawnChild({
      module: childModule,
      args: [experiment, String(theirs.fd), millisecondsLeft, ...tracing ? [tracing.wanted] : []],
      onTrace: tracing &&
        ((piece) => tracing.receive("child", process.pid, asSeenHere(piece, process.pid))),
      inherit: [theirs.fd, ...inherit],
      launcher,
      beside: beside?.process,
    });
    const channelFd = theirs.fd;
    theirs.close();
    this.record.message("parent", "spawn", 1 + inherit.length, at);
    return new Child(process, ours, channelFd, this, isSilent, foreign);
  }

  /** Starts a child with a control channel of its own, which is closed when the child's scope ends. */
  start(options: SpawnOptions = {}): Child {
    const [ours, theirs] = controlChannelPair();
    try {
      return this.spawn(ours, theirs, options);
    } catch (error) {
      ours.close();
      theirs.close();
      throw error;
    }
  }
}
