import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  OUTPUT,
  type Problem,
  PROBLEMS,
  problemsOf,
  type SignalRecord,
  SLACK,
  tableOf,
} from "./judge.ts";

/** An orderly run that SIGTERM ended. */
const interrupted: SignalRecord = {
  experiment: "privilege-drop",
  side: "parent",
  event: "SIGTERM",
  boundary: 7,
  timeout: 10,
  end: { code: 4, signal: null },
  took: 400,
  report: { verdict: "INCONCLUSIVE", exit: 4, error: "Interrupted by SIGTERM", steps: 3 },
  stderr: "",
  orphans: [],
  files: [OUTPUT],
};
const report = interrupted.report!;
const killed: SignalRecord = {
  ...interrupted,
  event: "SIGKILL",
  end: { code: 137, signal: "SIGKILL" },
  report: null,
  files: [],
};
const childKilled: SignalRecord = {
  ...interrupted,
  side: "child",
  event: "SIGKILL",
  end: { code: 1, signal: null },
  report: { ...report, verdict: "FAIL", exit: 1, error: "The child ended early, by SIGKILL" },
};
const stopped: SignalRecord = {
  ...childKilled,
  event: "SIGSTOP",
  report: {
    ...childKilled.report!,
    error: "Time ran out after 4 s: the child fell silent for the last 3.2 s",
  },
};
const goesOn: SignalRecord = {
  ...interrupted,
  event: "SIGSTOP+SIGCONT",
  end: { code: 0, signal: null },
  report: { verdict: "PASS", exit: 0, error: null, steps: 14 },
};

for (const run of [interrupted, killed, childKilled, stopped, goesOn]) {
  Deno.test(`problemsOf() finds nothing wrong with an orderly ${run.event} of the ${run.side}`, () => {
    assertEquals(problemsOf(run), []);
  });
}

/** A disorderly run, and the problems that must be found. */
const WRONG: [what: string, seen: SignalRecord, problems: Problem[]][] = [
  ["no end", { ...interrupted, end: null }, ["hangs", "wrong status"]],
  ["a late end", { ...interrupted, took: 10_000 + SLACK + 1 }, ["hangs"]],
  ["a death", { ...interrupted, end: { code: 143, signal: "SIGTERM" } }, ["wrong status"]],
  ["exit 0", { ...interrupted, end: { code: 0, signal: null } }, ["wrong status"]],
  ["exit 70", { ...interrupted, end: { code: 70, signal: null } }, ["wrong status"]],
  [
    "another exit status in the report",
    { ...interrupted, report: { ...report, exit: 0 } },
    ["wrong status"],
  ],
  [
    "a PASS",
    {
      ...interrupted,
      end: { code: 0, signal: null },
      report: { ...report, verdict: "PASS", exit: 0 },
    },
    ["wrong status", "wrong verdict"],
  ],
  ["no report", { ...interrupted, report: null, files: [] }, ["wrong status", "wrong verdict"]],
  [
    "another reason",
    { ...interrupted, report: { ...report, error: "Interrupted by SIGINT" } },
    ["wrong reason"],
  ],
  ["no reason", { ...interrupted, report: { ...report, error: null } }, ["wrong reason"]],
  ["nothing of what it had", { ...interrupted, report: { ...report, steps: 0 } }, [
    "nothing reported",
  ]],
  [
    "a stack trace",
    { ...interrupted, stderr: "error: Uncaught (in promise) Error: x\n    at main (file:1:2)\n" },
    ["stack traces"],
  ],
  ["an orphan", { ...killed, orphans: [4711] }, ["orphans"]],
  ["a temporary file", { ...killed, files: [".fdpass-1"] }, ["files left"]],
  ["a lost output", { ...interrupted, files: [] }, ["files left"]],
  ["a PASS with a dead child", { ...goesOn, side: "child", event: "SIGKILL" }, [
    "wrong status",
    "wrong verdict",
    "wrong reason",
  ]],
  ["a FAIL for having been stopped a while", { ...stopped, event: "SIGSTOP+SIGCONT" }, [
    "wrong status",
    "wrong verdict",
    "wrong reason",
  ]],
];

for (const [what, seen, problems] of WRONG) {
  Deno.test(`problemsOf() finds ${what} after ${seen.event} of the ${seen.side}`, () => {
    assertEquals(problemsOf(seen), problems);
  });
}

Deno.test("Every problem is found in one of these runs", () => {
  const found = new Set(WRONG.flatMap(([, , problems]) => problems));
  assertEquals(PROBLEMS.filter((kind) => !found.has(kind)), []);
});

Deno.test("tableOf() counts the ends of each event, and what is wrong", () => {
  const table = tableOf([interrupted, { ...interrupted, orphans: [1] }, { ...killed, end: null }]);
  assertStringIncludes(table, "SIGTERM");
  assertStringIncludes(table, "2 × exit 4");
  assertStringIncludes(table, "1 × no end");
  assertStringIncludes(table, "3 runs: 1 hangs, 1 wrong status");
  assertStringIncludes(table, "1 orphans");
});
