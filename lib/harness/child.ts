/**
 * The child as the parent sees it: the messages that it sends, and how it ends.
 *
 * Each message becomes evidence or is refused. The child may send too much, send nothing, or keep
 * running after it has closed the channel, so every wait for it has an end.
 *
 * @module
 */

import { POLLIN, SHUT_RDWR } from "../../ffi/abi/constants.ts";
import { Errno, errnoOf, SystemError } from "../../ffi/abi/errno.ts";
import type { OwnedFd } from "../../ffi/process/descriptor.ts";
import { readDirectory } from "../../ffi/process/file.ts";
import { isSameFile } from "../../ffi/process/kcmp.ts";
import { unlessGone } from "../../ffi/process/proc.ts";
import { NotAnsweredError } from "../../ffi/ptrace/stopped_thread.ts";
import { hasEnded } from "../../ffi/ptrace/thread_state.ts";
import { shutdown } from "../../ffi/socket/calls.ts";
import { poll, sleep } from "../../ffi/socket/poll.ts";
import { type ChildEnd, type ChildProcess, ownLibcFolder } from "./process.ts";
import type { ChildFiles } from "./child_files.ts";
import { isChilds } from "./blame.ts";
import { type Delivery, nextMessage, sendMessage, takeMessage } from "./channel.ts";
import {
  type CapturedFrame,
  type ChildMessage,
  now,
  parseChildMessage,
  sentTime,
} from "./protocol.ts";
import { examineFilters, type PassedSockets } from "../confine/filter.ts";
import type { SeenFilters } from "../confine/judge.ts";
import type { Expected } from "../inspect/footholds.ts";
import type { SeenProcess } from "../inspect/processes/processes.ts";
import { withFilesOf } from "../inspect/processes/owned_files.ts";
import { type Inspected, look, type LookOptions, type View } from "../inspect/look.ts";
import { ownChildren } from "./orphans.ts";
import {
  CannotLook,
  ChildDied,
  ChildGaveUp,
  ExperimentError,
  TimeRanOut,
} from "../evidence/errors.ts";
import { missingCapabilities, NOT_ROOTS, unitWith } from "../host/capabilities.ts";
import type { Orders, Word } from "./orders.ts";
import type { ExperimentRecord } from "../evidence/record.ts";
import { Attention } from "./attention.ts";
import { isAtRest, processorUse, wasSilent } from "./silence.ts";
import type { Tracing } from "./trace/hub.ts";

/** Options of {@linkcode Child.look}. */
export interface ChildLookOptions extends Omit<LookOptions, "expected" | "foreign"> {
  readonly expected: Partial<Expected>;
}

/** How long the child may leave the control channel full, in milliseconds. */
const SEND_TIMEOUT = 1000;

/** How long a child that has closed its sockets may take to die, in milliseconds. */
const LETTING_GO = 250;

/** How long a child may take to exit after its last stage, in milliseconds. The deadline of the run
 * may come sooner. */
const END_TIMEOUT = 5000;

/** How long a child may take to exit after it has closed the control channel, in milliseconds. The
 * kernel closes the channel late in exit(2), so this is short. */
const CLOSING_TIMEOUT = 500;

/** The most messages that a child may send where another is awaited. Well-behaved ones send 50. */
const MOST_UNAWAITED = 10_000;

/**
 * Messages that {@linkcode Child} need not count: the record limits them, or keeps nothing of them.
 */
const COUNTED_ELSEWHERE: readonly ChildMessage["type"][] = ["packet", "reached", "check"];

/** The part of a run that a child uses. */
export interface RunOfChild {
  readonly context: {
    /** Ends the run. Its reason is an `Error`. */
    readonly signal: AbortSignal;
    /** When the run must end, by `performance.now()`. */
    readonly deadline: number;
    readonly childFiles?: ChildFiles | undefined;
    /** The time limit of the run, in milliseconds. */
    readonly timeout: number;
    readonly tracing?: Tracing | undefined;
  };
  /** Receives the child's reports. */
  readonly record: ExperimentRecord;
  /** Root's own control of a child that failed. */
  whyNobodyCould?(error: unknown): Promise<string | undefined>;
}

/** The messages that are waited for. */
type Awaited = Extract<ChildMessage, { type: "reached" | "packet" }>;

