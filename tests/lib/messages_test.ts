import { assertEquals, assertThrows } from "@std/assert";
import { asTexts, parseChildMessage, parseParentMessage } from "../../lib/messages.ts";
import { ExperimentError } from "../../lib/outcome.ts";

const check = { type: "check", id: "DROP-01", status: "pass", observed: "", evidence: {} };
const packet = {
  ...{ type: "packet", bytes: 60, head: "AAAA", timestamp_ns: "1" },
  stamped_by: "kernel",
};

Deno.test("parseChildMessage() takes what the protocol has", () => {
  for (
    const message of [
      { type: "step", title: "…", privileged: true },
      { type: "note", text: "…", checks: [] },
      { type: "done", text: "…", checks: ["DROP-01"] },
      { type: "detail", text: "…" },
      check,
      packet,
      { ...packet, stamped_by: "child" },
      { type: "reached", stage: "ready", detail: { dropped_ns: "1" } },
      { type: "failed", message: "…" },
    ]
  ) assertEquals<unknown>(parseChildMessage(JSON.stringify(message)), message);
});

Deno.test("parseChildMessage() drops fields that the protocol has not", () => {
  assertEquals<unknown>(
    parseChildMessage('{"type":"detail","text":"…","__proto__":{"type":"check"},"exit":0}'),
    { type: "detail", text: "…" },
  );
});

Deno.test("parseChildMessage() refuses everything else", () => {
  for (
    const text of [
      "",
      "not JSON",
      "null",
      "[]",
      "1",
      "{}",
      '{"type":"verdict","verdict":"PASS"}',
      '{"__proto__":{"type":"failed","message":""}}',
      ...[
        { ...check, id: "DROP-99" },
        { ...check, id: "toString" },
        { ...check, status: "PASS" },
        { ...check, observed: 1 },
        { ...check, observed: "x".repeat(4097) },
        { ...check, evidence: null },
        { ...check, evidence: [] },
        { ...packet, bytes: -1 },
        { ...packet, bytes: 1.5 },
        { ...packet, bytes: "60" },
        { ...packet, head: "A".repeat(1000) },
        { ...packet, head: "not base64!" },
        { ...packet, timestamp_ns: 1 },
        { ...packet, timestamp_ns: "-1" },
        { ...packet, timestamp_ns: "1e9" },
        { ...packet, stamped_by: "parent" },
        { ...packet, stamped_by: undefined },
        { ...packet, stamped_by: ["kernel"] },
        { type: "done", text: "…", checks: ["DROP-99"] },
        { type: "done", text: "…", checks: "DROP-01" },
        { type: "step", title: "…", privileged: "yes" },
      ].map((message) => JSON.stringify(message)),
    ]
  ) assertThrows(() => parseChildMessage(text), ExperimentError, "protocol", text);
});

Deno.test("parseParentMessage() refuses another message than the one that is to come", () => {
  assertEquals(parseParentMessage('{"type":"enough"}', "enough"), { type: "enough" });
  assertThrows(() => parseParentMessage('{"type":"enough"}', "socket"), ExperimentError);
});

Deno.test("asTexts() takes a list of short texts, of a length", () => {
  assertEquals(asTexts([], "words", 2), []);
  assertEquals(asTexts(["a", "x".repeat(128)], "words", 2), ["a", "x".repeat(128)]);
  const wrong = [["a", "b", "c"], "ab", null, undefined, {}, { length: 1, 0: "a" }, [1], [null]];
  for (const value of [...wrong, ["x".repeat(129)], [["a"]]]) {
    assertThrows(() => asTexts(value, "words", 2), ExperimentError, "words is not");
  }
});
