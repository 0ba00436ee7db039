import { assert, assertEquals, assertThrows } from "@std/assert";
import { judged } from "../../../lib/evidence/evidence.ts";
import { privilegeDrop } from "../../../lib/experiments/privilege_drop/experiment.ts";
import { supervisor } from "../../../lib/experiments/supervisor/experiment.ts";
import { describeCheck } from "../../../lib/evidence/checks.ts";
import { ExperimentError } from "../../../lib/evidence/errors.ts";
import {
  CALL_LENGTH,
  CALL_LIMIT,
  CHILD_TEXT_LIMIT,
  ExperimentRecord,
  UNCOUNTED_LIMIT,
} from "../../../lib/evidence/record.ts";
import { storedInspection } from "../../support/stored.ts";

/** The experiment, with every check decided by the parent. */
const EXPERIMENT = { ...privilegeDrop, byChildsWord: [] };
const CONCLUSION = { headline: "", points: [], decision: "" };
const pass = judged(true, "");

function allPassed(): ExperimentRecord {
  const record = new ExperimentRecord(EXPERIMENT);
  for (const id of privilegeDrop.plan) record.decide(id, pass, ["parent"]);
  return record;
}

Deno.test("ExperimentRecord.close() is PASS if every planned check holds", () => {
  assertEquals(allPassed().close(CONCLUSION, null).verdict, "PASS");
});

Deno.test("ExperimentRecord.close() is never PASS if the experiment ended early", () => {
  for (const [isChilds, expected] of [[true, "FAIL"], [false, "INCONCLUSIVE"]] as const) {
    const end = { message: "it ended early", isChilds };
    const { verdict, conclusion, error } = allPassed().close(CONCLUSION, end);
    assertEquals([verdict, conclusion, error], [expected, null, "it ended early"]);
  }
});

Deno.test("ExperimentRecord.close() leaves a check open that the surroundings did not let run", () => {
  for (const [seen, expected] of [[pass, "INCONCLUSIVE"], [judged(false, ""), "FAIL"]] as const) {
    const record = new ExperimentRecord(EXPERIMENT);
    record.decide("SOCK-01", seen, ["parent"]);
    const end = { message: "no descriptor is left", isChilds: false };
    const { checks, verdict } = record.close(CONCLUSION, end);
    assertEquals(verdict, expected, "a claim that was refuted before stays refuted");
    assertEquals(new Set(checks.slice(1).map(({ status }) => status)), new Set(["skip"]));
  }
});

Deno.test("ExperimentRecord.close() lists a planned check that never ran as failed", () => {
  const record = new ExperimentRecord(EXPERIMENT);
  record.decide("SOCK-01", pass, ["parent"]);
  const { checks, verdict } = record.close(CONCLUSION, null);
  assertEquals(checks.map(({ id }) => id), [...privilegeDrop.plan]);
  assertEquals(checks[0].status, "pass");
  assertEquals(checks.slice(1).every(({ status }) => status === "fail"), true);
  assertEquals(verdict, "FAIL");
});

Deno.test("ExperimentRecord refuses findings and opinions of checks that are not in the plan", () => {
  const record = new ExperimentRecord(EXPERIMENT);
  const message = "SUPER-01 is not a check of this experiment";
  assertThrows(() => record.opinion("SUPER-01", pass), ExperimentError, message);
  assertThrows(() => record.decide("SUPER-01", pass, ["parent"]), ExperimentError, message);
  const more = new ExperimentRecord(EXPERIMENT, ["SUPER-01"]);
  more.opinion("SUPER-01", pass);
  more.decide("SUPER-01", pass, ["parent"]);
});

Deno.test("ExperimentRecord.interfaceChanged() makes a PASS INCONCLUSIVE, whatever had been shown", () => {
  const event = '"eth0" went down during the run';
  for (const byChildsWord of [[], supervisor.plan]) {
    for (const { plan } of [privilegeDrop, supervisor]) {
      const record = new ExperimentRecord({ ...EXPERIMENT, plan, byChildsWord });
      for (const id of plan) record.decide(id, pass, ["parent"]);
      record.interfaceChanged(event);
      const { verdict, checks, conclusion } = record.close(CONCLUSION, {
        message: event,
        isChilds: false,
      });
      assertEquals([verdict, conclusion], ["INCONCLUSIVE", null]);
      const open = checks.filter(({ status }) => status !== "pass");
      assertEquals(new Set(open.map(({ observed }) => observed)), new Set([event]));
    }
  }
});