/** A running child, as the parent's program sees it. */
export class Child implements AsyncDisposable {
  /** Its process. */
  readonly process: ChildProcess;
  readonly #channel: OwnedFd;
  readonly #run: RunOfChild;
  readonly #isSilent: boolean;
  readonly #foreign: ReadonlySet<string>;
  /** Why the child did not accept the last message. */
  #refusal: Error | undefined;
  readonly #attention = new Attention();
  #hasFailed = false;
  #longestLook = 0;
  /** Since when the child has had everything that its next stage needs, by `performance.now()`. */
  #askedAt = performance.now();
  /**
   * When the child sent the message that was read last, as the child reports it. It never goes
   * back.
   */
  #sentAt = now();

  /**
   * @param channel The parent's end of the control channel; closed with the child.
   * @param channelFd The descriptor of the child's end, as numbered in the child.
   * @param isSilent Whether the child may report its stages and nothing else.
   * @param foreign The links of the packet sockets that existed before the child.
   */
  constructor(
    process: ChildProcess,
    channel: OwnedFd,
    readonly channelFd: number,
    run: RunOfChild,
    isSilent = false,
    foreign: ReadonlySet<string> = new Set(),
  ) {
    this.process = process;
    this.#channel = channel;
    this.#run = run;
    this.#isSilent = isSilent;
    this.#foreign = foreign;
    // This wakes a wait for the child's next message, even if another process holds its end of the
    // channel by now. Messages that are queued stay readable. If shutdown(2) fails because the
    // kernel has shut the channel down already, the wait ends at its deadline.
    process.died.then(() => channel.isOpen && errnoOf(() => shutdown(channel.fd, SHUT_RDWR)));
  }

  /** Whether the child has ended the run: it died, fell silent, gave up or broke the protocol. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /**
   * Whether the child is to blame for having done nothing that counts since a moment:
   * {@linkcode wasSilent}.
   *
   * @param moment By `performance.now()`.
   */
  wasSilentSince(moment: number): boolean {
    const { timeout } = this.#run.context;
    const waited = this.#attention.since(moment);
    const [child, parent] = [this.pid, Deno.pid].map(processorUse);
    return wasSilent({ waited, timeout, child, parent, isAtRest: () => isAtRest(this.pid) });
  }

  /** The duration of the longest {@linkcode look} so far, in milliseconds. */
  get longestLook(): number {
    return this.#longestLook;
  }

