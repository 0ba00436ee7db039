/**
 * What is to be said of a run with an injection: a pure function of its record.
 *
 * @module
 */

import type { Evidence } from "../../../lib/evidence/evidence.ts";
import type { LoggedCall, RunRecord } from "./injection.ts";
import type { Injection } from "./plan.ts";
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
  /** Whether that very call of the tool's was answered, from there, that time. */
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
  const struck = injected.filter(({ side, libc, name }) =>
    name === injection.syscall && side === injection.side &&
    (side === undefined || libc === injection.libc)
  );
  const isAsPlanned = ({ place, turn }: LoggedCall) =>
    place === injection.place && turn === injection.turn;
  const hit = struck.some(isAsPlanned);
  const evidence = parse(stdout);
  const said = whatIsSaid(record);

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
  if (verdict === "PASS" && struck.length > 0) {
    const undeclared = struck.find(({ place }) =>
      whyTolerated(madeAt(place, injection)) === undefined
    );
    if (untrue.length > 0) offend("wrong PASS", untrue.join("; "));
    else if (undeclared !== undefined) {
      offend("wrong PASS", `not declared harmless at ${undeclared.place}`);
    }
  }
  if (verdict !== "PASS" && hit && !isNamed(injection, said)) offend("unnamed", excerpt(said));
  return { hit, verdict, offences };
}

/** The same answer where the log has it: what the kernel says there is not known. */
function madeAt(place: string, injection: Injection): Injection {
  return place === injection.place ? injection : { ...injection, place, usual: "" };
}

const excerpt = (text: string) => text.slice(0, 400);

function parse(stdout: string): Evidence | undefined {
  try {
    return JSON.parse(stdout);
  } catch {
    return undefined;
  }
}

/** What a reader is told of why it is no PASS. That checks never ran tells nothing, unless a later one did: then it is they that are missing. */
export function whatIsSaid({ stdout, stderr }: RunRecord): string {
  const { error = null, experiments = [] } = parse(stdout) ?? {};
  const reasons = experiments.flatMap(({ error, checks }) => {
    const last = checks.findLastIndex(({ observed }) => observed !== "never ran");
    return [
      error,
      ...checks.slice(0, last + 1).filter(({ status }) => status !== "pass")
        .map(({ id, observed, evidence }) => `${id} ${observed} ${JSON.stringify(evidence)}`),
    ];
  });
  return [error?.message, ...reasons, stderr].filter((each) => each).join("\n");
}

/** What is said in the place of the kernel's errno: by libc, or by ourselves where two mean the same. */
const TRANSLATED: readonly [call: string, errno: string, said: string][] = [
  ["if_nametoindex", "EINVAL", "ENOSYS"],
  ["io_uring_enter", "EOPNOTSUPP", "EBADF"], // the ring is gone: lib/confine/early_rings.ts
];

/** Refusals that answer a question: the reader is told what they mean. */
const ANSWERS: readonly {
  readonly call: string;
  readonly errnos: readonly string[];
  readonly at: RegExp;
}[] = [
  { call: "getpeername", errnos: ["ENOTCONN", "EOPNOTSUPP"], at: /kindOfSocket/ },
  { call: "ptrace", errnos: ["ENOENT", "EINVAL"], at: /filtersOf/ },
  { call: "ptrace", errnos: ["ESRCH"], at: /StoppedThread/ },
];

/**
 * Whether the reader learns what failed.
 *
 * Of a refusal: the call and the errno, each as a word, in one line. Of a success that did not take place the call cannot be asked for: the tool
 * was told that all is well, and finds out later, by what is missing. Of that it must tell: an error, or a check that does not hold, or that is missing
 * among others.
 */
function isNamed({ libc, syscall, place, answer }: Injection, said: string): boolean {
  const isAnswer = !("errno" in answer) ||
    ANSWERS.some(({ call, errnos, at }) =>
      call === syscall && errnos.includes(answer.errno) && at.test(place)
    );
  if (isAnswer) return said.trim() !== "";
  const calls = libc === "syscall" ? [syscall] : [libc, syscall];
  const translated = TRANSLATED.filter(([call, errno]) =>
    calls.includes(call) && errno === answer.errno
  );
  const errnos = [answer.errno, ...translated.map(([, , said]) => said)];
  const hasWord = (line: string, words: readonly string[]) =>
    new RegExp(`\\b(${words.join("|")})\\b`).test(line);
  return said.split("\n").some((line) => hasWord(line, calls) && hasWord(line, errnos));
}
