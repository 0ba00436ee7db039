/** The result of a check, from the parent's findings and the child's opinions. */

import { assertEquals } from "@std/assert";
import {
  type Finding,
  judged,
  type Observation,
  type SeenBy,
  skipped,
} from "../../../lib/evidence/evidence.ts";
import { Judgement } from "../../../lib/evidence/judgement.ts";

const holds = judged(true, "seen to hold", { look: 1 });
const fails = judged(false, "seen to fail", { look: 2 });
const open = skipped("not to be seen");
const STATUSES = ["pass", "skip", "fail"] as const;
const reports = (status: Finding["status"], observed = `reported ${status}`): Finding => ({
  ...{ status, observed, evidence: { reported: status } },
});

/** Returns the result of findings and opinions. Their order must make no difference. */
function resultOf(
  looks: readonly (readonly [Finding, ...SeenBy[]])[],
  words: readonly Finding[],
  needsWord = false,
): Observation {
  const [before, after] = [new Judgement(needsWord), new Judgement(needsWord)];
  for (const word of words) before.addOpinion(word);
  for (const [finding, ...seenBy] of looks) {
    for (const judgement of [before, after]) judgement.decide(finding, seenBy);
  }
  for (const word of words) after.addOpinion(word);
  assertEquals(
    before.result(null),
    after.result(null),
    "the order makes no difference",
  );
  return after.result(null);
}

const error = { message: "the child died", isChilds: true };
const refused = { message: "no descriptor is left", isChilds: false };

Deno.test("A check that the child left open fails, as seen by the parent", () => {
  assertEquals(new Judgement(false).result(error), {
    status: "fail",
    observed: "never ran",
    evidence: { error: "the child died" },
    seen_by: ["parent"],
  });
});

Deno.test("A check that the surroundings left open is skipped, whatever the child reports", () => {
  for (const status of STATUSES) {
    const judgement = new Judgement(false);
    judgement.addOpinion(reports(status));
    assertEquals(judgement.result(refused), {
      status: "skip",
      observed: "no descriptor is left",
      evidence: { error: "no descriptor is left" },
      seen_by: ["parent"],
    });
  }
});

Deno.test("A finding stands, however the experiment ends", () => {
  for (const finding of [holds, open, fails]) {
    for (const end of [null, error, refused]) {
      const judgement = new Judgement(false);
      judgement.decide(finding, ["parent"]);
      assertEquals(judgement.result(end), { ...finding, seen_by: ["parent"] });
    }
  }
});

for (const finding of [holds, open, fails]) {
  Deno.test(`The parent's ${finding.status} stands, unless the child reports a fail`, () => {
    for (
      const words of [[], [reports("pass")], [reports("skip")], [reports("skip"), reports("pass")]]
    ) {
      assertEquals(resultOf([[finding, "parent"]], words), { ...finding, seen_by: ["parent"] });
    }
  });

  Deno.test(`The child's fail turns the parent's ${finding.status} into a fail, for good`, () => {
    for (
      const words of [
        [reports("fail")],
        [reports("fail"), reports("pass"), reports("skip")],
        [reports("pass"), reports("fail"), reports("fail", "another")],
      ]
    ) {
      assertEquals(resultOf([[finding, "answer"]], words), {
        status: "fail",
        observed: `${finding.observed}; the child reports: reported fail`,
        evidence: { parent: finding.evidence, child: { reported: "fail" } },
        seen_by: ["answer", "child"],
      });
    }
  });
}

Deno.test("A check that only the child reports never ran, unless it rests on the child's word", () => {
  for (const status of STATUSES) {
    const { status: result, seen_by } = resultOf([], [reports(status)]);
    assertEquals([result, seen_by], ["fail", status === "fail" ? ["parent", "child"] : ["parent"]]);
  }
  for (const status of ["pass", "fail"] as const) {
    assertEquals(resultOf([], [reports(status)], true), { ...reports(status), seen_by: ["child"] });
  }
  assertEquals(resultOf([], [reports("skip")], true).observed, "never ran");
  const changes = resultOf([], [reports("pass"), reports("fail"), reports("pass")], true);
  assertEquals([changes.status, changes.seen_by], ["fail", ["child"]]);
});

