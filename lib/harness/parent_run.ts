/**
 * The parent's side of a run: the calls of its program. They are the only door of an experiment to
 * the record.
 *
 * @module
 */

import type { OwnedFd } from "../../ffi/process/descriptor.ts";
import type { CheckId } from "../evidence/checks.ts";
import { type ChildProcess, spawnChild } from "./process.ts";
import type { ChildFiles } from "./child_files.ts";
import { controlChannelPair } from "./channel.ts";
import type { Finding, Matrix, Packet, SeenBy } from "../evidence/evidence.ts";
import { linksOfPacketSockets } from "../inspect/sockets/packet_sockets.ts";
import { now } from "./protocol.ts";
import { CannotLook } from "../evidence/errors.ts";
import { defaultLauncher } from "../confine/launcher.ts";
import type { ExperimentRecord } from "../evidence/record.ts";
import type { Setting } from "./setting.ts";
import type { TracePiece } from "./trace/lines.ts";
import type { Tracing } from "./trace/hub.ts";
import { Child } from "./child.ts";
import { whyNobodyCould } from "./controls.ts";
import { checkHardened, type HardenedWorker } from "./hardened.ts";
import { type IncompleteDrop, seeIncompleteDrop } from "./incomplete_drop.ts";
import { InterfaceWitness } from "./interface_witness.ts";
import { Reception, type ReceptionPurpose, type ReceptionSources } from "./reception.ts";

/** The circumstances of a run. */
export interface RunContext {
  readonly experiment: string;
  readonly setting: Setting;
  /** The options of the experiment; `undefined` if it has none of its own. */
  readonly options: unknown;
  /** Ends the run early, by a signal or the time limit. Its reason is an `Error`. */
  readonly signal: AbortSignal;
  /** When the run must end, by `performance.now()`. */
  readonly deadline: number;
  /** The time limit of the run, in milliseconds. */
  readonly timeout: number;
  /** The main module of the child, a `file:` URL. */
  readonly childModule: string;
  /** Where the child finds its files, if it cannot read them where they are. */
  readonly childFiles?: ChildFiles | undefined;
  /** Receives the calls of parent and children, if they are traced. */
  readonly tracing?: Tracing | undefined;
}

/** Options of {@linkcode ParentRun.spawn}. */
export interface SpawnOptions {
  /** Descriptors that the child inherits besides its end of the control channel. */
  readonly inherit?: readonly number[];
  /** The launcher, if not {@linkcode defaultLauncher}. */
  readonly launcher?: readonly string[];
  /**
   * Another child, whose PID namespace it shares, so that each can address the other by its pid.
   */
  readonly beside?: Child;
  /** Whether it may report its stages only. The record takes nothing from it. */
  readonly isSilent?: boolean;
}

/**
 * Returns the links of all packet sockets before a child starts. Where they cannot be listed it
 * returns none, and the first look at the child reports that.
 */
function packetSocketsInSight(): ReadonlySet<string> {
  try {
    return linksOfPacketSockets();
  } catch (error) {
    if (error instanceof CannotLook) return new Set();
    throw error;
  }
}

/**
 * Replaces the thread id in a piece of a child's trace by the one that the child's main thread has
 * in this PID namespace.
 */
function asSeenHere(piece: TracePiece, pid: number): TracePiece {
  return piece.kind === "call" && piece.tid !== null ? { ...piece, tid: pid } : piece;
}

/** A run, as the program of the parent sees it. */
export class ParentRun<Options = unknown> {
  #hasReportedCopies = false;
  #launcher: readonly string[] | undefined;

  constructor(readonly context: RunContext, readonly record: ExperimentRecord) {}

  /** The interfaces, users and protections of the run. */
  get setting(): Setting {
    return this.context.setting;
  }

  /** The options of the experiment. */
  get options(): Options {
    return this.context.options as Options;
  }

  /** Begins a step. */
  step(title: string): void {
    this.record.step("parent", true, title);
  }

  /** Records that something is done, and the checks that show it. */
  done(text: string, ...checks: CheckId[]): void {
    this.record.line({ kind: "done", text, checks });
  }

  /** Records a remark, and the checks that it belongs to. */
  note(text: string, ...checks: CheckId[]): void {
    this.record.line({ kind: "note", text, checks });
  }

  /** Records a detail, which only the verbose view shows. */
  detail(text: string): void {
    this.record.line({ kind: "detail", text });
  }

  /** Shows counters of the workers while the run goes on, until the result is disposed of. */
  showCounters(counters: () => string): Disposable {
    const { record } = this;
    const before = record.counters;
    record.counters = counters;
    return { [Symbol.dispose]: () => void (record.counters = before) };
  }

