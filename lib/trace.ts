/**
 * Where the trace of libc's calls goes: the parent's to its standard error; the child's to its own, which is a pipe that the parent reads,
 * so that only the parent prints. Each line of the child's trace begins with a mark, by which the parent tells it from its last words.
 *
 * @module
 */

import { traceCalls } from "../ffi/trace.ts";
import { escapeText } from "./report/escape.ts";
import { MARK } from "./trace_lines.ts";

const clock = (milliseconds: number) => {
  const micro = Math.round(milliseconds % 1000 * 1000);
  const [seconds] = new Date(milliseconds).toISOString().slice(11).split(".");
  return `${seconds}.${String(micro).padStart(6, "0")}`;
};

/**
 * Traces this process from now on.
 *
 * @param side Whose process it is; the parent's lines are printed, the child's marked for it.
 */
export function startTrace(side: "parent" | "child"): void {
  const before = side === "parent" ? "[parent] " : MARK;
  const encoder = new TextEncoder();
  traceCalls(({ began, milliseconds, tid, line, details }) => {
    const head = `${clock(began)} ${tid ?? "another thread"} ${line} <${
      milliseconds.toFixed(3)
    } ms>`;
    const lines = [head, ...details.map((detail) => `    ${detail}`)];
    const text = lines.map((each) => `${before}${escapeText(each)}\n`).join("");
    const bytes = encoder.encode(text);
    try {
      for (let written = 0; written < bytes.length;) {
        written += Deno.stderr.writeSync(bytes.subarray(written));
      }
    } catch {
      // Nobody reads it.
    }
  });
}
