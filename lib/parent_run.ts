/**
 * The parent's side of a running experiment: what its program calls, and how it hears the child.
 *
 * @module
 */

import {
  Errno,
  errnoOf,
  type OwnedFd,
  poll,
  POLLIN,
  SHUT_RDWR,
  shutdown,
  SystemError,
} from "../ffi/mod.ts";
import type { CheckId, Side } from "./checks.ts";
import { type ChildEnd, ChildProcess, spawnChild } from "./child_process.ts";
import {
  controlChannelPair,
  type Delivery,
  nextMessage,
  sendMessage,
  takeMessage,
} from "./control_channel.ts";
import type { Finding, Packet } from "./evidence.ts";
import {
  type CapturedFrame,
  type ChildMessage,
  type ParentMessage,
  parseChildMessage,
  saidAt,
} from "./messages.ts";
import { ExperimentError } from "./outcome.ts";
import { ExperimentRecord } from "./record.ts";
import type { Setting } from "./setting.ts";
import type { Tracing } from "./tracing.ts";

/** How long the child may leave the control channel full, in milliseconds. */
const SEND_TIMEOUT = 1000;

/** How long a child that has said its last may take to be gone, in milliseconds. */
const END_TIMEOUT = 5000;

/** How long one that has closed the control channel may take: the kernel closes it when it is as good as gone. */
const CLOSING_TIMEOUT = 500;

/** What the framework gives to a run. */
export interface RunContext {
  readonly experiment: string;
  readonly setting: Setting;
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
  /** A program, with its arguments, that changes what it is and then becomes the child. */
  readonly launcher?: readonly string[];
  /** Whether it may only say where it stands: nothing that it says goes into the record. */
  readonly isSilent?: boolean;
}

/** What the parent's program calls. */
export class ParentRun {
  constructor(readonly context: RunContext, readonly record: ExperimentRecord) {}