Deno.test("ExperimentRecord.interfaceChanged() leaves a refuted claim refuted, unless it rests on the interface", () => {
  const fail = judged(false, "");
  for (const id of privilegeDrop.plan) {
    const record = new ExperimentRecord(EXPERIMENT);
    record.decide(id, fail, ["parent"]);
    record.interfaceChanged("it went down");
    const { verdict } = record.close(null, null);
    assertEquals(verdict, describeCheck(id).restsOnInterface ? "INCONCLUSIVE" : "FAIL", id);
  }
  const record = new ExperimentRecord(EXPERIMENT);
  record.decide("RECV-01", fail, ["parent"], false);
  record.interfaceChanged("it went down");
  assertEquals(record.close(null, null).verdict, "FAIL");
});

Deno.test("ExperimentRecord.skipRest() makes it INCONCLUSIVE, also if checks rest on the child's word", () => {
  for (const byChildsWord of [[], privilegeDrop.plan]) {
    const record = new ExperimentRecord({ ...EXPERIMENT, byChildsWord });
    record.skipRest("nothing here");
    const { verdict, checks } = record.close(null, null);
    assertEquals(verdict, "INCONCLUSIVE");
    assertEquals(new Set(checks.map(({ observed }) => observed)), new Set(["nothing here"]));
  }
});

Deno.test("ExperimentRecord.close() names the child as a source only where a check rests on its word", () => {
  const record = new ExperimentRecord({ ...EXPERIMENT, byChildsWord: ["DENY-01"] });
  for (const id of EXPERIMENT.plan) {
    record.opinion(id, pass);
    if (id !== "DENY-01") record.decide(id, pass, ["parent", "answer"]);
  }
  const { checks, verdict } = record.close(CONCLUSION, null);
  assertEquals(verdict, "PASS");
  for (const { id, seen_by } of checks) {
    assertEquals(seen_by, id === "DENY-01" ? ["child"] : ["parent", "answer"]);
  }
});

Deno.test("ExperimentRecord.opinion() counts the opinions that it keeps, and no others", () => {
  const record = new ExperimentRecord(EXPERIMENT);
  const tenth = judged(false, "x".repeat(CHILD_TEXT_LIMIT / 10));
  for (let times = 0; times < 100; times++) {
    record.opinion("DROP-01", tenth);
    record.opinion("DROP-02", { ...tenth, status: "pass" });
    record.opinion("DROP-02", { ...tenth, status: "skip" });
  }
  const flood = () => EXPERIMENT.plan.forEach((id) => record.opinion(id, tenth));
  assertThrows(flood, ExperimentError, "sends too much");
});

Deno.test("ExperimentRecord gives steps and lines their times, in order", () => {
  const record = new ExperimentRecord(EXPERIMENT);
  record.step("parent", true, "first");
  record.line({ kind: "detail", text: "a line" });
  record.step("child", false, "second");
  const { steps, duration_ms } = record.close(null, null);
  const times = [steps[0].at_ms, steps[0].lines[0].at_ms, steps[1].at_ms];
  assertEquals(times, times.toSorted((a, b) => a - b));
  assert(times[0] >= 0 && times[2] <= duration_ms + 1, times.join());
});

