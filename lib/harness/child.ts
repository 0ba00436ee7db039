/**
 * The child as the parent sees it: what it says, by the control channel, and how it ends.
 *
 * Whatever it says is evidence, or is refused. It may say too much, nothing, or go on when it has hung up; every wait for it has an end.
 *
 * @module
 */

import { POLLIN, SHUT_RDWR } from "../../ffi/abi/constants.ts";
import { Errno, errnoOf, SystemError } from "../../ffi/abi/errno.ts";
import type { OwnedFd } from "../../ffi/process/descriptor.ts";
import { isSameFile } from "../../ffi/process/kcmp.ts";
import { NotAnsweredError } from "../../ffi/process/ptrace.ts";
import { poll, shutdown } from "../../ffi/socket/socket.ts";
import { type ChildEnd, type ChildProcess, ownLibcFolder } from "./process.ts";
import { type Delivery, nextMessage, sendMessage, takeMessage } from "./channel.ts";
import {
  type CapturedFrame,
  type ChildMessage,
  now,
  type ParentMessage,
  parseChildMessage,
  saidAt,
} from "./protocol.ts";
import type { Expected } from "../inspect/footholds.ts";
import type { SeenProcess } from "../inspect/processes.ts";
import { type Inspected, look, type LookOptions, type View } from "../inspect/look.ts";
import { ownChildren } from "./orphans.ts";
import { CannotLook, ExperimentError } from "../evidence/errors.ts";
import type { ParentRun } from "./parent_run.ts";

/** How a child is looked at. */
export interface ChildLookOptions extends Omit<LookOptions, "expected" | "foreign"> {
  readonly expected: Partial<Expected>;
}

/** How long the child may leave the control channel full, in milliseconds. */
const SEND_TIMEOUT = 1000;

/** How long a child that has said its last may take to be gone, in milliseconds, if the run has as much time left. */
const END_TIMEOUT = 5000;

/** How long one that has closed the control channel may take: the kernel closes it when it is as good as gone. */
const CLOSING_TIMEOUT = 500;

/** What is kept of these the record bounds, or nothing is. */
const COUNTED_ELSEWHERE: readonly ChildMessage["type"][] = ["packet", "reached", "check"];

/** The child, as the parent's program sees it. Whatever it says is evidence, or is refused. */
export class Child implements AsyncDisposable {
  /** The process itself. */
  readonly process: ChildProcess;
  readonly #channel: OwnedFd;
  readonly #run: ParentRun;
  readonly #isSilent: boolean;
  readonly #foreign: ReadonlySet<string>;
  /** Why it took the last message that was sent to it not. */
  #refusal: SystemError | undefined;
  /** When it said what was read last: by its word, but no earlier than what it said before. */
  #saidAt = now();

  /**
   * @param channel The parent's end of the control channel; closed with the child.
   * @param channelFd The number of the child's end, there.
   * @param isSilent Whether it may only say where it stands.
   * @param foreign The links of the packet sockets that were there before it.
   */
  constructor(
    process: ChildProcess,
    channel: OwnedFd,
    readonly channelFd: number,
    run: ParentRun,
    isSilent = false,
    foreign: ReadonlySet<string> = new Set(),
  ) {
    this.process = process;
    this.#channel = channel;
    this.#run = run;
    this.#isSilent = isSilent;
    this.#foreign = foreign;
    // Whoever waits for its words is woken, even if somebody else holds its end of the channel now. What it has said is still there.
    // Where it cannot be shut down, since the kernel has done so, the wait ends with its time.
    process.died.then(() => channel.isOpen && errnoOf(() => shutdown(channel.fd, SHUT_RDWR)));
  }

  /** Resolves when it has ended, however. */
  get gone(): Promise<void> {
    return this.process.ended().then(() => {}, () => {});
  }

