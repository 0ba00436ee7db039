/**
 * The child's side of a run: the calls of its program. All of its messages go to the parent over
 * the control channel. It prints nothing, unless its last message cannot be sent.
 *
 * @module
 */

import { POLLIN } from "../../ffi/abi/constants.ts";
import { SystemError } from "../../ffi/abi/errno.ts";
import { getresuid } from "../../ffi/process/credentials.ts";
import { write } from "../../ffi/process/descriptor.ts";
import { poll } from "../../ffi/socket/poll.ts";
import type { CheckId } from "../evidence/checks.ts";
import { awaitMessage, sendMessage } from "./channel.ts";
import { type Finding, judged } from "../evidence/evidence.ts";
import { type CapturedFrame, type ChildMessage, timed } from "./protocol.ts";
import { ExperimentError } from "../evidence/errors.ts";
import { type Orders, parseOrders, parseWord, type Word } from "./orders.ts";

/** A run, as the program of the child sees it. */
export class ChildRun {
  /** The uid with which the child started: 0, or that of a supervisor that is not root. */
  #bornAs: number | undefined;

  /**
   * @param channelFd The child's end of the control channel.
   * @param deadline When the run must end, by `performance.now()`.
   */
  constructor(readonly channelFd: number, readonly deadline: number) {}

  /** Names the rule of the filter that refused a system call. The start of a worker sets it. */
  explain: (syscall: string) => string | undefined = () => undefined;

  /** Notes the uid with which the child starts. */
  start(): void {
    this.#bornAs = getresuid().effective;
  }

  /** Begins a step. The transcript shows whether the child had dropped its privileges. */
  step(title: string): void {
    const { effective } = getresuid();
    this.#send({ type: "step", title, privileged: effective === 0 || effective === this.#bornAs });
  }

  /** Reports that something is done, and the checks that show it. */
  done(text: string, ...checks: CheckId[]): void {
    this.#send({ type: "done", text, checks });
  }

  /** Reports a remark, and the checks that it belongs to. */
  note(text: string, ...checks: CheckId[]): void {
    this.#send({ type: "note", text, checks });
  }

  /** Reports a detail, which only the verbose view shows. */
  detail(text: string): void {
    this.#send({ type: "detail", text });
  }

  /** Reports the child's own finding of a check: a second opinion, besides the parent's finding. */
  check(id: CheckId, finding: Finding): void {
    this.#send({ type: "check", id, ...finding });
  }

  /** Reports several findings, each by {@linkcode check}. */
  checks(findings: Readonly<Partial<Record<CheckId, Finding>>>): void {
    for (const [id, finding] of Object.entries(findings)) this.check(id as CheckId, finding);
  }

  /**
   * Takes a step whose success is the claim of a check.
   *
   * @param observed The words of the finding if it succeeds.
   * @returns The result of the step.
   * @throws The error of the step, after the check is reported as failed.
   */
  checked<T>(id: CheckId, step: () => T, observed: string): T {
    try {
      const result = step();
      this.check(id, judged(true, observed));
      return result;
    } catch (error) {
      this.check(id, judged(false, error instanceof Error ? error.message : String(error)));
      throw error;
    }
  }

  /** Reports that the child has reached a stage. */
  reached(stage: string, detail: { [name: string]: unknown } = {}): void {
    this.#send({ type: "reached", stage, detail });
  }

  /** Forwards a received frame. */
  packet(frame: CapturedFrame): void {
    this.#send({ type: "packet", ...frame });
  }

  /**
   * Waits for a message of the parent.
   *
   * @param expected The message that comes next by the protocol.
   * @param descriptors The number of descriptors that come with it.
   * @throws {ExperimentError} If the parent is gone, is silent, or sends another message.
   * @throws {DescriptorError} If other descriptors come with it.
   */
  receive<Content extends object>(
    expected: Word | Orders<Content>,
    descriptors = 0,
  ): { message: Content; descriptors: number[] } {
    const delivery = awaitMessage(this.channelFd, descriptors, this.#left());
    return {
      message: parseOrders(delivery.text, expected),
      descriptors: delivery.descriptors,
    };
  }

  /**
   * Waits for either message without content.
   *
   * @throws {ExperimentError} If the parent is gone, is silent, or sends another message.
   */
  word(): Word {
    const { text } = awaitMessage(this.channelFd, 0, this.#left());
    return parseWord(text);
  }

  /** Whether a message of the parent waits, or the parent is gone. */
  hasMessage(): boolean {
    return poll([this.channelFd], POLLIN, 0)[0] !== 0;
  }

  /**
   * Waits until a descriptor can be read, or a message of the parent comes.
   *
   * @throws {ExperimentError} If neither happens before the run must end.
   */
  readable(fd: number): "descriptor" | "parent" {
    while (this.#left() > 0) {
      const [descriptor, parent] = poll([fd, this.channelFd], POLLIN, this.#left());
      if (parent !== 0) return "parent"; // first, because steady traffic would hide it
      if (descriptor !== 0) return "descriptor";
    }
    throw new ExperimentError("Time ran out");
  }

  /**
   * Reports why the child gives up: to the parent or, if that is impossible, on standard error. If
   * a system call failed, it is named, so that the parent can make the same call.
   */
  failed(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    const rule = error instanceof SystemError ? this.explain(error.syscall) : undefined;
    const words = rule === undefined ? message : `${message}: ${rule}`;
    const call = error instanceof SystemError
      ? { call: { syscall: error.syscall, errno: error.errno } }
      : {};
    try {
      this.#send({ type: "failed", message: words, ...call });
    } catch {
      printLastWords(words); // the parent reads that too
    }
  }

  #left(): number {
    return Math.max(0, this.deadline - performance.now());
  }

  #send(message: ChildMessage): void {
    sendMessage(this.channelFd, timed(message), [], this.#left());
  }
}

/** Writes to standard error, if that is still open. */
function printLastWords(words: string): void {
  try {
    write(2, new TextEncoder().encode(words));
  } catch {
    // The exit status shows the failure too.
  }
}
