/**
 * The record of an experiment, whatever a child reports: for any check, in any order and number,
 * before and after the parent looks.
 *
 * @module
 */

import fc from "fast-check";
import type { CheckId } from "../../lib/evidence/checks.ts";
import { CONFINEMENT_CHECKS } from "../../lib/evidence/checks.ts";
import {
  type ExperimentEvidence,
  type Finding,
  judged,
  skipped,
} from "../../lib/evidence/evidence.ts";
import { privilegeDrop } from "../../lib/experiments/privilege_drop/experiment.ts";
import { ExperimentRecord } from "../../lib/evidence/record.ts";
import { must, target } from "./target.ts";

/** The main job, hardened: the parent decides each check, and none may be skipped. */
const EXPERIMENT = { ...privilegeDrop, byChildsWord: [] };
const PLAN: readonly CheckId[] = [...EXPERIMENT.plan, ...CONFINEMENT_CHECKS];
type Status = Finding["status"];

/** How often each status is drawn. A lying child mostly reports pass. */
const STATUSES: readonly Status[] = ["pass", "pass", "pass", "pass", "skip", "skip", "fail"];

/** A finding of the parent's, or a report of the child's. */
interface Report {
  readonly who: "parent" | "child";
  readonly id: CheckId;
  readonly status: Status;
}

/** The findings and reports of a run, in order. */
type Run = readonly Report[];

/** Enters a run into a record. */
type Carry = (record: ExperimentRecord, run: Run) => void;

const FINDINGS: Readonly<Record<Status, Finding>> = {
  pass: judged(true, "it holds"),
  skip: skipped("cannot be seen"),
  fail: judged(false, "it does not hold"),
};

const carry: Carry = (record, run) => run.forEach((report) => carryOne(record, report));

function carryOne(record: ExperimentRecord, { who, id, status }: Report): void {
  if (who === "child") record.opinion(id, FINDINGS[status]);
  else record.decide(id, FINDINGS[status], ["parent"]);
}

/** One number encodes a report: its status, its check, and its position in the run. */
const number = fc.nat(STATUSES.length * PLAN.length * (PLAN.length + 1) - 1);

/**
 * The parent finds that each check holds, except perhaps one that it never looks at, and sometimes
 * looks again; the child reports in between.
 */
const cases = fc.tuple(
  fc.oneof({ weight: 3, arbitrary: fc.constant(-1) }, fc.nat(PLAN.length - 1)),
  fc.array(number, { maxLength: 2 }),
  fc.array(number, { maxLength: 6 }),
).map(([missing, looks, reports]): Run => {
  const run: Report[][] = Array.from({ length: PLAN.length + 1 }, () => []);
  for (const [who, numbers] of [["parent", looks], ["child", reports]] as const) {
    for (const each of numbers) {
      const status = STATUSES[each % STATUSES.length];
      const rest = Math.floor(each / STATUSES.length);
      const id = PLAN[rest % PLAN.length];
      run[Math.floor(rest / PLAN.length)].push({ who, id, status });
    }
  }
  PLAN.forEach((id, i) => {
    if (i !== missing) run[i].push({ who: "parent", id, status: "pass" });
  });
  return run.flat();
});

/** The statuses that one side gives to a check, in order. */
const statusesOf = (run: Run, id: CheckId, who: Report["who"]) =>
  run.filter((report) => report.id === id && report.who === who).map(({ status }) => status);

/** The right status of a check. */
function statusOf(run: Run, id: CheckId): Status {
  const looks = statusesOf(run, id, "parent");
  if (looks.length === 0 || looks.includes("fail")) return "fail";
  if (statusesOf(run, id, "child").includes("fail")) return "fail";
  return looks.includes("skip") ? "skip" : "pass";
}

function verdictOf(statuses: readonly Status[]): ExperimentEvidence["verdict"] {
  if (statuses.includes("fail")) return "FAIL";
  return statuses.includes("skip") ? "INCONCLUSIVE" : "PASS";
}

/** Ignores all but the first report of one side on each check. */
const firstOf = (who: Report["who"]): Carry => (record, run) => {
  const known = new Set<CheckId>();
  for (const report of run) {
    if (report.who === who && known.has(report.id)) continue;
    if (report.who === who) known.add(report.id);
    carryOne(record, report);
  }
};

/** Takes a report of the child's for a finding of the parent's. */
const believing = (status: Status): Carry => (record, run) =>
  carry(
    record,
    run.map((report) => report.status === status ? { ...report, who: "parent" } : report),
  );

/** Fuzzes the record of an experiment. */
export const opinions = target<Run, Carry>({
  claim: "Whatever a child reports, a run is PASS only if the parent saw every check hold",
  cases,
  subject: carry,
  wrong: {
    "believes a pass": believing("pass"),
    "believes a skip": believing("skip"),
    "hears only the child's first report": firstOf("child"),
    "takes the parent's first look for its last": firstOf("parent"),
    "ignores the child once the parent has looked": (record, run) => {
      const decided = new Set<CheckId>();
      for (const report of run) {
        if (report.who === "parent") decided.add(report.id);
        if (report.who === "parent" || !decided.has(report.id)) carryOne(record, report);
      }
    },
    "lets a child take back a fail": (record, run) =>
      carry(
        record,
        run.filter(({ who, id, status }, i) =>
          who === "parent" || status !== "fail" ||
          !run.slice(i).some((later) =>
            later.who === "child" && later.id === id && later.status === "pass"
          )
        ),
      ),
  },
  check(carry, run) {
    const record = new ExperimentRecord(EXPERIMENT, CONFINEMENT_CHECKS);
    carry(record, run);
    const { checks, verdict } = record.close(null, null);
    const expected = PLAN.map((id) => statusOf(run, id));
    must(verdict === verdictOf(expected), `${verdict}, and not ${verdictOf(expected)}`);
    checks.forEach(({ id, status, seen_by }, i) => {
      must(status === expected[i], `${id}: ${status}, and not ${expected[i]}`);
      must(seen_by[0] === "parent", `${id}: seen by ${seen_by}`);
      const refutes = statusesOf(run, id, "child").includes("fail");
      must(seen_by.includes("child") === refutes, `${id}: seen by ${seen_by}`);
    });
  },
});
