import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type Evidence, judged, skipped, type Verdict } from "../../../lib/evidence/evidence.ts";
import { privilegeDrop } from "../../../lib/experiments/privilege_drop/experiment.ts";
import { ExperimentRecord } from "../../../lib/evidence/record.ts";
import { renderFailure, renderText } from "../../../lib/report/text.ts";
import { environment, evidenceOf } from "../../../lib/harness/run.ts";

/** The experiment, with every check decided by the parent. */
const EXPERIMENT = { ...privilegeDrop, byChildsWord: [] };
const HOSTILE = "\x1b[2J\r\nroot# \u202e\u{e0001}";
const NORMAL = { color: false, amount: "normal" } as const;

function evidence(change: (record: ExperimentRecord) => void, left: readonly string[]): Evidence {
  const record = new ExperimentRecord(EXPERIMENT);
  record.step("child", false, "A step...");
  for (const id of privilegeDrop.plan) {
    if (!left.includes(id)) record.decide(id, judged(true, "so it is"), ["parent"]);
  }
  change(record);
  const conclusion = { headline: "It works!", points: ["a point"], decision: "D24 stands" };
  return evidenceOf(environment("lo", "nobody"), [record.close(conclusion, null)]);
}

Deno.test("renderText() escapes everything that comes from the child", () => {
  const text = renderText(
    evidence((record) => {
      record.step("child", true, HOSTILE);
      record.line({ kind: "detail", text: HOSTILE });
      record.line({ kind: "done", text: HOSTILE, checks: ["DROP-01"] });
      record.opinion("DROP-01", judged(false, HOSTILE, { [HOSTILE]: HOSTILE }));
    }, ["DROP-01"]),
    { color: false, amount: "verbose" },
  );
  assertMatch(text, /✗ DROP-01/);
  assertEquals(/[\p{Cc}\p{Cf}]/u.test(text.replaceAll("\n", "")), false);
});

Deno.test("renderText() marks a line by the checks behind it", () => {
  for (
    const [finding, mark, end] of [
      [judged(true, "so"), "✓", "✓ SUCCESS: It works!"],
      [judged(false, "so"), "✗", "✗ FAILURE: 1 of 14 checks do not hold"],
      [skipped("so"), "–", "– INCONCLUSIVE"],
    ] as const
  ) {
    const text = renderText(
      evidence((record) => {
        record.decide("RECV-01", finding, ["answer"]);
        record.line({ kind: "done", text: "Received", checks: ["RECV-01", "RECV-02"] });
      }, ["RECV-01"]),
      NORMAL,
    );
    assertStringIncludes(text, `  ${mark} Received\n`);
    assertStringIncludes(text, `    · ${mark} RECV-01 so\n`);
    assertStringIncludes(text, end);
  }
});

Deno.test("renderText() claims no success if one check was skipped", () => {
  for (const id of EXPERIMENT.plan) {
    const text = renderText(
      evidence((record) => record.decide(id, skipped("not to be seen"), ["parent"]), [id]),
      NORMAL,
    );
    assertStringIncludes(text, "– INCONCLUSIVE: 1 of 14 checks could not be judged\n");
    assertStringIncludes(text, "– Neither validated nor refuted: D24");
    assertEquals(/SUCCESS|It works|a point|stands/.test(text), false, id);
  }
});

Deno.test("renderText() prints one line if quiet", () => {
  const text = renderText(evidence(() => {}, []), { color: false, amount: "quiet" });
  assertEquals(text, "PASS privilege-drop: 14 of 14 checks hold\n");
});

Deno.test("renderText() names each reason and the remedy of an INCONCLUSIVE run if quiet", () => {
  const { experiments: [whole], ...run } = evidence(() => {}, []);
  const [first, second, third, ...rest] = whole.checks;
  const skip = { ...skipped("no stimulus\x07"), seen_by: ["parent"] } as const;
  const checks = [{ ...first, ...skip }, { ...second, ...skip }, third, ...rest];
  const open = { ...whole, verdict: "INCONCLUSIVE", checks } as const;
  const text = renderText({ ...run, experiments: [open] }, { color: false, amount: "quiet" });
  assertEquals(text.split("\n").length, 2, "one line");
  assertStringIncludes(text, "12 of 14 checks hold; no stimulus\\u{7}; to get traffic, name");
});

Deno.test("renderText() ends with the overall verdict if there are several experiments", () => {
  const run = evidence(() => {}, []);
  const [passed] = run.experiments;
  const withVerdicts = (verdict: Verdict, ...verdicts: Verdict[]) => ({
    ...run,
    verdict,
    experiments: verdicts.map((each) => ({ ...passed, verdict: each })),
  });
  const lines = (all: Evidence, amount: "quiet" | "normal" | "verbose") =>
    renderText(all, { color: false, amount }).split("\n");
  const line = (verdict: Verdict) => `${verdict} privilege-drop: 14 of 14 checks hold`;
  const cases: [Evidence, Verdict[], string][] = [
    [
      withVerdicts("PASS", "PASS", "PASS"),
      ["PASS", "PASS"],
      "✓ PASS: 2 of 2 experiments are a PASS",
    ],
    [
      withVerdicts("FAIL", "PASS", "FAIL"),
      ["PASS", "FAIL"],
      "✗ FAIL: 1 of 2 experiments are a PASS",
    ],
    [
      withVerdicts("INCONCLUSIVE", "INCONCLUSIVE", "PASS"),
      ["INCONCLUSIVE", "PASS"],
      "– INCONCLUSIVE: 1 of 2 experiments are a PASS",
    ],
  ];
  for (const [all, verdicts, end] of cases) {
    assertEquals(lines(all, "quiet"), [...verdicts.map(line), end, ""]);
    for (const amount of ["normal", "verbose"] as const) {
      const heading = ["=== All Experiments ===", ""];
      const summary = [...heading, ...verdicts.map((each) => `  ${line(each)}`), "", end, ""];
      assertEquals(lines(all, amount).slice(-summary.length), summary);
    }
  }
  assertEquals(renderText(run, NORMAL).includes("All Experiments"), false, "one experiment");
});

Deno.test("renderText() shows the error that ended a run early", () => {
  const { experiments: [whole], ...run } = evidence(() => {}, []);
  const interrupted = { ...whole, verdict: "FAIL", error: "Interrupted by SIGTERM\x07" } as const;
  const text = renderText({ ...run, experiments: [interrupted] }, {
    color: false,
    amount: "quiet",
  });
  const expected = "FAIL privilege-drop: 14 of 14 checks hold; Interrupted by SIGTERM\\u{7}\n";
  assertEquals(text, expected);
});

Deno.test("renderFailure() prints the message and the remedy, escaped", () => {
  assertEquals(renderFailure("no\x07", "do this"), "fdpass: no\\u{7}\n  do this\n");
  assertEquals(renderFailure("no", null), "fdpass: no\n");
});