  /** Where the run takes place. */
  get setting(): Setting {
    return this.context.setting;
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

  /** Records for every check of the plan that there is nothing to judge by. */
  skipEverything(reason: string): void {
    this.record.skipEverything(reason);
  }

  /** Records what came of a check of the parent's. */
  check(id: CheckId, finding: Finding): void {
    this.record.find("parent", id, finding);
  }

  /** Holds a finding of the child's against what the parent sees. */
  corroborate(id: CheckId, seen: Finding): void {
    this.record.corroborate(id, seen);
  }

  /** Adds a packet, counted as the `number`th, or 0 for one that does not count. */
  packet(packet: Packet, number: number): void {
    this.record.packet(packet, number);
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
    { inherit = [], launcher = [], isSilent = false }: SpawnOptions = {},
  ): Child {
    const millisecondsLeft = String(Math.max(1, this.context.deadline - Date.now()));
    const { childModule, experiment, tracing } = this.context;
    const at = now();
    const process: ChildProcess = spawnChild({
      module: childModule,
      args: [experiment, String(theirs.fd), millisecondsLeft, ...tracing ? [tracing.wanted] : []],
      onTrace: tracing && ((piece) => tracing.heard("child", process.pid, piece)),
      inherit: [theirs.fd, ...inherit],
      launcher,
    });
    const channelFd = theirs.fd;
    theirs.close();
    this.said("parent", "spawn", 1 + inherit.length, at);
    return new Child(process, ours, channelFd, this, isSilent);
  }

  /**
   * Puts a message between the two into the record.
   *
   * @param at When it was sent, if that was not just now.
   */
  said(from: Side, text: string, descriptors = 0, at?: number): void {
    this.record.message(from, text, descriptors, at);
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

/** The child, as the parent's program sees it. Whatever it says is evidence, or is refused. */
export class Child implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #channel: OwnedFd;
  readonly #run: ParentRun;
  readonly #isSilent: boolean;
  /** Why it took the last message that was sent to it not. */
  #refusal: SystemError | undefined;
  /** When it said what was read last: by its word, but no earlier than what it said before. */
  #saidAt = now();

  /**
   * @param channel The parent's end of the control channel; closed with the child.
   * @param channelFd The number of the child's end, there.
   * @param isSilent Whether it may only say where it stands.
   */
  constructor(
    process: ChildProcess,
    channel: OwnedFd,
    readonly channelFd: number,
    run: ParentRun,
    isSilent = false,
  ) {
    this.#process = process;
    this.#channel = channel;
    this.#run = run;
    this.#isSilent = isSilent;
    // Whoever waits for its words is woken, even if somebody else holds its end of the channel now. What it has said is still there.
    // Where it cannot be shut down, since the kernel has done so, the wait ends with its time.
    process.died.then(() => channel.isOpen && errnoOf(() => shutdown(channel.fd, SHUT_RDWR)));
  }

  /** Resolves when it has ended, however. */
  get gone(): Promise<void> {
    return this.#process.ended().then(() => {});
  }

  /** Whether it has said something that nobody has heard yet, or has closed the control channel. */
  get hasSpoken(): boolean {
    return poll([this.#channel.fd], POLLIN, 0)[0] !== 0;
  }

  /** Kills it, if it is still there. */
  kill(): void {
    this.#process.kill();
  }

  /** Its process id. */
  get pid(): number {
    return this.#process.pid;
  }

  /**
   * Sends it a message, with descriptors beside it. If it takes none, because it is gone or will not, whoever waits for its answer is told.
   *
   * @throws {ExperimentError} If it has given up, or does not read.
   */
  send(message: ParentMessage, descriptors: readonly number[] = []): void {
    const at = now();
    try {
      sendMessage(this.#channel.fd, message, descriptors, SEND_TIMEOUT);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      this.#hearLastWords();
      this.#refusal = error;
      return;
    }
    this.#run.said("parent", message.type, descriptors.length, at);
  }

  /** Puts into the record what it said before it was gone; why it was, is often among that. */
  #hearLastWords(): void {
    for (;;) {
      const delivery = takeMessage(this.#channel.fd, 0);
      if (delivery === undefined || delivery === null) return;
      const message = this.#read(delivery);
      if (message.type !== "reached" && message.type !== "packet") this.#enter(message);
    }
  }

  /**
   * Waits until the child is at a stage, recording what it says on the way, and when that was.
   *
   * @param late What to do with packets that are still on their way; without it, none may come.
   * @returns What the child says of it: unchecked.
   * @throws {ExperimentError} If it fails, dies, or is elsewhere.
   */
  async reached(
    stage: string,
    late?: (frame: CapturedFrame) => void,
  ): Promise<{ [name: string]: unknown }> {
    let message = await this.#hear(this.#run.context.deadline);
    while (message?.type === "packet" && late !== undefined) {
      late(message);
      message = await this.#hear(this.#run.context.deadline);
    }
    if (message?.type !== "reached" || message.stage !== stage) {
      throw new ExperimentError(`The child did not reach the stage "${stage}": ${said(message)}`);
    }
    this.#run.record.timestamp(stage);
    return message.detail;
  }

  /** {@linkcode reached}, for a child that may be at one of two stages. */
  async reachedEither(
    ...stages: readonly string[]
  ): Promise<{ stage: string; detail: { [name: string]: unknown } }> {
    const message = await this.#hear(this.#run.context.deadline);
    if (message?.type !== "reached" || !stages.includes(message.stage)) {
      throw new ExperimentError(`The child is at none of ${stages.join(", ")}: ${said(message)}`);
    }
    return message;
  }

  /**
   * Waits for a while until the child is at a stage.
   *
   * @param patience In milliseconds.
   * @returns `undefined` if it said nothing in that time.
   * @throws {ExperimentError} If it fails, dies, or is elsewhere.
   */
  async reachedWithin(
    patience: number,
    stage: string,
  ): Promise<{ [name: string]: unknown } | undefined> {
    const deadline = Math.min(this.#run.context.deadline, Date.now() + patience);
    const message = await this.#hear(deadline);
    if (message === undefined) return undefined;
    if (message.type === "reached" && message.stage === stage) return message.detail;
    throw new ExperimentError(`The child did not reach the stage "${stage}": ${said(message)}`);
  }

  /**
   * Waits for the next packet that the child hands on.
   *
   * @param deadline When the wait ends, in milliseconds since 1970.
   * @returns `undefined` if none came in time.
   * @throws {ExperimentError} If it fails, dies, or says something else.
   */
  async packet(deadline: number): Promise<CapturedFrame | undefined> {
    const message = await this.#hear(deadline);
    if (message !== undefined && message.type !== "packet") {
      throw new ExperimentError(`The child did not hand on a packet: ${said(message)}`);
    }
    return message;
  }

  /**
   * Waits for the child's end, which must be an orderly one.
   *
   * @throws {ExperimentError} If it ends otherwise, does not end, or leaves something behind.
   * @throws {SystemError} If it did not take what was sent to it last.
   */
  async ended(): Promise<void> {
    if (this.#refusal !== undefined) throw this.#refusal;
    const { end, wasKilled } = await this.#endWithin(END_TIMEOUT);
    if (wasKilled) throw new ExperimentError(`The child did not end within ${END_TIMEOUT} ms`);
    if (!end.status.success) throw new ExperimentError(this.#lastWords() ?? describeEnd(end));
    if (end.leftBehind !== null) throw new ExperimentError(describeEnd(end));
  }

  /** Why it gave up after its last stage, if it said so: what nobody has heard yet is still in the channel. */
  #lastWords(): string | undefined {
    const delivery = takeMessage(this.#channel.fd, 0);
    const message = delivery ? this.#read(delivery) : undefined;
    return message?.type === "failed" ? `The child gave up: ${message.message}` : undefined;
  }

  async #endWithin(patience: number): Promise<{ end: ChildEnd; wasKilled: boolean }> {
    let wasKilled = false;
    const timer = setTimeout(() => {
      wasKilled = true;
      this.#process.kill();
    }, patience);
    try {
      return { end: await this.#process.ended(), wasKilled };
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends it, if it is still there. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
    this.#channel.close();
  }

  async #hear(
    deadline: number,
  ): Promise<Extract<ChildMessage, { type: "reached" | "packet" }> | undefined> {
    for (;;) {
      const { signal } = this.#run.context;
      const end = this.#refusal === undefined ? deadline : Date.now() + CLOSING_TIMEOUT;
      const delivery = await nextMessage(this.#channel.fd, Math.min(deadline, end), signal);
      if (signal.aborted) throw signal.reason;
      if (delivery === undefined && this.#refusal !== undefined) throw this.#refusal;
      if (delivery === undefined) return undefined;
      if (delivery === null) throw await this.#unexpectedEnd();
      const message = this.#read(delivery);
      if (message.type === "reached") this.#run.said("child", message.stage, 0, this.#saidAt);
      if (message.type === "reached" || message.type === "packet") return message;
      this.#enter(message);
    }
  }

  /** Why it has closed the control channel before its time: as a rule since it has ended. */
  async #unexpectedEnd(): Promise<ExperimentError> {
    const { end, wasKilled } = await this.#endWithin(CLOSING_TIMEOUT);
    return new ExperimentError(
      wasKilled
        ? "The child closed the control channel, and went on; it was killed"
        : describeEnd(end),
    );
  }

  /** What of its words goes into the record, counts; packets are counted there, and what comes with a stage is looked at and forgotten. */
  #read({ text }: Delivery): ChildMessage {
    const message = parseChildMessage(text);
    this.#saidAt = Math.max(this.#saidAt, saidAt(text) ?? now());
    if (message.type !== "packet" && message.type !== "reached") this.#run.record.heard(text);
    return message;
  }

  #enter(message: Exclude<ChildMessage, { type: "reached" | "packet" }>): void {
    if (this.#isSilent && message.type !== "failed") {
      throw new ExperimentError(`The child sent "${message.type}", which it may not`);
    }
    const { record } = this.#run;
    switch (message.type) {
      case "step":
        return record.step("child", message.privileged, message.title, this.#saidAt);
      case "note":
      case "done":
        return record.line(
          { kind: message.type, text: message.text, checks: message.checks },
          this.#saidAt,
        );
      case "detail":
        return record.line({ kind: "detail", text: message.text }, this.#saidAt);
      case "check": {
        const { id, status, observed, evidence } = message;
        return record.find("child", id, { status, observed, evidence });
      }
      case "failed":
        throw new ExperimentError(`The child gave up: ${message.message}`);
    }
  }
}

/** In milliseconds since 1970. */
const now = () => performance.timeOrigin + performance.now();

function said(message: ChildMessage | undefined): string {
  if (message === undefined) return "it said nothing in time";
  return message.type === "reached" ? `it is at "${message.stage}"` : `it sent "${message.type}"`;
}

function isRefusal(error: unknown): error is SystemError {
  return error instanceof SystemError &&
    (error.errno === Errno.EPIPE || error.errno === Errno.ECONNRESET);
}

function describeEnd({ status: { code, signal }, output, leftBehind }: ChildEnd): string {
  if (code === 0 && leftBehind !== null) return `The child has ended, but ${leftBehind}`;
  const end = signal === null ? `with exit status ${code}` : `by ${signal}`;
  const lastWords = output.trim().split("\n").slice(0, 3).join(" / ");
  return `The child ended early, ${end}${lastWords === "" ? "" : `: ${lastWords}`}`;
}
