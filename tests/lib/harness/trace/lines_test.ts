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
const ELSEWHERE = { ...CALL, tid: null, text: "poll(fds: →, nfds: 1, timeout: 1) = 0" };
const DETAIL = { kind: "detail", began: CALL.began, text: "  fds[0]: struct pollfd" } as const;

function taken(...pieces: string[]) {
  const told: TracePiece[] = [];
  const lines = new TraceLines((piece) => told.push(piece));
  return { words: pieces.map((piece) => lines.take(piece)).join(""), told };
}

Deno.test("TraceLines tells the trace from other words, however the pipe cuts them", () => {
  const all = `${encodePiece(CALL)}error: no\n${encodePiece(DETAIL)}${encodePiece(ELSEWHERE)}last`;
  const expected = { words: "error: no\nlast", told: [CALL, DETAIL, ELSEWHERE] };
  assertEquals(taken(all), expected);
  assertEquals(taken(...all), expected);
});

Deno.test("TraceLines lets nothing of the child's reach the terminal as it is", () => {
  const { told } = taken(`${TRACE_MARK}1 detail \x1b[2J\u202e\ud800\r\n`);
  assertEquals(told, [{ kind: "detail", began: 1, text: "\\u{1b}[2J\\u{202e}\ufffd\\u{d}" }]);
});

Deno.test("TraceLines takes what is not as it should be for other words", () => {
  const wrong = [
    ...["", "close(fd: 7) = 0", "1 detail", "-1 detail x", "1e9 detail x", "NaN detail x"],
    ...["1 2 close() = 0", "1 -2 15 close() = 0", "1 2 other", "1 2 1e5 x"],
    "9".repeat(16) + " detail x",
  ].map((line) => `${TRACE_MARK}${line}\n`);
  assertEquals(taken(...wrong), { words: wrong.join(""), told: [] });
});

Deno.test("TraceLines keeps the beginning of a line that has no end", () => {
  const { told, words } = taken(
    `${TRACE_MARK}1 detail `,
    ...Array(100).fill("x".repeat(1000)),
    "\n",
    encodePiece(CALL),
  );
  assertEquals([words, told.length, told[1]], ["", 2, CALL]);
  assertEquals(told[0].text, "x".repeat(4096 - `${TRACE_MARK}1 detail `.length));
});

Deno.test("renderPiece() gives every line of a call its time, so that sort puts two processes into one order", () => {
  assertEquals(
    renderPiece("child", CALL),
    "[child]  12:27:26.501125 15 close(fd: 7) = 0 <0.013 ms>\n",
  );
  assertEquals(
    renderPiece("parent", ELSEWHERE),
    "[parent] 12:27:26.501125 another thread poll(fds: →, nfds: 1, timeout: 1) = 0 <0.013 ms>\n",
  );
  assertEquals(
    renderPiece("child", DETAIL),
    "[child]  12:27:26.501125       fds[0]: struct pollfd\n",
  );
});
