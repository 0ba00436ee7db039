/**
 * What is to be said of a run with an injection: a pure function of its record.
 *
 * @module
 */

import type { Evidence } from "../../../lib/evidence.ts";
import type { RunRecord } from "./injection.ts";
import { type Injection, ON_EVERY_THREAD } from "./plan.ts";
import { whyTolerated } from "./tolerated.ts";

/** What must not be, each counted by itself. */
export const OFFENCES = [
  "wrong PASS",
  "hang",
  "left behind",
  "trace",
  "unnamed",
  "defect",
  "no report",
] as const;

/** One of {@linkcode OFFENCES}. */
export type Offence = typeof OFFENCES[number];

/** What came of an injection. */
export interface Judgement {
  /** Whether strace answered that very call of the tool's. */
  readonly hit: boolean;
  readonly verdict: "PASS" | "FAIL" | "INCONCLUSIVE" | "none";
  readonly offences: readonly { readonly kind: Offence; readonly what: string }[];
}

const TRACE = /^\s+at .*(file|ext|node):|Stack backtrace|panicked at|Uncaught/m;

/** It says itself that there is none. */
const WITHOUT_REPORT = /^fdpass: Cannot write the report/m;

/** Judges a run. */
export function judge(injection: Injection, record: RunRecord): Judgement {
  const { code, stdout, stderr, hung, left, injected, untrue } = record;
  const offences: { kind: Offence; what: string }[] = [];
  const offend = (kind: Offence, what: string) => void offences.push({ kind, what });
  const hit = injected.some(({ side, libc, name }) =>
    name === injection.syscall && side === injection.side &&
    (side === undefined || libc === injection.libc)
  );
  const evidence = parse(stdout);
  const said = evidence === undefined ? stderr : whatIsSaid(evidence) + stderr;

  if (hung) offend("hang", `killed after ${record.milliseconds} ms`);
  const strangers = Object.values(left).flat();
  if (strangers.length > 0) offend("left behind", strangers.join(", "));
  if (TRACE.test(`${stdout}\n${stderr}`) || TRACE.test(said)) offend("trace", excerpt(stderr));
  if (code === 70) offend("defect", said);
  if (evidence === undefined) {
    if (!hung && !WITHOUT_REPORT.test(stderr)) {
      offend("no report", `exit status ${code}: ${excerpt(stderr)}`);
    } else if (hit && !hung && !isNamed(injection, said)) offend("unnamed", excerpt(said));
    if (code === 0) offend("wrong PASS", "status 0, and no report");
    return { hit, verdict: "none", offences };
  }
  const { verdict } = evidence;
  if (code !== evidence.exit) offend("no report", `exit status ${code}, reported ${evidence.exit}`);
  if ((verdict === "PASS") !== (code === 0)) offend("wrong PASS", `${verdict} with status ${code}`);
  if (verdict === "PASS" && hit) {
    if (untrue.length > 0) offend("wrong PASS", untrue.join("; "));
    else if (whyTolerated(injection) === undefined) offend("wrong PASS", "not declared harmless");
  }
  if (verdict !== "PASS" && hit && !isNamed(injection, said)) offend("unnamed", excerpt(said));
  return { hit, verdict, offences };
}

const excerpt = (text: string) => text.slice(0, 400);

function parse(stdout: string): Evidence | undefined {
  try {
    return JSON.parse(stdout);
  } catch {
    return undefined;
  }
}

/** What a reader is told of why it is no PASS. */
function whatIsSaid({ error, experiments }: Evidence): string {
  const reasons = experiments.flatMap(({ error, checks }) => [
    error,
    ...checks.filter(({ status }) => status !== "pass")
      .map(({ id, observed, evidence }) => `${id} ${observed} ${JSON.stringify(evidence)}`),
  ]);
  return [error?.message, ...reasons].filter((each) => each).join("\n");
}

/** What is said in the place of the kernel's errno: by libc, or by ourselves where two mean the same. */
const TRANSLATED: readonly [call: string, errno: string, said: string][] = [
  ["if_nametoindex", "EINVAL", "ENOSYS"],
  ["io_uring_enter", "EOPNOTSUPP", "EBADF"], // the ring is gone: lib/early_rings.ts
];

/** Whether the reader learns what failed: of a refusal the call and the errno, of a lie the consequence. */
function isNamed({ libc, syscall, answer }: Injection, said: string): boolean {
  if (!("errno" in answer)) return said.trim() !== "";
  const isTranslated = TRANSLATED.some(([call, errno, to]) =>
    [libc, syscall].includes(call) && answer.errno === errno &&
    said.includes(call) && said.includes(to)
  );
  if (isTranslated) return true;
  // libc aborts a process whose threads it could not change alike; there is nobody left to say why.
  if (ON_EVERY_THREAD.includes(syscall) && /SIGABRT/.test(said)) {
    return true;
  }
  return said.includes(answer.errno) && (said.includes(libc) || said.includes(syscall));
}
