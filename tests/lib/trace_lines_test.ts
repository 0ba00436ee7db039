import { assertEquals } from "@std/assert";
import { MARK, TraceLines } from "../../lib/trace_lines.ts";

function taken(...pieces: string[]) {
  const printed: string[] = [];
  const lines = new TraceLines((line) => printed.push(line));
  return { words: pieces.map((piece) => lines.take(piece)).join(""), printed };
}

Deno.test("TraceLines tells the trace from other words, however the pipe cuts them", () => {
  const all = `${MARK}one\nerror: no\n${MARK}two\nlast words`;
  const expected = { words: "error: no\nlast words", printed: ["one", "two"] };
  assertEquals(taken(all), expected);
  assertEquals(taken(...all), expected);
});

Deno.test("TraceLines lets nothing of the child's reach the terminal as it is", () => {
  assertEquals(taken(`${MARK}\x1b[2J\u202e\r\n`).printed, ["\\u{1b}[2J\\u{202e}\\u{d}"]);
});

Deno.test("TraceLines keeps no more than a line that has an end", () => {
  const { printed, words } = taken(MARK, ...Array(100).fill("x".repeat(1000)), "\n");
  assertEquals(words, "");
  assertEquals(printed.join("").length, 100_000);
  assertEquals(Math.max(...printed.map((line) => line.length)) < 6000, true);
});