  /** Whether it has said something that nobody has heard yet, or has closed the control channel. */
  get hasSpoken(): boolean {
    return poll([this.#channel.fd], POLLIN, 0)[0] !== 0;
  }

  /** Kills it, if it is still there. */
  kill(): void {
    this.process.kill();
  }

  /**
   * Stops it, looks at it from outside, and lets it go on.
   *
   * @throws {CannotLook} Where it may not be looked at.
   * @throws {ExperimentError} If it has given up, has ended, or has too much to look at.
   */
  look({ expected, ...options }: ChildLookOptions): View {
    const folder = ownLibcFolder();
    using _untraced = this.#run.context.tracing?.paused();
    try {
      return look(this.#inspected(), {
        ...options,
        foreign: this.#foreign,
        expected: { ring: false, folder, ...expected },
      });
    } catch (error) {
      const words = this.#lastWords();
      throw words === undefined ? whyNotSeen(error, this.#inspected()) : new ExperimentError(words);
    }
  }

  /** It, and all that it has started and that is still there. */
  #inspected(): Inspected {
    const { pid, process } = this;
    const isOther = (each: SeenProcess) => each.isAlive && each.pid !== pid;
    return {
      pid,
      processes: () => [pid, ...process.processes.filter(isOther).map((each) => each.pid)],
    };
  }

  /** The processes that it has started, whether they run or have ended and were not reaped. */
  get others(): readonly number[] {
    const { pid, process } = this;
    return process.processes.map((each) => each.pid)
      .filter((each) => each !== pid && !ownChildren.has(each));
  }

  /** Whether the first packet socket that was seen in it is the parent's: one open file description. */
  holds(packetFd: number, { descriptors }: View): boolean {
    const theirs = descriptors.find(({ kind }) => kind === "packet");
    return theirs !== undefined && isSameFile(Deno.pid, packetFd, this.pid, theirs.fd);
  }

  /** Its process id out here. */
  get pid(): number {
    return this.process.pid;
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
   * Makes sure that the child, which nobody has asked anything, has said nothing.
   *
   * @throws {ExperimentError} If it has said something, whatever it is, fails, or dies.
   */
  async saysNothing(): Promise<void> {
    if (!this.hasSpoken) return;
    const message = await this.#hear(Date.now());
    if (message === undefined) return;
    throw new ExperimentError(`The child was not asked, and ${said(message)}`);
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
   * @throws What ends the run before it has ended.
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
    for (;;) {
      const delivery = takeMessage(this.#channel.fd, 0);
      if (delivery === undefined || delivery === null) return undefined;
      const message = this.#read(delivery);
      if (message.type === "failed") return `The child gave up: ${message.message}`;
    }
  }

  /**
   * Waits for its end for a while; then it is killed.
   *
   * @throws What ends the run before it has ended: it is killed then, too.
   */
  async #endWithin(patience: number): Promise<{ end: ChildEnd; wasKilled: boolean }> {
    const { signal } = this.#run.context;
    let wasKilled = false;
    const kill = () => {
      wasKilled = true;
      this.process.kill();
    };
    const timer = setTimeout(kill, patience);
    if (signal.aborted) kill();
    signal.addEventListener("abort", kill);
    try {
      const end = await this.process.ended();
      if (wasKilled && signal.aborted) throw signal.reason;
      return { end, wasKilled };
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", kill);
    }
  }

  /** Ends it, if it is still there. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.process[Symbol.asyncDispose]();
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

  /** What of its words goes into the record, counts; packets and opinions are counted there, and what comes with a stage is looked at and forgotten. */
  #read({ text }: Delivery): ChildMessage {
    const message = parseChildMessage(text);
    this.#saidAt = Math.max(this.#saidAt, saidAt(text) ?? now());
    if (!COUNTED_ELSEWHERE.includes(message.type)) this.#run.record.countChildText(text);
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
      case "done": {
        const { text, checks } = message;
        const kind = checks.length === 0 ? "note" : message.type; // its word alone earns no tick
        return record.line({ kind, text, checks }, this.#saidAt);
      }
      case "detail":
        return record.line({ kind: "detail", text: message.text }, this.#saidAt);
      case "check": {
        const { id, status, observed, evidence } = message;
        return record.opinion(id, { status, observed, evidence });
      }
      case "failed":
        throw new ExperimentError(`The child gave up: ${message.message}`);
    }
  }
}

/** What keeps the parent from looking, and what would help; of other errors, that the child is not as it should be. */
const CANNOT_LOOK: { readonly [errno: string]: string } = {
  EPERM:
    "another tracer is there, or CAP_SYS_PTRACE is missing (in a container: --cap-add SYS_PTRACE)",
  EACCES:
    "CAP_SYS_PTRACE is missing (in a container: --cap-add SYS_PTRACE), or a filter stands before it",
  ENOSYS: "this kernel does not have that call",
  ETIMEDOUT: "a thread of it does not stop, which waits for a disk or the like",
};

function whyNotSeen(error: unknown, child: Inspected): unknown {
  if (error instanceof NotAnsweredError) {
    return new ExperimentError(`The child could not be asked: ${error.message}`);
  }
  if (!(error instanceof SystemError)) return error;
  const others = child.processes().filter((pid) => pid !== child.pid);
  if (others.length > 0) {
    return new ExperimentError(`The child has started other processes: ${others.join(", ")}`);
  }
  const reason = CANNOT_LOOK[error.code];
  if (reason === undefined) return new ExperimentError(`The child was not seen: ${error.message}`);
  return new CannotLook(`The child cannot be looked at: ${error.message}: ${reason}`);
}

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
