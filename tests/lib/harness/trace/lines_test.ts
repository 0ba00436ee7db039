import { assertEquals } from "@std/assert";
import {
  encodePiece,
  renderPiece,
  TRACE_MARK,
  TraceLines,
  type TracePiece,
} from "../../../../lib/harness/trace/lines.ts";

const CALL = {
  ...{ kind: "call", began: 1795436846501.125, milliseconds: 0.013, tid: 15 },
  text: "close(fd: 7) = 0",
} as const satisfies TracePiece;
const OTHER_THREAD = { ...CALL, tid: null, text: "poll(fds: →, nfds: 1, timeout: 1) = 0" };
const DETAIL = { kind: "detail", began: CALL.began, text: "  fds[0]: struct pollfd" } as const;

/** Feeds chunks of output to TraceLines. Returns the trace in them, and the rest. */
function separated(...chunks: string[]) {
  const trace: TracePiece[] = [];
  const lines = new TraceLines((piece) => trace.push(piece));
  return { rest: chunks.map((chunk) => lines.take(chunk)).join(""), trace };
}

Deno.test("TraceLines separates the trace from other output, wherever the pipe splits it", () => {
  const all = `${encodePiece(CALL)}error: no\n${encodePiece(DETAIL)}${
    encodePiece(OTHER_THREAD)
  }last`;
  const expected = { rest: "error: no\nlast", trace: [CALL, DETAIL, OTHER_THREAD] };
  assertEquals(separated(all), expected);
  assertEquals(separated(...all), expected); // character by character
});

Deno.test("TraceLines escapes what the child writes, so that it cannot control the terminal", () => {
  const { trace } = separated(`${TRACE_MARK}1 detail \x1b[2J\u202e\ud800\r\n`);
  assertEquals(trace, [{ kind: "detail", began: 1, text: "\\u{1b}[2J\\u{202e}\ufffd\\u{d}" }]);
});

Deno.test("TraceLines treats a malformed line as ordinary output", () => {
  const malformed = [
    ...["", "close(fd: 7) = 0", "1 detail", "-1 detail x", "1e9 detail x", "NaN detail x"],
    ...["1 2 close() = 0", "1 -2 15 close() = 0", "1 2 other", "1 2 1e5 x"],
    "9".repeat(16) + " detail x",
  ].map((line) => `${TRACE_MARK}${line}\n`);
  assertEquals(separated(...malformed), { rest: malformed.join(""), trace: [] });
});

Deno.test("TraceLines cuts a line that is too long", () => {
  const { trace, rest } = separated(
    `${TRACE_MARK}1 detail `,
    ...Array(100).fill("x".repeat(1000)),
    "\n",
    encodePiece(CALL),
  );
  assertEquals([rest, trace.length, trace[1]], ["", 2, CALL]);
  assertEquals(trace[0].text, "x".repeat(4096 - `${TRACE_MARK}1 detail `.length));
});

Deno.test("renderPiece() puts the time of the call on every line, so that sort(1) merges two processes", () => {
  assertEquals(
    renderPiece("child", CALL),
    "[child]  12:27:26.501125 15 close(fd: 7) = 0 <0.013 ms>\n",
  );
  assertEquals(
    renderPiece("parent", OTHER_THREAD),
    "[parent] 12:27:26.501125 another thread poll(fds: →, nfds: 1, timeout: 1) = 0 <0.013 ms>\n",
  );
  assertEquals(
    renderPiece("child", DETAIL),
    "[child]  12:27:26.501125       fds[0]: struct pollfd\n",
  );
});
