/**
 * Where the calls of parent and children come together: printed as they are heard (`--trace`), and kept for the evidence, so many of them.
 *
 * @module
 */

import type { Side } from "../../evidence/checks.ts";
import type { KeepCall } from "../../evidence/record.ts";
import { write } from "../../host/streams.ts";
import { renderPiece, type TracePiece } from "./lines.ts";

/** Hears the calls of every process of a run. */
export class Tracing {
  readonly #prints: boolean;
  #keep: KeepCall | undefined;
  #isPaused = false;
  /** Of whom no more are taken: a child that says too much takes nothing of the parent's place. */
  readonly #full = new Set<Side>();

  /** @param prints Whether every line is printed on standard error as well. */
  constructor(prints: boolean) {
    this.#prints = prints;
  }

  /** What a child is to tell. */
  get wanted(): "structures" | "calls" {
    return this.#prints ? "structures" : "calls";
  }

  /** Begins to tell this process's own calls. */
  async start(): Promise<void> {
    const { traceProcess } = await import("./local.ts");
    traceProcess(
      (piece) => this.heard("parent", Deno.pid, piece),
      () => !this.#isPaused && (this.#prints || this.#isKept("parent")),
    );
  }

  /**
   * Leaves this process's calls out until it is disposed of: a look at the child takes a thousand, which would hide the few that are the procedure.
   */
  paused(): Disposable {
    this.#isPaused = true;
    return { [Symbol.dispose]: () => void (this.#isPaused = false) };
  }

  /** Gives calls to somebody who keeps them, until this is disposed of, or no more are taken. */
  keptBy(keep: KeepCall): Disposable {
    this.#keep = keep;
    this.#full.clear();
    return { [Symbol.dispose]: () => this.#keep = undefined };
  }

  /** Takes a line of a process's trace. */
  heard(side: Side, pid: number, piece: TracePiece): void {
    if (this.#prints) write(Deno.stderr, renderPiece(side, piece));
    if (piece.kind !== "call" || !this.#isKept(side)) return;
    if (!this.#keep!(side, pid, piece)) this.#full.add(side);
  }

  #isKept(side: Side): boolean {
    return this.#keep !== undefined && !this.#full.has(side);
  }
}
