/** The sweep can fail: judge() finds every offence in the record of a run that commits it. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Injection, LoggedCall, RunRecord } from "./injection.ts";
import { judge, type Offence } from "./judge.ts";
import { complaints, table } from "./table.ts";

const JOB = {
  by: "strace" as const,
  args: [],
  limit: 1000,
  inject: "setresuid:error=EAGAIN:when=1",
};

const INJECTION: Injection = {
  libc: "bind",
  syscall: "bind",
  side: "parent",
  place: "bind@socket.ts:37",
  turn: 1,
  answer: { errno: "EADDRINUSE" },
  usual: "0",
  job: JOB,
};

const HIT: LoggedCall = {
  ...{ tid: 1, side: "parent", name: "bind", ordinal: 1, args: "", injected: true },
  ...{ result: "-1 EADDRINUSE (Address already in use) (INJECTED)" },
  ...{ libc: "bind", place: "bind@socket.ts:37", turn: 1, nth: 1 },
};

/** The parts of a report that the judge reads. */
function report(
  verdict: string,
  exit: number,
  error: string | null,
  observed = error === null ? "as it should be" : "never ran",
): string {
  const checks = [{
    id: "SOCK-01",
    status: verdict === "PASS" ? "pass" : "fail",
    observed,
    evidence: {},
  }];
  return JSON.stringify({ verdict, exit, error: null, experiments: [{ error, checks }] });
}

const REFUSED: RunRecord = {
  job: JOB,
  code: 1,
  stdout: report("FAIL", 1, "Cannot bind: bind: Address already in use (EADDRINUSE)"),
  stderr: "",
  milliseconds: 300,
  hung: false,
  left: { processes: [], interfaces: [], files: [], sockets: [] },
  injected: [HIT],
  untrue: ["SOCK-01: no packet socket was bound to the interface"],
};

const PASSED = { ...REFUSED, code: 0, stdout: report("PASS", 0, null) };

const kinds = (record: RunRecord, injection = INJECTION): Offence[] =>
  judge(injection, record).offences.map(({ kind }) => kind);

Deno.test("judge() accepts a refusal whose report names the call and the errno", () => {
  assertEquals(judge(INJECTION, REFUSED), { hit: true, verdict: "FAIL", offences: [] });
});

Deno.test("judge() calls a PASS wrong if the logs refute a claim", () => {
  assertEquals(kinds(PASSED), ["wrong PASS"]);
});

Deno.test("judge() calls a PASS wrong if the answer is not declared harmless, though the claims are true", () => {
  assertEquals(kinds({ ...PASSED, untrue: [] }), ["wrong PASS"]);
});

Deno.test("judge() accepts a PASS if the kernel gives the same answer and the claims are true", () => {
  const same = { ...INJECTION, usual: "-1 EADDRINUSE (Address already in use)" };
  assertEquals(kinds({ ...PASSED, untrue: [] }, same), []);
  assertEquals(kinds(PASSED, same), ["wrong PASS"]);
});

Deno.test("judge() calls exit status 0 a wrong PASS, whatever the report says", () => {
  assert(kinds({ ...REFUSED, code: 0 }).includes("wrong PASS"));
});

Deno.test("judge() notices if the report lacks the call or the errno", () => {
  for (const error of ["It did not work", "bind: It did not work", "Cannot (EADDRINUSE)"]) {
    assertEquals(kinds({ ...REFUSED, stdout: report("FAIL", 1, error) }), ["unnamed"], error);
  }
});

Deno.test("judge() looks for the call and the errno as words of one line", () => {
  const unnamed = [
    "rebinding: No (EADDRINUSE)",
    "bind: No (EADDRINUSES)",
    "bind: No\n(EADDRINUSE)",
  ];
  for (const error of unnamed) {
    assertEquals(kinds({ ...REFUSED, stdout: report("FAIL", 1, error) }), ["unnamed"], error);
  }
  const read = { ...INJECTION, libc: "read", syscall: "read" };
  const injected = [{ ...HIT, name: "read", libc: "read" }];
  const said = report("FAIL", 1, "The thread is already gone (EADDRINUSE)");
  assertEquals(kinds({ ...REFUSED, injected, stdout: said }, read), ["unnamed"]);
});

Deno.test("judge() does not accept syscall(2) as the name of a system call", () => {
  const ring = { ...INJECTION, libc: "syscall", syscall: "io_uring_enter" };
  const injected = [{ ...HIT, name: "io_uring_enter", libc: "syscall" }];
  for (const [call, offences] of [["syscall", ["unnamed"]], ["io_uring_enter", []]] as const) {
    const stdout = report("FAIL", 1, `${call}: No (EADDRINUSE)`);
    assertEquals(kinds({ ...REFUSED, injected, stdout }, ring), [...offences]);
  }
});

Deno.test("judge() accepts the errno, or the one that it is reported as", () => {
  const named = { ...INJECTION, libc: "if_nametoindex", answer: { errno: "EINVAL" } };
  const injected = [{ ...HIT, libc: "if_nametoindex" }];
  for (const [errno, offences] of [["ENOSYS", []], ["ENODEV", ["unnamed"]]] as const) {
    const stdout = report("FAIL", 1, `if_nametoindex: No (${errno})`);
    assertEquals(kinds({ ...REFUSED, injected, stdout }, named), [...offences]);
  }
});

