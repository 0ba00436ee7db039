/**
 * Collects the libc calls of the parent and its children: prints them as they arrive (`--trace`),
 * and keeps a limited number as evidence.
 *
 * @module
 */

import type { Side } from "../../evidence/checks.ts";
import type { KeepCall } from "../../evidence/record.ts";
import { write } from "../../host/streams.ts";
import { renderPiece, type TracePiece } from "./lines.ts";

/** Receives the calls of every process of a run. */
export class Tracing {
  readonly #prints: boolean;
  #keep: KeepCall | undefined;
  #isPaused = false;
  /**
   * The sides whose share is used up. Each has its own, so a chatty child costs the parent nothing.
   */
  readonly #full = new Set<Side>();

  /** @param prints Whether every line is also printed on standard error. */
  constructor(prints: boolean) {
    this.#prints = prints;
  }

  /** How much a child must report: every call with its structures, or the calls alone. */
  get wanted(): "structures" | "calls" {
    return this.#prints ? "structures" : "calls";
  }

  /** Starts to trace the calls of this process. */
  async start(): Promise<void> {
    const { traceProcess } = await import("./local.ts");
    traceProcess(
      (piece) => this.receive("parent", Deno.pid, piece),
      () => !this.#isPaused && (this.#prints || this.#isKept("parent")),
    );
  }

  /**
   * Leaves out the calls of this process until the result is disposed of. Inspecting the child
   * takes a thousand calls, which would bury those of the procedure.
   */
  paused(): Disposable {
    this.#isPaused = true;
    return { [Symbol.dispose]: () => void (this.#isPaused = false) };
  }

  /** Passes calls to `keep` until the result is disposed of, or `keep` takes no more. */
  keptBy(keep: KeepCall): Disposable {
    this.#keep = keep;
    this.#full.clear();
    return { [Symbol.dispose]: () => this.#keep = undefined };
  }

  /** Receives one piece of a process's trace. */
  receive(side: Side, pid: number, piece: TracePiece): void {
    if (this.#prints) write(Deno.stderr, renderPiece(side, piece));
    if (piece.kind !== "call" || !this.#isKept(side)) return;
    if (!this.#keep!(side, pid, piece)) this.#full.add(side);
  }

  #isKept(side: Side): boolean {
    return this.#keep !== undefined && !this.#full.has(side);
  }
}