Deno.test("ExperimentRecord.message() counts equal messages within a step", () => {
  const record = new ExperimentRecord(EXPERIMENT);
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

/** The current time in milliseconds since 1970, as a child reports it. */
const now = () => performance.timeOrigin + performance.now();

Deno.test("ExperimentRecord corrects a child's times in the future or before the beginning", () => {
  const record = new ExperimentRecord(EXPERIMENT);
  for (const at of [now() + 1e6, 0, Infinity, now()]) record.step("child", false, "a step", at);
  const { steps, duration_ms } = record.close(null, null);
  const [late, early, never, rightly] = steps.map(({ at_ms }) => at_ms);
  assertEquals(early, 0);
  for (const at of [late, never, rightly]) assert(at >= 0 && at <= duration_ms + 1, `${at}`);
});

Deno.test("ExperimentRecord keeps calls in order of time, up to a number and a length", () => {
  const call = { kind: "call", milliseconds: 0.5, tid: 7, began: now() } as const;
  const none = new ExperimentRecord(EXPERIMENT);
  assertEquals(none.close(null, null).calls, null);

  const record = new ExperimentRecord(EXPERIMENT);
  const later = { ...call, began: now(), text: "x".repeat(CALL_LENGTH + 1) };
  assertEquals(record.call("child", 7, later), true);
  assertEquals(record.call("parent", 6, { ...call, tid: null, began: 0, text: "close()" }), true);
  const { list, cut } = record.close(null, null).calls!;
  assertEquals(list.map(({ side, pid, tid, took_ms }) => [side, pid, tid, took_ms]), [
    ["parent", 6, null, 0.5],
    ["child", 7, 7, 0.5],
  ]);
  assertEquals([list[0].at_ms, list[0].text, cut], [0, "close()", false]);
  assertEquals(list[1].text, `${"x".repeat(CALL_LENGTH - 1)}…`);

  for (let i = 1; i < CALL_LIMIT; i++) record.call("child", 7, later);
  assertEquals(record.close(null, null).calls!.cut, false);
  assertEquals(record.call("child", 7, later), false);
  const full = record.close(null, null).calls!;
  assertEquals([full.list.length, full.cut], [CALL_LIMIT + 1, true]);
  assertEquals(record.call("parent", 6, later), true);
});

Deno.test("ExperimentRecord.countChildText() throws if the children have sent too much", () => {
  const record = new ExperimentRecord(EXPERIMENT);
  const tenth = "x".repeat(CHILD_TEXT_LIMIT / 10 - 1000);
  for (let times = 0; times < 10; times++) record.countChildText(tenth);
  assertThrows(() => record.countChildText(tenth), ExperimentError, "sends too much");
  // Short texts count as well.
  const other = new ExperimentRecord(EXPERIMENT);
  const flood = () => {
    for (let i = 0; i < CHILD_TEXT_LIMIT / 100; i++) other.countChildText("");
  };
  assertThrows(flood, ExperimentError, "sends too much");
});

Deno.test("ExperimentRecord.packet() keeps all packets that count, and a limited number of others", () => {
  const record = new ExperimentRecord(EXPERIMENT);
  record.step("child", false, "…");
  const packet = {
    bytes: 60,
    head: "",
    after_drop: true,
    ours: false,
    summary: "",
    timestamp_ns: "1",
    stamped_by: "kernel",
  } as const;
  for (let i = 0; i < UNCOUNTED_LIMIT + 7; i++) record.packet(packet, 0);
  for (let number = 1; number <= 3; number++) record.packet(packet, number);
  const { packets, figures, steps } = record.close(null, null);
  assertEquals([packets.length, figures.packets_not_kept], [UNCOUNTED_LIMIT + 3, 7]);
  assertEquals(steps[0].lines.length, packets.length);
});

Deno.test("ExperimentRecord.line() throws for a check that is not in the plan", () => {
  const record = new ExperimentRecord(EXPERIMENT);
  record.step("child", false, "…");
  record.line({ kind: "done", text: "…", checks: ["DROP-01"] });
  assertThrows(
    () => record.line({ kind: "done", text: "…", checks: ["DROP-01", "SUPER-01"] }),
    ExperimentError,
    "SUPER-01 is not a check of this experiment",
  );
});

Deno.test("ExperimentRecord.process() puts the inspected process into the evidence", () => {
  const { process } = storedInspection().experiments[0];
  const record = new ExperimentRecord(EXPERIMENT);
  assertEquals(record.close(null, null).process, null);
  record.process(process!);
  assertEquals(record.close(null, null).process, process);
});
