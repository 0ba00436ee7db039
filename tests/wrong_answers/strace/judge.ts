/**
 * Judges a run with an injection: a pure function of its record.
 *
 * @module
 */

import type { Evidence } from "../../../lib/evidence/evidence.ts";
import type { Injection, LoggedCall, RunRecord } from "./injection.ts";
import { isAt } from "./places.ts";
import { whyTolerated } from "./tolerated.ts";

/** What must not happen, each counted by itself. */
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

/** The judgement of a run. */
export interface Judgement {
  /** Whether the intended call got the answer, at the intended place and turn. */
  readonly hit: boolean;
  readonly verdict: "PASS" | "FAIL" | "INCONCLUSIVE" | "none";
  readonly offences: readonly { readonly kind: Offence; readonly what: string }[];
}

const TRACE = /^\s+at .*(file|ext|node):|Stack backtrace|panicked at|Uncaught/m;

/** The program reports that it could not write a report. */
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
  const reasons = reasonsIn(record);

  if (hung) offend("hang", `killed after ${record.milliseconds} ms`);
  const strangers = Object.values(left).flat();
  if (strangers.length > 0) offend("left behind", strangers.join(", "));
  if (TRACE.test(`${stdout}\n${stderr}`) || TRACE.test(reasons)) offend("trace", excerpt(stderr));
  if (code === 70) offend("defect", reasons);
  if (evidence === undefined) {
    if (!hung && !WITHOUT_REPORT.test(stderr)) {
      offend("no report", `exit status ${code}: ${excerpt(stderr)}`);
    } else if (hit && !hung && !isNamed(injection, reasons)) offend("unnamed", excerpt(reasons));
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
  if (verdict !== "PASS" && hit && !isNamed(injection, reasons)) {
    offend("unnamed", excerpt(reasons));
  }
  return { hit, verdict, offences };
}

/**
 * The same injection at the place where it was logged. What the kernel usually answers there is
 * unknown.
 */
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

/**
 * The text by which a reader learns why the verdict is not PASS. A check that never ran explains
 * nothing, unless a later one did run.
 */
export function reasonsIn({ stdout, stderr }: RunRecord): string {
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

/** Errnos that are reported under another name: by libc, or by the tool where two mean the same. */
const TRANSLATED: readonly [call: string, errno: string, reported: string][] = [
  ["if_nametoindex", "EINVAL", "ENOSYS"],
  ["io_uring_enter", "EOPNOTSUPP", "EBADF"], // the ring is closed: lib/confine/early_rings.ts
];

/** Refusals that are answers: the report says what they mean. */
export const ANSWERS: readonly {
  readonly call: string;
  readonly errnos: readonly string[];
  readonly at: readonly string[];
}[] = [
  {
    call: "getpeername",
    errnos: ["ENOTCONN", "EOPNOTSUPP"],
    at: ["kindOfSocket@lib/inspect/descriptors/descriptors.ts"],
  },
  { call: "ptrace", errnos: ["ENOENT", "EINVAL"], at: ["filtersOf@ffi/ptrace/requests.ts"] },
  { call: "ptrace", errnos: ["ESRCH"], at: ["@ffi/ptrace/stopped_thread.ts"] },
];

/**
 * Whether the report names what failed.
 *
 * A refusal must be named by its call and its errno, as words of one line. A success that did not
 * happen cannot be named like that: the tool saw a success, and notices later that
 * something is missing. Then the report must have an error, or a check that fails or is missing
 * among others.
 */
function isNamed({ libc, syscall, place, answer }: Injection, reasons: string): boolean {
  const isAnswer = !("errno" in answer) ||
    ANSWERS.some(({ call, errnos, at }) =>
      call === syscall && errnos.includes(answer.errno) &&
      at.some((pattern) => isAt(place, pattern))
    );
  if (isAnswer) return reasons.trim() !== "";
  const calls = libc === "syscall" ? [syscall] : [libc, syscall];
  const translated = TRANSLATED.filter(([call, errno]) =>
    calls.includes(call) && errno === answer.errno
  );
  const errnos = [answer.errno, ...translated.map(([, , reported]) => reported)];
  const hasWord = (line: string, words: readonly string[]) =>
    new RegExp(`\\b(${words.join("|")})\\b`).test(line);
  return reasons.split("\n").some((line) => hasWord(line, calls) && hasWord(line, errnos));
}
