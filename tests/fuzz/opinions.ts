/**
 * What a child says of its checks: anything, of any check, in any order, any number of times, before and after the parent looks.
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

/** The main job, hardened: each check is the parent's to decide, and none may be skipped. */
const EXPERIMENT = { ...privilegeDrop, byChildsWord: [] };
const PLAN: readonly CheckId[] = [...EXPERIMENT.plan, ...CONFINEMENT_CHECKS];
type Status = Finding["status"];

/** How often each is drawn: a child that lies says pass. */
const STATUSES: readonly Status[] = ["pass", "pass", "pass", "pass", "skip", "skip", "fail"];

/** Something that is found or said of a check. */
interface Word {
  readonly who: "parent" | "child";
  readonly id: CheckId;
  readonly status: Status;
}

/** Everything that is found and said in one run, in its order. */
type Run = readonly Word[];

/** Carries a run out. */
type Carry = (record: ExperimentRecord, run: Run) => void;

const FINDINGS: Readonly<Record<Status, Finding>> = {
  pass: judged(true, "so it is"),
  skip: skipped("not to be seen"),
  fail: judged(false, "it is not"),
};

const carry: Carry = (record, run) => run.forEach((word) => carryOne(record, word));

function carryOne(record: ExperimentRecord, { who, id, status }: Word): void {
  if (who === "child") record.opinion(id, FINDINGS[status]);
  else record.decide(id, FINDINGS[status], ["parent"]);
}

/** One number stands for a word: its status, its check, and where it stands in the run. */
const number = fc.nat(STATUSES.length * PLAN.length * (PLAN.length + 1) - 1);

/** The parent finds each check to hold, perhaps all but one, at which it never looks; it looks again now and then; the child speaks between. */
const cases = fc.tuple(
  fc.oneof({ weight: 3, arbitrary: fc.constant(-1) }, fc.nat(PLAN.length - 1)),
  fc.array(number, { maxLength: 2 }),
  fc.array(number, { maxLength: 6 }),
).map(([missing, looks, words]): Run => {
  const run: Word[][] = Array.from({ length: PLAN.length + 1 }, () => []);
  for (const [who, numbers] of [["parent", looks], ["child", words]] as const) {
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

/** What somebody finds or says of a check, in its order. */
const said = (run: Run, id: CheckId, who: Word["who"]) =>
  run.filter((word) => word.id === id && word.who === who).map(({ status }) => status);

/** What must come of a check. */
function statusOf(run: Run, id: CheckId): Status {
  const looks = said(run, id, "parent");
  if (looks.length === 0 || looks.includes("fail")) return "fail";
  if (said(run, id, "child").includes("fail")) return "fail";
  return looks.includes("skip") ? "skip" : "pass";
}

function verdictOf(statuses: readonly Status[]): ExperimentEvidence["verdict"] {
  if (statuses.includes("fail")) return "FAIL";
  return statuses.includes("skip") ? "INCONCLUSIVE" : "PASS";
}

/** Hears somebody once of each check. */
const firstOf = (who: Word["who"]): Carry => (record, run) => {
  const known = new Set<CheckId>();
  for (const word of run) {
    if (word.who === who && known.has(word.id)) continue;
    if (word.who === who) known.add(word.id);
    carryOne(record, word);
  }
};

/** Takes the child's word for a finding of the parent's. */
const believing = (status: Status): Carry => (record, run) =>
  carry(record, run.map((word) => word.status === status ? { ...word, who: "parent" } : word));

/** What the record makes of a run. */
export const opinions = target<Run, Carry>({
  claim: "Whatever a child says of its checks, it is PASS only if the parent saw all of it to hold",
  cases,
  subject: carry,
  wrong: {
    "believes a pass": believing("pass"),
    "believes a skip": believing("skip"),
    "hears the child's first word alone": firstOf("child"),
    "takes the parent's first look for its last": firstOf("parent"),
    "hears nothing once the parent has looked": (record, run) => {
      const decided = new Set<CheckId>();
      for (const word of run) {
        if (word.who === "parent") decided.add(word.id);
        if (word.who === "parent" || !decided.has(word.id)) carryOne(record, word);
      }
    },
    "lets a fail be taken back": (record, run) =>
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
      const refutes = said(run, id, "child").includes("fail");
      must(seen_by.includes("child") === refutes, `${id}: seen by ${seen_by}`);
    });
  },
});
