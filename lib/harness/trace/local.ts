/**
 * The calls of libc's that this process makes, told one by one, before the program goes on: nothing is held back, so a process that dies has
 * told all that it did.
 *
 * @module
 */

import { traceCalls } from "../../../ffi/trace/trace.ts";
import { write } from "../../host/streams.ts";
import { encodePiece, type TracePiece } from "./lines.ts";

/** The most calls of one child that are told without their structures: what they are told for keeps no more of them. */
const CALL_LIMIT = 2000;

/**
 * Tells every call from now on.
 *
 * @param report Is given each call, and after it the lines of its structures.
 * @param isWanted Whether anything is to be told at the moment.
 */
export function traceProcess(report: (piece: TracePiece) => void, isWanted: () => boolean): void {
  traceCalls(({ began, milliseconds, tid, line, details }) => {
    report({ kind: "call", began, milliseconds, tid, text: line });
    for (const text of details) report({ kind: "detail", began, text });
  }, isWanted);
}

/**
 * Tells every call of a child to its parent, through standard error, which is a pipe that the parent reads.
 *
 * @param wanted Whether the structures are told as well, or the calls alone.
 */
export function traceChild(wanted: "structures" | "calls"): void {
  let told = 0;
  traceProcess((piece) => {
    if (wanted === "calls" && piece.kind === "detail") return;
    told++;
    write(Deno.stderr, encodePiece(piece)); // if nobody reads it, the child's work goes on
  }, () => wanted === "structures" || told < CALL_LIMIT);
}
