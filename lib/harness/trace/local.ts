/**
 * Traces the libc calls of this process. Each call is reported before the program continues, so the
 * trace of a process that dies is complete.
 *
 * @module
 */

import { traceCalls } from "../../../ffi/trace/trace.ts";
import { write } from "../../host/streams.ts";
import { encodePiece, type TracePiece } from "./lines.ts";

/** The most calls that a child reports without structures: the evidence keeps no more. */
const CALL_LIMIT = 2000;

/**
 * Reports every call from now on.
 *
 * @param report Receives each call, and then the lines about its structures.
 * @param isWanted Whether calls are reported at the moment.
 */
export function traceProcess(report: (piece: TracePiece) => void, isWanted: () => boolean): void {
  traceCalls(({ began, milliseconds, tid, line, details }) => {
    report({ kind: "call", began, milliseconds, tid, text: line });
    for (const text of details) report({ kind: "detail", began, text });
  }, isWanted);
}

/**
 * Reports every call of a child to its parent, through standard error, a pipe that the parent
 * reads.
 *
 * @param wanted Whether the structures are reported too, or the calls alone.
 */
export function traceChild(wanted: "structures" | "calls"): void {
  let reported = 0;
  traceProcess((piece) => {
    if (wanted === "calls" && piece.kind === "detail") return;
    reported++;
    write(Deno.stderr, encodePiece(piece)); // a failed write does not stop the child
  }, () => wanted === "structures" || reported < CALL_LIMIT);
}