  /** Notes whether the child caused an error, and returns the error. */
  #blamed<Caught>(error: Caught): Caught {
    this.#hasFailed ||= isChilds(error);
    return error;
  }

  /** Resolves when the child has ended, for whatever reason. */
  get gone(): Promise<void> {
    return this.process.ended().then(() => {}, () => {});
  }

  /** Whether a message of the child is waiting to be read, or the child has closed the channel. */
  get hasMessage(): boolean {
    return poll([this.#channel.fd], POLLIN, 0)[0] !== 0;
  }

  /** Kills the child if it is still running. */
  kill(): void {
    this.process.kill();
  }

  /**
   * Stops the child and all that it has started, inspects them, and lets them run again.
   *
   * @throws {CannotLook} If the surroundings do not permit it.
   * @throws {ExperimentError} If the child has given up, has ended, or has too much to inspect.
   */
  look({ expected, ...options }: ChildLookOptions): View {
    const { tracing, childFiles } = this.#run.context;
    const started = { folder: ownLibcFolder(), mountNamespace: childFiles?.mountNamespace };
    const began = performance.now();
    using _untraced = tracing?.paused();
    try {
      return withFilesOf(this.pid, () =>
        look(this.#inspected(), {
          ...options,
          foreign: this.#foreign,
          expected: { ring: false, ...started, ...expected },
        }));
    } catch (error) {
      throw this.#blamed(this.#lastWords() ?? this.#whyNotSeen(error));
    } finally {
      this.#askedAt = performance.now(); // it stood still meanwhile
      this.#longestLook = Math.max(this.#longestLook, this.#askedAt - began);
    }
  }

  /** Whether the child dies within so many milliseconds. */
  #diesWithin(patience: number): boolean {
    for (const end = performance.now() + patience; performance.now() < end; sleep(5)) {
      if (hasDied(this.pid)) return true;
    }
    return hasDied(this.pid);
  }

  /** Returns the reason why a look at the child failed. */
  #whyNotSeen(error: unknown): unknown {
    if (hasDied(this.pid)) {
      if (this.#isOver) return this.#whyTooLate();
      const whole = this.process.ended().then(describeEnd);
      whole.catch(() => {}); // whoever waits for it gets the rejection
      return new ChildDied("The child ended early", whole);
    }
    return whyNotSeen(error, this.#inspected());
  }

  /**
   * Reads the seccomp filters of the child, and compiles its policy: {@linkcode examineFilters}.
   *
   * @throws {ExperimentError} If it has let go of its sockets because it ends.
   */
  filters(passed: PassedSockets, ioUring: boolean): SeenFilters {
    const seen = withFilesOf(this.pid, () => examineFilters(this, passed, ioUring));
    if (seen.expected === undefined && this.#diesWithin(LETTING_GO)) {
      throw this.#blamed(this.#lastWords() ?? this.#whyNotSeen(undefined));
    }
    return seen;
  }

  /** Returns the child, with every process that it has started and that is still running. */
  #inspected(): Inspected {
    const { pid, process } = this;
    // Without a PID namespace of their own, the other children of this process are listed as well.
    const isOther = (each: SeenProcess) =>
      each.isAlive && each.pid !== pid && !ownChildren.has(each.pid);
    return {
      pid,
      processes: () => [pid, ...process.processes.filter(isOther).map((each) => each.pid)],
    };
  }

  /** The processes that the child has started, zombies included. */
  get others(): readonly number[] {
    const { pid, process } = this;
    return process.processes.map((each) => each.pid)
      .filter((each) => each !== pid && !ownChildren.has(each));
  }

  /**
   * Whether the first packet socket in a view of the child is the same open file description as the
   * parent's.
   *
   * @throws As {@linkcode look}.
   */
  holds(packetFd: number, { descriptors }: View): boolean {
    const theirs = descriptors.find(({ kind }) => kind === "packet");
    try {
      return theirs !== undefined && isSameFile(Deno.pid, packetFd, this.pid, theirs.fd);
    } catch (error) {
      throw this.#blamed(this.#lastWords() ?? this.#whyNotSeen(error));
    }
  }

  /** The child's process id in the parent's PID namespace. */
  get pid(): number {
    return this.process.pid;
  }

  /**
   * Sends the child a message without content.
   *
   * @throws {ExperimentError} As {@linkcode order}.
   */
  send({ type }: { readonly type: Word }): void {
    this.#send({ type }, []);
  }

  /**
   * Sends the child orders, with descriptors beside them. If the child is gone or has closed the
   * channel, the error is kept, and the next wait for the child throws it.
   *
   * @throws {ExperimentError} If the child has given up, or does not read.
   */
  order<Content extends object>(
    { type }: Orders<Content>,
    content: Content,
    descriptors: readonly number[] = [],
  ): void {
    this.#send({ type, ...content }, descriptors);
  }

  #send(message: { readonly type: string }, descriptors: readonly number[]): void {
    const at = now();
    try {
      sendMessage(this.#channel.fd, message, descriptors, SEND_TIMEOUT);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      this.#recordLastMessages();
      this.#refusal = this.#isOver ? this.#whyTooLate() : new ExperimentError(error.message);
      return;
    }
    this.#askedAt = performance.now();
    this.#run.record.message("parent", message.type, descriptors.length, at);
  }

  /** Records the messages that a child sent before it ended. They often contain the reason. */
  #recordLastMessages(): void {
    for (;;) {
      const delivery = takeMessage(this.#channel.fd, 0);
      if (delivery === undefined || delivery === null) return;
      const message = this.#read(delivery);
      if (message.type !== "reached" && message.type !== "packet") this.#enter(message);
    }
  }

  /**
   * Waits until the child reaches a stage. Records the messages before it, and its time.
   *
   * @param late Takes packets that arrive before the stage. Without it, a packet is an error.
   * @returns The details that the child reports with the stage, unvalidated.
   * @throws {ExperimentError} If the child fails, dies, falls silent, or reaches another stage.
   * @throws {CutShort} If the run ends first.
   */
  async reached(
    stage: string,
    late?: (frame: CapturedFrame) => void,
  ): Promise<{ [name: string]: unknown }> {
    let message = await this.#next(this.#run.context.deadline);
    while (message?.type === "packet" && late !== undefined) {
      late(message);
      message = await this.#next(this.#run.context.deadline);
    }
    if (message === undefined) throw this.#blamed(this.#whyTooLate());
    if (message.type !== "reached" || message.stage !== stage) {
      throw this.#blamed(new OtherStage(stage, message));
    }
    this.#run.record.timestamp(stage);
    return message.detail;
  }

  /**
   * Waits until the child reaches one of several stages.
   *
   * @returns The stage, and the details that the child reports with it, unvalidated.
   * @throws {ExperimentError} If the child fails, dies, or reaches another stage.
   */
  async reachedEither(
    ...stages: readonly string[]
  ): Promise<{ stage: string; detail: { [name: string]: unknown } }> {
    const message = await this.#next(this.#run.context.deadline);
    if (message === undefined) throw this.#blamed(this.#whyTooLate());
    if (message.type === "reached" && stages.includes(message.stage)) return message;
    throw new ExperimentError(
      `The child reached none of the stages ${stages.join(", ")}: ${describe(message)}`,
    );
  }

  /**
   * Waits until the child reaches a stage, but no longer than `patience`.
   *
   * @param patience The longest wait, in milliseconds.
   * @returns The details that the child reports with the stage, unvalidated; `undefined` if no
   * message came in that time.
   * @throws {ExperimentError} If the child fails, dies, or reaches another stage.
   */
  async reachedWithin(
    patience: number,
    stage: string,
  ): Promise<{ [name: string]: unknown } | undefined> {
    const deadline = Math.min(this.#run.context.deadline, performance.now() + patience);
    const message = await this.#next(deadline);
    if (message === undefined) return undefined;
    if (message.type === "reached" && message.stage === stage) return message.detail;
    throw new OtherStage(stage, message);
  }

  /**
   * Requires that the child has sent no message.
   *
   * @throws {ExperimentError} If it has sent any message, has failed, or has died.
   */
  async requireSilence(): Promise<void> {
    if (!this.hasMessage) return;
    const message = await this.#next(performance.now());
    if (message === undefined) return;
    throw new ExperimentError(`The child sent a message without being asked: ${describe(message)}`);
  }

  /**
   * Waits for the next packet that the child forwards.
   *
   * @param deadline When the wait ends, by `performance.now()`.
   * @returns The packet; `undefined` if none came in time.
   * @throws {ExperimentError} If the child fails, dies, or sends another message.
   */
  async packet(deadline: number): Promise<CapturedFrame | undefined> {
    const message = await this.#next(deadline);
    if (message !== undefined && message.type !== "packet") {
      throw this.#blamed(
        new ExperimentError(`The child did not forward a packet: ${describe(message)}`),
      );
    }
    return message;
  }

  /**
   * Waits until the child exits, with status 0 and nothing left behind.
   *
   * @throws {ExperimentError} If it ends in another way, does not end, leaves a process behind, or
   * did not accept the last message.
   * @throws {CutShort} If the run ends first.
   */
  async ended(): Promise<void> {
    if (this.#refusal !== undefined) throw this.#refusal;
    const { end, wasKilled } = await this.#endWithin(END_TIMEOUT);
    if (wasKilled) throw new ExperimentError(`The child did not end within ${END_TIMEOUT} ms`);
    if (!end.status.success) throw this.#lastWords() ?? await this.#death(end);
    if (end.leftBehind !== null) throw new ExperimentError(describeEnd(end));
  }

  /** Returns the error with which the child gave up, if that is still in the channel. */
  #lastWords(): Error | undefined {
    for (;;) {
      const delivery = takeMessage(this.#channel.fd, 0);
      if (delivery === undefined || delivery === null) return undefined;
      const message = this.#read(delivery);
      if (message.type === "failed") return this.#whyGivenUp(message);
    }
  }

  /**
   * Waits until the child ends, and kills it after `patience` milliseconds in which the parent
   * watched, or when the run is aborted.
   *
   * @throws {CutShort | ExperimentError} If the run is aborted first.
   */
  async #endWithin(patience: number): Promise<{ end: ChildEnd; wasKilled: boolean }> {
    const { signal } = this.#run.context;
    let wasKilled = false;
    let cutShort: unknown;
    const kill = () => {
      wasKilled = true;
      if (signal.aborted) cutShort = this.#whyAborted(); // before its end, which clears /proc
      this.process.kill();
    };
    const began = performance.now();
    const late = () => {
      const left = patience - this.#attention.since(began);
      if (left < 1) kill();
      else timer = setTimeout(late, left);
    };
    let timer = setTimeout(late, patience);
    if (signal.aborted) kill();
    signal.addEventListener("abort", kill);
    try {
      const end = await this.process.ended();
      if (cutShort !== undefined) throw cutShort;
      return { end, wasKilled };
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", kill);
    }
  }

  /** Kills the child if it is still running, and waits until it is gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#attention[Symbol.dispose]();
    await this.process[Symbol.asyncDispose]();
    this.#channel.close();
  }

  /** Waits for the next stage or packet, and records the other messages before it. */
  async #next(deadline: number): Promise<Awaited | undefined> {
    try {
      return await this.#awaited(deadline);
    } catch (error) {
      throw this.#blamed(error);
    }
  }

  async #awaited(deadline: number): Promise<Awaited | undefined> {
    for (let left = MOST_UNAWAITED; left > 0; left--) {
      const { signal } = this.#run.context;
      const end = this.#refusal === undefined ? deadline : performance.now() + CLOSING_TIMEOUT;
      const delivery = await nextMessage(this.#channel.fd, Math.min(deadline, end), signal);
      if (signal.aborted) throw this.#whyAborted();
      if (delivery === undefined && this.#refusal !== undefined) throw this.#refusal;
      if (delivery === undefined) return undefined;
      if (delivery === null) throw await this.#unexpectedEnd();
      const message = this.#read(delivery);
      if (message.type === "reached") {
        this.#askedAt = performance.now();
        this.#run.record.message("child", message.stage, 0, this.#sentAt);
      }
      if (message.type === "reached" || message.type === "packet") return message;
      this.#enter(message);
    }
    throw new ExperimentError(
      `The child sends too much: ${MOST_UNAWAITED} messages where another is awaited`,
    );
  }

  /** Returns why the child has closed the control channel early: usually because it has ended. */
  async #unexpectedEnd(): Promise<Error> {
    const { end, wasKilled } = await this.#endWithin(CLOSING_TIMEOUT);
    return wasKilled
      ? new ExperimentError("The child closed the control channel but kept running; it was killed")
      : await this.#death(end);
  }

  /**
   * Returns the child's death as an error. If it exited by itself, root's own control is made at
   * once, while the other children still take what they take of the limits of the system.
   */
  async #death(end: ChildEnd): Promise<Error> {
    if (this.#isOver) return this.#whyTooLate();
    const error = new ChildDied(describeEnd(end));
    if (end.status.signal !== null) return error;
    const excuse = await this.#run.whyNobodyCould?.(error);
    return excuse === undefined ? error : new ChildDied(error.message, undefined, excuse);
  }

  /** Returns why a wait for the child ended with the run. */
  #whyAborted(): unknown {
    const { reason } = this.#run.context.signal;
    return reason instanceof TimeRanOut ? this.#whyTooLate() : reason;
  }

  /**
   * Whether the time of the run is over. A child that gives up then is not to blame, nor is one
   * that its alarm(2) ends: if the parent was stopped, the child has seen it first.
   */
  get #isOver(): boolean {
    return performance.now() >= this.#run.context.deadline;
  }

  /** Returns the child's last message as an error. */
  #whyGivenUp({ message, call }: Extract<ChildMessage, { type: "failed" }>): Error {
    if (this.#isOver) return this.#whyTooLate();
    return new ChildGaveUp(`The child gave up: ${message}`, call);
  }

  /** Returns whether the time of the run ran out because the child fell silent, as an error. */
  #whyTooLate(): Error {
    const cause = new TimeRanOut(this.#run.context.timeout);
    if (!this.wasSilentSince(this.#askedAt)) return cause;
    const seconds = this.#attention.since(this.#askedAt) / 1000;
    return new ExperimentError(
      `${cause.message}: the child fell silent for the last ${seconds.toFixed(1)} s`,
    );
  }

  /**
   * Parses a message, and counts it against the limit of the record. Packets and opinions have
   * limits of their own; the details of a stage are not kept.
   */
  #read({ text }: Delivery): ChildMessage {
    const message = parseChildMessage(text);
    this.#sentAt = Math.max(this.#sentAt, sentTime(text) ?? now());
    if (!COUNTED_ELSEWHERE.includes(message.type)) this.#run.record.countChildText(text);
    return message;
  }

  #enter(message: Exclude<ChildMessage, { type: "reached" | "packet" }>): void {
    if (this.#isSilent && message.type !== "failed") {
      throw new ExperimentError(`The child sent "${message.type}", which is not permitted here`);
    }
    const { record } = this.#run;
    switch (message.type) {
      case "step":
        return record.step("child", message.privileged, message.title, this.#sentAt);
      case "note":
      case "done": {
        const { text, checks } = message;
        const kind = checks.length === 0 ? "note" : message.type; // the tick is earned by checks
        return record.line({ kind, text, checks }, this.#sentAt);
      }
      case "detail":
        return record.line({ kind: "detail", text: message.text }, this.#sentAt);
      case "check": {
        const { id, status, observed, evidence } = message;
        return record.opinion(id, { status, observed, evidence });
      }
      case "failed":
        throw this.#whyGivenUp(message);
    }
  }
}

/** The child reached a stage, or sent a packet, where another stage was awaited. */
class OtherStage extends ExperimentError {
  constructor(awaited: string, message: ChildMessage) {
    super(`The child did not reach the stage "${awaited}": ${describe(message)}`);
  }
}

/** How long the threads of a process may take to end after the first of them, in milliseconds. */
const ENDING_TIME = 200;

/** Whether a process is gone, or each of its threads has ended. */
function hasDied(pid: number): boolean {
  if (!hasEnded(pid)) return false;
  const deadline = performance.now() + ENDING_TIME;
  for (;;) {
    const isLate = performance.now() > deadline;
    const tids = unlessGone(() => readDirectory(`/proc/${pid}/task`)) ?? [];
    if (tids.every((tid) => hasEnded(Number(tid)))) return true;
    if (isLate) return false;
    sleep(1);
  }
}

/**
 * The reasons why the parent cannot inspect a child, and remedies, by errno. Any other error means
 * that something is wrong with the child.
 */
const CANNOT_LOOK: { readonly [errno: string]: string } = {
  EPERM:
    "the child has another tracer, or a capability is missing: CAP_SYS_PTRACE, or, for a child with " +
    "a system call filter, CAP_SYS_ADMIN (in a container: --cap-add)",
  EACCES:
    "CAP_SYS_PTRACE is missing (in a container: --cap-add SYS_PTRACE), or a seccomp filter forbids it",
  ENOSYS: "this kernel lacks that system call",
  ETIMEDOUT: "a thread of the child does not stop: it is in an uninterruptible wait",
  EMFILE: "raise the limit of open descriptors: ulimit -n 1024",
  ENFILE: "raise the limit of open files of the system: sysctl fs.file-max",
  ENOMEM: "more memory is needed",
};

/** Returns the remedy of a supervisor that is not root and may not trace. */
function whyNoTracer(code: string): string | undefined {
  if (Deno.uid() === 0 || code !== "EPERM" && code !== "EACCES") return undefined;
  if (missingCapabilities(["CAP_SYS_PTRACE"]).length === 0) return undefined;
  return `CAP_SYS_PTRACE is missing (in a unit: ${unitWith(NOT_ROOTS)})`;
}

function whyNotSeen(error: unknown, child: Inspected): unknown {
  if (error instanceof NotAnsweredError) {
    return new ExperimentError(`The child could not be asked: ${error.message}`);
  }
  if (!(error instanceof SystemError)) return error;
  const others = child.processes().filter((pid) => pid !== child.pid);
  if (others.length > 0) {
    return new ExperimentError(`The child has started other processes: ${others.join(", ")}`);
  }
  const reason = whyNoTracer(error.code) ?? CANNOT_LOOK[error.code];
  if (reason === undefined) {
    return new ExperimentError(`The child could not be inspected: ${error.message}`);
  }
  return new CannotLook(`The child cannot be inspected: ${error.message}: ${reason}`);
}

function describe(message: ChildMessage): string {
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