  /** Skips every check that is not decided yet. */
  skipRest(reason: string): void {
    this.record.skipRest(reason);
  }

  /**
   * Records a finding of a check. If there are several, the worst decides.
   *
   * @param seenBy The sources of the finding: the parent itself, or an answer that it has verified.
   * @param restsOnInterface Whether it shows nothing if an interface changes during the run; by
   * default as the catalogue has it for the check.
   */
  check(
    id: CheckId,
    finding: Finding,
    seenBy: readonly SeenBy[] = ["parent"],
    restsOnInterface?: boolean,
  ): void {
    this.record.decide(id, finding, seenBy, restsOnInterface);
  }

  /** Records findings of several checks, as the parent saw them: {@linkcode check}. */
  checks(findings: Readonly<Partial<Record<CheckId, Finding>>>): void {
    for (const [id, finding] of Object.entries(findings)) this.check(id as CheckId, finding);
  }

  /** Records a figure. */
  figure(name: string, value: number): void {
    this.record.figure(name, value);
  }

  /** Records a table. */
  matrix(matrix: Matrix): void {
    this.record.matrix(matrix);
  }

  /**
   * Records a packet.
   *
   * @param number The packet's ordinal among those that count; 0 if it does not count.
   */
  packet(packet: Packet, number: number): void {
    this.record.packet(packet, number);
  }

  /**
   * Opens root's own witness on the interface under test.
   *
   * @param filter The filter of the passed socket, if frames without a secret count.
   * @throws {SystemError} If the packet socket cannot be opened or bound there.
   */
  witness(filter?: Uint8Array<ArrayBuffer>): InterfaceWitness {
    return new InterfaceWitness(this.setting.link, filter);
  }

  /** Starts the account of the frames that a child receives: {@linkcode Reception}. */
  reception(child: Child, sources: ReceptionSources, purpose: ReceptionPurpose): Reception {
    return new Reception(this, child, sources, purpose);
  }

  /**
   * Returns why a child could not work here, after root's own control; `undefined` if the child is
   * to blame.
   *
   * @param error The error by which the last child failed.
   */
  whyNobodyCould(error: unknown): Promise<string | undefined> {
    const { setting: { link: { ifindex } }, context: { childFiles: files } } = this;
    return whyNobodyCould(error, { ifindex, launcher: this.#launcher ?? defaultLauncher(), files });
  }

  /**
   * Shows what is left to a process with this one's capabilities after a drop that clears none:
   * {@linkcode seeIncompleteDrop}.
   *
   * @throws {SystemError} If a process of this control cannot be started.
   */
  incompleteDrop(): Promise<IncompleteDrop> {
    return seeIncompleteDrop(this.setting.identity);
  }

  /** Records HARD-01 to HARD-05 of a hardened worker: {@linkcode checkHardened}. */
  checkHardened(child: Child, worker: HardenedWorker): void {
    checkHardened(this, child, worker);
  }

  /**
   * Starts a child with its end of the control channel.
   *
   * @param ours The parent's end, which is closed with the child.
   * @param theirs The child's end. It is closed here once the child has it.
   * @throws {SystemError} If the child cannot be started.
   */
  spawn(
    ours: OwnedFd,
    theirs: OwnedFd,
    { inherit = [], launcher = defaultLauncher(), beside, isSilent = false }: SpawnOptions = {},
  ): Child {
    const millisecondsLeft = String(
      Math.max(1, Math.ceil(this.context.deadline - performance.now())),
    );
    const { childModule, childFiles, experiment, tracing } = this.context;
    const at = now();
    const foreign = packetSocketsInSight();
    this.#launcher = launcher;
    const process: ChildProcess = spawnChild({
      module: childModule,
      args: [experiment, String(theirs.fd), millisecondsLeft, ...tracing ? [tracing.wanted] : []],
      onTrace: tracing &&
        ((piece) => tracing.receive("child", process.pid, asSeenHere(piece, process.pid))),
      inherit: [theirs.fd, ...inherit],
      launcher,
      files: childFiles,
      beside: beside?.process,
    });
    const channelFd = theirs.fd;
    theirs.close();
    this.record.message("parent", "spawn", 1 + inherit.length, at);
    this.#reportCopies();
    return new Child(process, ours, channelFd, this, isSilent, foreign);
  }

  /** Reports once that the children run copies of their modules, if they do. */
  #reportCopies(): void {
    const folder = this.context.childFiles?.privateFolder;
    if (folder === undefined || this.#hasReportedCopies) return;
    this.#hasReportedCopies = true;
    this.detail(`"${folder}" is closed to other users: the child runs copies of its modules`);
  }

  /**
   * Starts a child with a new control channel, which is closed with the child.
   *
   * @throws {SystemError} If the child cannot be started.
   */
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
