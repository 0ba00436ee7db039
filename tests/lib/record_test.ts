import { assert, assertEquals, assertThrows } from "@std/assert";
import { judged } from "../../lib/evidence.ts";
import { privilegeDrop } from "../../lib/experiments/privilege_drop.ts";
import { ExperimentError } from "../../lib/outcome.ts";
import { ExperimentRecord } from "../../lib/record.ts";
import { describeCheck } from "../../lib/checks.ts";

const CONCLUSION = { headline: "", points: [], decision: "" };
const pass = judged(true, "");

function allPassed(): ExperimentRecord {
  const record = new ExperimentRecord(privilegeDrop);
  for (const id of privilegeDrop.plan) record.find(describeCheck(id).side, id, pass);
  return record;
}

Deno.test("ExperimentRecord.close() is PASS when all of the plan holds", () => {
  assertEquals(allPassed().close(CONCLUSION, null).verdict, "PASS");
});

Deno.test("ExperimentRecord.close() is not PASS when everything holds and yet the run ended in error", () => {
  const evidence = allPassed().close(null, "the child was killed");
  assertEquals([evidence.verdict, evidence.conclusion], ["FAIL", null]);
});

Deno.test("ExperimentRecord.close() lists a planned check that never ran as failed", () => {
  const record = new ExperimentRecord(privilegeDrop);
  record.find("parent", "SOCK-01", pass);
  const { checks, verdict } = record.close(CONCLUSION, null);
  assertEquals(checks.map(({ id }) => id), [...privilegeDrop.plan]);
  assertEquals(checks[0].status, "pass");
  assertEquals(checks.slice(1).every(({ status }) => status === "fail"), true);
  assertEquals(verdict, "FAIL");
});

Deno.test("ExperimentRecord.find() refuses the other side's checks", () => {
  const record = new ExperimentRecord(privilegeDrop);
  assertThrows(() => record.find("child", "RECV-01", pass), ExperimentError);
  assertThrows(() => record.find("parent", "DROP-01", pass), ExperimentError);
});

Deno.test("ExperimentRecord.find() refuses a second finding, and fails the check", () => {
  const record = new ExperimentRecord(privilegeDrop);
  record.find("child", "DROP-01", pass);
  assertThrows(() => record.find("child", "DROP-01", pass), ExperimentError, "twice");
  const { checks } = record.close(null, null);
  assertEquals(checks.find(({ id }) => id === "DROP-01")?.status, "fail");
});

Deno.test("ExperimentRecord.corroborate() lets neither side outvote the other's fail", () => {
  for (const [said, seen] of [[true, false], [false, true], [false, false]]) {
    const record = new ExperimentRecord(privilegeDrop);
    record.find("child", "DROP-01", judged(said, "said"));
    record.corroborate("DROP-01", judged(seen, "seen"));
    const { checks } = record.close(null, null);
    assertEquals(checks.find(({ id }) => id === "DROP-01")?.status, "fail");
  }
});

Deno.test("ExperimentRecord says when a step and a line came, in their order", () => {
  const record = new ExperimentRecord(privilegeDrop);
  record.step("parent", true, "first");
  record.line({ kind: "detail", text: "a line" });
  record.step("child", false, "second");
  const { steps, duration_ms } = record.close(null, null);
  const times = [steps[0].at_ms, steps[0].lines[0].at_ms, steps[1].at_ms];
  assertEquals(times, times.toSorted((a, b) => a - b));
  assert(times[0] >= 0 && times[2] <= duration_ms + 1, times.join());
});

Deno.test("ExperimentRecord.message() counts what is said again in a step, and begins anew in the next", () => {
  const record = new ExperimentRecord(privilegeDrop);
  record.message("child", "before any step", 0);
  for (const title of ["first", "second"]) {
    record.step("parent", true, title);
    record.message("parent", "next", 0);
    record.message("child", "alive", 0);
    record.message("parent", "next", 0);
    record.message("parent", "next", 1);
  }
  const { steps } = record.close(null, null);
  for (const { lines } of steps) {
    assertEquals(
      lines.map((line) =>
        line.kind === "message" && [line.from, line.text, line.descriptors, line.times]
      ),
      [["parent", "next", 0, 2], ["child", "alive", 0, 1], ["parent", "next", 1, 1]],
    );
  }
});
