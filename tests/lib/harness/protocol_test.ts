import { assert, assertEquals, assertThrows } from "@std/assert";
import { parseChildMessage, sentTime, timed } from "../../../lib/harness/protocol.ts";
import { ExperimentError } from "../../../lib/evidence/errors.ts";

const check = { type: "check", id: "DROP-01", status: "pass", observed: "", evidence: {} };
const packet = {
  ...{ type: "packet", bytes: 60, head: "AAAA", timestamp_ns: "1" },
  stamped_by: "kernel",
};

/** Objects nested `depth` deep. */
function nested(depth: number): unknown {
  return depth === 0 ? 0 : { a: nested(depth - 1) };
}

Deno.test("parseChildMessage() accepts every message of the protocol", () => {
  for (
    const message of [
      { type: "step", title: "…", privileged: true },
      { type: "note", text: "…", checks: [] },
      { type: "done", text: "…", checks: ["DROP-01"] },
      { type: "detail", text: "…" },
      check,
      packet,
      { ...packet, stamped_by: "child" },
      { ...packet, vlan: { tpid: 0x8100, tci: 5 } },
      { ...packet, vlan: { tpid: 0, tci: 0xffff } },
      { ...packet, bytes: 3, timestamp_ns: "18446744073709551615" },
      { type: "reached", stage: "ready", detail: { dropped_ns: "1" } },
      { type: "reached", stage: "ready", detail: nested(16) },
      { type: "failed", message: "…" },
      { type: "failed", message: "…", call: { syscall: "seccomp", errno: 1 } },
    ]
  ) assertEquals<unknown>(parseChildMessage(JSON.stringify(message)), message);
});

Deno.test("parseChildMessage() drops fields that are not in the protocol", () => {
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
      '{"type":"reached","stage":"ready","detail":{"__proto__":{}}}',
      '{"type":"reached","stage":"ready","detail":{"n":1e999}}',
      '{"type":"reached","stage":"ready","detail":{"\\ud800":1}}',
      `{"type":"reached","stage":"ready","detail":{"a":${"[".repeat(30_000)}${
        "]".repeat(30_000)
      }}}`,
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
        { ...packet, timestamp_ns: "18446744073709551616" },
        { ...packet, bytes: 2 },
        { ...packet, vlan: null },
        { ...packet, vlan: [0x8100, 5] },
        { ...packet, vlan: { tpid: 0x8100 } },
        { ...packet, vlan: { tpid: 0x10000, tci: 5 } },
        { ...packet, vlan: { tpid: 0x8100, tci: -1 } },
        { ...check, evidence: { a: [{ constructor: 1 }] } },
        { type: "detail", text: "\ud800" },
        { type: "reached", stage: "ready", detail: nested(17) },
        { type: "done", text: "…", checks: ["DROP-99"] },
        { type: "done", text: "…", checks: "DROP-01" },
        { type: "step", title: "…", privileged: "yes" },
      ].map((message) => JSON.stringify(message)),
    ]
  ) assertThrows(() => parseChildMessage(text), ExperimentError, "protocol", text);
});

Deno.test("sentTime() returns the time that the child put before its message, if it is well formed", () => {
  const before = performance.timeOrigin + performance.now();
  const message = { type: "detail", text: "…" } as const;
  const text = JSON.stringify(timed(message));
  const at = sentTime(text)!;
  assert(at >= before && at <= performance.timeOrigin + performance.now(), `${at}`);
  assertEquals(parseChildMessage(text), message);
  for (const wrong of ["-1", "1e9", '"1"', "null", "9".repeat(16), "[1]", "NaN", "1.2.3"]) {
    assertEquals(sentTime(`{"at":${wrong},"type":"detail","text":"…"}`), undefined);
  }
  // It counts only as the first field of the message itself.
  assertEquals(sentTime('{"type":"detail","text":"…","at":1}'), undefined);
  assertEquals(sentTime('{"type":"detail","text":"{\\"at\\":1,"}'), undefined);
});
