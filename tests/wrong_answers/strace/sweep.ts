/**
 * A sweep as tests: one for each call, which fails with the offences after any of its injections.
 * The last one prints the table.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { testNeeding, which } from "../../support/needs.ts";
import type { Injection, LoggedCall, Run } from "./injection.ts";
import { judge, reasonsIn } from "./judge.ts";
import { Lanes } from "./lanes.ts";
import { isInspecting } from "../stand_in/inspecting.ts";
import { placeKey, planFor as planWithStandIn } from "../stand_in/plan.ts";
import { planFor, unknownCalls } from "./plan.ts";
import { COUNT } from "./truth.ts";
import { callOf, complaints, type Result, table } from "./table.ts";

const NEEDS = {
  root: true,
  programs: { ip: "iproute2", strace: "strace", setpriv: "util-linux" },
};

/**
 * The share of injections that may miss, and the number in a small sweep: the turns of a thread may
 * differ from run to run.
 */
const MISSED_RATE = 0.05, MISSED = 3;

/** What is swept. */
export interface Sweep {
  readonly title: string;
  readonly run: Run;
  /** Selects the calls of interest; all by default. */
  readonly only?: (call: LoggedCall) => boolean;
  /** Runs whose calls are swept elsewhere, and are left out here. */
  readonly beyond?: readonly Run[];
  /** Whether the run waits most of its time. */
  readonly waits?: boolean;
  /** Selects the injections; by default all of them, or with FAULTS=few the first of each kind. */
  readonly choose?: (plan: readonly Injection[]) => Injection[];
}

/** The main job. */
export const MAIN_JOB: Run = {
  by: "stand-in",
  args: ["-t", "20", "-n", String(COUNT), "--json", "veth-fdpass"],
  limit: 40_000,
};

/** The main job under strace, which makes the parent several times slower. */
export const UNDER_STRACE: Run = {
  by: "strace",
  args: ["-t", "30", ...MAIN_JOB.args.slice(2)],
  limit: 60_000,
};

/** The main job with a hardened worker. */
export const HARDENED: Run = { ...MAIN_JOB, args: ["--harden", ...MAIN_JOB.args] };

/**
 * For CI, which has less time: the first injection into each call, and at each place from which the
 * parent inspects the child.
 */
function usual(plan: readonly Injection[]): Injection[] {
  if (Deno.env.get("FAULTS") !== "few") return [...plan];
  const kindOf = (injection: Injection) => {
    const { side, syscall, place } = injection;
    return side === "parent" && isInspecting(place)
      ? placeKey({ ...injection, name: syscall })
      : callOf(injection);
  };
  return [...Map.groupBy(plan, kindOf).values()].map(([first]) => first);
}

/**
 * When two calls count as the same, and how the injections are planned, for each who may answer.
 */
const PLANNING = {
  "strace": { kindOf: ({ libc, name }: LoggedCall) => `${libc} ${name}`, planFor },
  "stand-in": { kindOf: placeKey, planFor: planWithStandIn },
};

/**
 * Makes undisturbed runs, plans the injections from them, registers the tests, and starts the first
 * ones.
 */
export async function sweep(
  { title, run, only = () => true, beyond = [], waits = false, choose = usual }: Sweep,
): Promise<void> {
  if (Deno.uid() !== 0 || which("strace") === undefined || which("ip") === undefined) {
    testNeeding(NEEDS, `${title}: no wrong answer of the kernel gets a PASS`, () => {});
    return;
  }
  const lanes = new Lanes(waits);
  const [clean, again] = await Promise.all([lanes.run(run), lanes.run(run)]);
  Deno.test(`${title}: an undisturbed run passes, and the logs agree`, () => {
    for (const record of [clean, again]) {
      const { code, untrue, left } = record;
      assertEquals([code, untrue], [0, []], code === 0 ? "" : reasonsIn(record).slice(0, 2000));
      assertEquals(left, { processes: [], interfaces: [], files: [], sockets: [] });
    }
  });
  const { kindOf, planFor } = PLANNING[run.by];
  const others = await Promise.all(beyond.map((each) => lanes.run(each)));
  const known = new Set(others.flatMap(({ calls }) => calls!.map(kindOf)));
  Deno.test(`${title}: errnos.ts knows what each system call may answer`, () => {
    assertEquals(unknownCalls(clean), [], "add them to the table, from the manual page");
  });
  const isWanted = (call: LoggedCall) => only(call) && !known.has(kindOf(call));
  const plan = choose(planFor(run, clean, again, isWanted));
  const results: Result[] = [];
  const make = async (injection: Injection) => {
    const record = await lanes.run(injection.job);
    const { milliseconds } = record;
    const result = { injection, judgement: judge(injection, record), milliseconds };
    results.push(result);
    return result;
  };
  for (const [call, injections] of Map.groupBy(plan, callOf)) {
    const made = Promise.all(injections.map(make));
    made.catch(() => {}); // it is awaited when its turn comes
    Deno.test(`${title}: ${call}, answered wrongly ${injections.length} times`, async () => {
      assertEquals(complaints(await made), "");
    });
  }
  Deno.test(`${title}: the table`, () => {
    // deno-lint-ignore no-console -- the result
    console.log(table(title, results));
    const hits = results.filter(({ judgement }) => judgement.hit).length;
    const mostMissed = Math.max(MISSED, MISSED_RATE * results.length);
    assert(
      results.length - hits <= mostMissed,
      `${hits} of ${results.length} injections hit`,
    );
  });
}