Deno.test("judge() wants a reason even for a success that did not happen; checks that never ran are none", () => {
  const lie = { ...INJECTION, answer: { result: 0 } };
  const offencesOf = (error: string | null, observed: string) =>
    kinds({ ...REFUSED, stdout: report("FAIL", 1, error, observed) }, lie);
  assertEquals(offencesOf("Something", "never ran"), []);
  assertEquals(offencesOf(null, "bound to nothing"), []);
  assertEquals(offencesOf(null, "never ran"), ["unnamed"]);
  const lost = JSON.parse(report("FAIL", 1, null, "never ran"));
  lost.experiments[0].checks.push({ id: "SOCK-02", status: "pass", observed: "0", evidence: {} });
  assertEquals(kinds({ ...REFUSED, stdout: JSON.stringify(lost) }, lie), []);
});

Deno.test("judge() finds a run that was killed, and everything that a run leaves behind", () => {
  assertEquals(kinds({ ...REFUSED, hung: true, stdout: "" }), ["hang"]);
  for (const kind of ["processes", "files", "interfaces"]) {
    assertEquals(kinds({ ...REFUSED, left: { ...REFUSED.left, [kind]: ["x"] } }), ["left behind"]);
  }
});

Deno.test("judge() finds a stack trace, a panic, a defect, and a run without a report", () => {
  const trace = "error: Uncaught (in promise) Error: no\n    at main (file:///main.ts:1:1)\n";
  assertEquals(kinds({ ...REFUSED, stderr: trace }), ["trace"]);
  assertEquals(kinds({ ...REFUSED, stderr: "thread 'main' panicked at core" }), ["trace"]);
  const defect = report("INCONCLUSIVE", 70, "TypeError: bind (EADDRINUSE)");
  assertEquals(kinds({ ...REFUSED, code: 70, stdout: defect }), ["defect"]);
  assertEquals(kinds({ ...REFUSED, stdout: "" }), ["no report"]);
  assertEquals(kinds({ ...REFUSED, stdout: "", code: 0 }), ["no report", "wrong PASS"]);
  const why = "fdpass: Cannot write the report to standard output: bind: No (EADDRINUSE)\n";
  assertEquals(kinds({ ...REFUSED, stdout: "", code: 4, stderr: why }), []);
  assertEquals(kinds({ ...REFUSED, code: 139 }), ["no report"]);
});

Deno.test("judge() does not count an answer to another call, or to the runtime, as a hit", () => {
  const others: Partial<LoggedCall>[] = [
    { name: "close" },
    { side: "child" },
    { side: undefined },
    { libc: undefined },
  ];
  for (const other of others) {
    const record = { ...PASSED, untrue: [], injected: [{ ...HIT, ...other }] };
    assertEquals(judge(INJECTION, record), { hit: false, verdict: "PASS", offences: [] });
  }
});

Deno.test("judge() does not count an answer at another place or turn as a hit, but judges its PASS by that place", () => {
  const elsewhere = { ...PASSED, untrue: [], injected: [{ ...HIT, place: "bind@socket.ts:99" }] };
  const later = { ...REFUSED, injected: [{ ...HIT, turn: 2 }] };
  assertEquals([judge(INJECTION, elsewhere).hit, judge(INJECTION, later).hit], [false, false]);
  assertEquals(kinds(elsewhere), ["wrong PASS"]);
  const usual = { ...INJECTION, usual: "-1 EADDRINUSE (Address already in use)" };
  assertEquals(kinds(elsewhere, usual), ["wrong PASS"]);

  const early = {
    ...INJECTION,
    libc: "prctl",
    syscall: "prctl",
    place: "prctl@ffi/process/process.ts:1 becomeSubreaper@ffi/process/process.ts:2",
  };
  const injected = [{ ...HIT, name: "prctl", libc: "prctl", place: early.place }];
  assertEquals(kinds({ ...elsewhere, injected }, early), []);
  assertEquals(kinds({ ...elsewhere, injected: [{ ...injected[0], place: "main" }] }, early), [
    "wrong PASS",
  ]);
});

Deno.test("table() counts, and complaints() names the run to repeat", () => {
  const results = [REFUSED, PASSED, { ...PASSED, injected: [] }].map((record) => ({
    injection: INJECTION,
    judgement: judge(INJECTION, record),
    milliseconds: record.milliseconds,
  }));
  const [head, line, all] = table("what", results).split("\n").map((each) => each.split(/ {2,}/));
  assertEquals(head.slice(0, 7), [
    "what",
    "runs",
    "hit",
    "PASS",
    "FAIL",
    "no answer",
    "wrong PASS",
  ]);
  assertEquals(line.slice(0, 7), ["parent: bind", "3", "2", "1", "1", "0", "1"]);
  assertEquals(all.slice(1), line.slice(1));
  assertMatch(complaints(results), /^wrong PASS \(PASS\): parent: bind #1 at .*EADDRINUSE\n/);
});