Deno.test("A check that rests on the child's word and that the parent judges too needs both", () => {
  const parent = (finding: Finding, ...words: Finding[]) =>
    resultOf([[finding, "parent"]], words, true);
  assertEquals(parent(holds, reports("pass")), {
    status: "pass",
    observed: "seen to hold; the child reports: reported pass",
    evidence: { parent: { look: 1 }, child: { reported: "pass" } },
    seen_by: ["parent", "child"],
  });
  assertEquals(parent(holds).status, "fail");
  assertEquals(parent(holds).observed, "seen to hold; the child reports: nothing");
  assertEquals(parent(holds, reports("skip")).status, "fail");
  for (const finding of [open, fails]) {
    assertEquals(parent(finding, reports("pass")), { ...finding, seen_by: ["parent"] });
  }
});

Deno.test("The worst of several findings counts; all are kept, with their sources", () => {
  const orders = [[holds, open, fails], [fails, open, holds], [open, fails, holds]];
  for (const looks of orders) {
    const { status, observed, evidence } = resultOf(looks.map((look) => [look, "parent"]), []);
    assertEquals([status, observed, evidence], ["fail", "seen to fail", { looks }]);
  }
  assertEquals(resultOf([[holds, "answer"], [open, "parent"], [holds, "answer"]], []), {
    status: "skip",
    observed: "not to be seen",
    evidence: { looks: [holds, open, holds] },
    seen_by: ["parent", "answer"],
  });
  const twice = resultOf([[holds, "parent"], [judged(true, "still so"), "parent"]], []);
  assertEquals(twice.observed, "seen to hold; still so");
  assertEquals(resultOf([[holds, "parent"], [holds, "parent"]], []).observed, "seen to hold");
});

Deno.test("A result always has a source", () => {
  assertEquals(resultOf([[holds]], []).seen_by, ["parent"]);
});

Deno.test("addOpinion() keeps one fail and, if it is needed, one pass", () => {
  for (const needsWord of [false, true]) {
    const judgement = new Judgement(needsWord);
    const kept = ["skip", "pass", "pass", "skip", "fail", "fail", "pass"] as const;
    assertEquals(kept.map((status) => judgement.addOpinion(reports(status))), [
      ...[false, needsWord, false, false, true, false, false],
    ]);
  }
});

/** Findings of a check: each with whether it rests on the interface. */
function resultAfterEvent(
  looks: readonly (readonly [Finding, rests: boolean])[],
  { words = [], needsWord = false, opinionStands = true }: {
    readonly words?: readonly Finding[];
    readonly needsWord?: boolean;
    readonly opinionStands?: boolean;
  } = {},
): Observation {
  const judgement = new Judgement(needsWord);
  for (const [finding, rests] of looks) judgement.decide(finding, ["parent"], rests);
  for (const word of words) judgement.addOpinion(word);
  return judgement.resultAfter("it went down", opinionStands);
}

Deno.test("After the change of an interface, a finding that rests on it shows nothing, pass or fail", () => {
  for (const finding of [holds, open, fails]) {
    assertEquals(resultAfterEvent([[finding, true]], { opinionStands: false }), {
      status: "skip",
      observed: "it went down",
      evidence: { before: [finding] },
      seen_by: ["parent"],
    });
  }
});

Deno.test("After the change of an interface, other findings count as ever", () => {
  for (const finding of [holds, open, fails]) {
    assertEquals(resultAfterEvent([[finding, false]]), { ...finding, seen_by: ["parent"] });
  }
  assertEquals(resultAfterEvent([[fails, false], [holds, true]]).status, "fail");
  assertEquals(resultAfterEvent([[fails, false]], { opinionStands: false }).status, "fail");
  assertEquals(resultAfterEvent([[holds, false]], { words: [reports("fail")] }).status, "fail");
});

Deno.test("After the change of an interface, a check that never ran is open, not failed", () => {
  assertEquals(resultAfterEvent([]).status, "skip");
  assertEquals(resultAfterEvent([], { needsWord: true }).status, "skip");
  assertEquals(resultAfterEvent([[holds, false]], { needsWord: true }).status, "skip");
  const word = { words: [reports("pass")], needsWord: true };
  assertEquals(resultAfterEvent([], word).status, "skip", "the child's word alone");
  assertEquals(resultAfterEvent([], { words: [reports("fail")] }).status, "fail");
  const resting = { words: [reports("fail")], opinionStands: false };
  assertEquals(resultAfterEvent([], resting).status, "skip");
});
