/**
 * The child's side of a running experiment: what its program calls. Everything that it says goes to the parent over the
 * control channel; it prints nothing but, if that fails, its last words.
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

/** What the child's program calls. */
export class ChildRun {
  /**
   * @param channelFd The child's end of the control channel.
   * @param deadline When the run must end, in milliseconds since 1970.
   */
  constructor(readonly channelFd: number, readonly deadline: number) {}

  /** Set by a program that has put a filter on itself: names the rule that refused a system call. */
  explain: (syscall: string) => string | undefined = () => undefined;

  /** Begins a step of the child's; the transcript says whether it was still root. */
  step(title: string): void {
    this.#say({ type: "step", title, privileged: getresuid().effective === 0 });
  }

  /** Says that something is done, and which checks are behind it. */
  done(text: string, ...checks: CheckId[]): void {
    this.#say({ type: "done", text, checks });
  }

  /** Says something. */
  note(text: string, ...checks: CheckId[]): void {
    this.#say({ type: "note", text, checks });
  }

  /** Says something that only the thorough reader wants. */
  detail(text: string): void {
    this.#say({ type: "detail", text });
  }

  /** Says what the child makes of a check: a second opinion, beside what the parent sees. */
  check(id: CheckId, finding: Finding): void {
    this.#say({ type: "check", id, ...finding });
  }

  /** Reports several findings of the child, each by {@linkcode check}. */
  checks(findings: Readonly<Partial<Record<CheckId, Finding>>>): void {
    for (const [id, finding] of Object.entries(findings)) this.check(id as CheckId, finding);
  }

  /**
   * Takes a step that is a check in itself: that it succeeds is the claim.
   *
   * @throws What the step throws; the check is then reported as failed.
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

  /** Tells the parent where the child stands. */
  reached(stage: string, detail: { [name: string]: unknown } = {}): void {
    this.#say({ type: "reached", stage, detail });
  }

  /** Hands a received frame on. */
  packet(frame: CapturedFrame): void {
    this.#say({ type: "packet", ...frame });
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

  /** Whether the parent has said something, or is gone. */
  hasParentSpoken(): boolean {
    return poll([this.channelFd], POLLIN, 0)[0] !== 0;
  }

  /**
   * Waits until a descriptor can be read, or the parent says something.
   *
   * @throws {ExperimentError} If neither happens before the run must end.
   */
  readable(fd: number): "descriptor" | "parent" {
    while (this.#left() > 0) {
      const [descriptor, parent] = poll([fd, this.channelFd], POLLIN, this.#left());
      if (parent !== 0) return "parent"; // first, or steady traffic would drown it
      if (descriptor !== 0) return "descriptor";
    }
    throw new ExperimentError("Time ran out");
  }

  /** Tells the parent why the child gives up. If the parent is gone, nobody is told. */
  failed(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    const rule = error instanceof SystemError ? this.explain(error.syscall) : undefined;
    const words = rule === undefined ? message : `${message}: ${rule}`;
    try {
      this.#say({ type: "failed", message: words });
    } catch {
      sayLast(words); // the parent reads that as well
    }
  }

  #left(): number {
    return Math.max(0, this.deadline - Date.now());
  }

  #say(message: ChildMessage): void {
    sendMessage(this.channelFd, timed(message), [], this.#left());
  }
}

/** Says something on standard error, if that can still be written to. */
function sayLast(words: string): void {
  try {
    write(2, new TextEncoder().encode(words));
  } catch {
    // The exit status says the rest.
  }
}
