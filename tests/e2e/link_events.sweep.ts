/**
 * Every change of an interface in every experiment, at a random moment: exit 4 at once, a message
 * that names it, and nothing left behind. A failure prints its seed, which FDPASS_EVENTS_SEED
 * repeats.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { TestsAhead } from "../support/tests_ahead.ts";
import {
  LIAR_RUNS,
  LINK_EVENTS,
  LONG_RUNS,
  problemsOf,
  runUntilSeen,
  runWithEvent,
} from "./link_events.ts";

const NEEDS = { root: true, programs: { ip: "iproute2", unshare: "util-linux" } };
const seed = Number(Deno.env.get("FDPASS_EVENTS_SEED") ?? Date.now() % 1_000_000);
const tests = new TestsAhead();

/** Numbers from 0 to 1 that depend on the seed alone. Source: Numerical Recipes, 7.1. */
function* randomNumbers(): Generator<number, never> {
  for (let state = seed;;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state / 2 ** 32;
  }
}
const random = randomNumbers();

for (const { name, args, lasts } of LONG_RUNS) {
  for (const event of LINK_EVENTS) {
    if ((event.only ?? name) !== name) continue;
    // Of the others one is enough: without `--out` the relay has them all.
    if (args.includes("--out") && event.only === undefined && event.name !== "renamed") continue;
    const wait = Math.round(random.next().value * lasts);
    tests.add(NEEDS, `${name}: ${event.name} after ${wait} ms (seed ${seed})`, async () => {
      assertEquals(problemsOf(event, await runWithEvent(event, args, wait)), []);
    });
  }
}

// The control: a violation that the parent has seen before the change stays one.
for (const run of LIAR_RUNS) {
  tests.add(
    NEEDS,
    `${run.name}: a child that keeps root is refuted, whatever happens`,
    async () => {
      const { code, output, isLate, left } = await runUntilSeen(run);
      assertEquals([code, isLate, left], [1, false, []], output);
      assertMatch(output, /^FAIL .*"veth-fdpass" was deleted during the run/m);
    },
  );
}
