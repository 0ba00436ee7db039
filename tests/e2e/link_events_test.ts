/** A few changes of interfaces in the middle of a run; `link_events.sweep.ts` has all. */

import { assertEquals, assertMatch } from "@std/assert";
import { testNeeding } from "../support/needs.ts";
import {
  type EventOutcome,
  LIAR_RUNS,
  LINK_EVENTS,
  LONG_RUNS,
  problemsOf,
  runUntilSeen,
  runWithEvent,
} from "./link_events.ts";

const NEEDS = { root: true, programs: { ip: "iproute2", unshare: "util-linux" } };
const eventOf = (name: string) => LINK_EVENTS.find((each) => each.name === name)!;
const runOf = (name: string) => LONG_RUNS.find((each) => each.name === name)!;

for (
  const [run, event, wait] of [
    ["privilege-drop", "down and up", 500],
    ["relay", "renamed, and the name given to another", 900],
  ] as const
) {
  testNeeding(NEEDS, `${run}: an interface is ${event}: INCONCLUSIVE at once, exit 4`, async () => {
    const outcome = await runWithEvent(eventOf(event), runOf(run).args, wait);
    assertEquals(problemsOf(eventOf(event), outcome), []);
    assertEquals(outcome.isLate, false);
  });
}

testNeeding(
  NEEDS,
  "A child that keeps root is refuted, although the interface is deleted",
  async () => {
    const { code, output, isLate, left } = await runUntilSeen(LIAR_RUNS[0]);
    assertEquals([code, isLate, left], [1, false, []], output);
    assertMatch(output, /^FAIL privilege-drop: .*"veth-fdpass" was deleted during the run/m);
  },
);

Deno.test("problemsOf() finds each problem", () => {
  const event = eventOf("down");
  const good: EventOutcome = {
    code: 4,
    output: 'INCONCLUSIVE relay: 5 of 14 checks hold; "veth-fdpass" went down during the run: …\n',
    took: 200,
    isLate: false,
    left: [],
  };
  assertEquals(problemsOf(event, good), []);
  assertEquals(problemsOf(event, { ...good, isLate: true, code: 0, output: "PASS relay\n" }), []);
  const bad: Partial<EventOutcome>[] = [
    { code: 0 },
    { code: 1 },
    { output: good.output.replace("went down", "was deleted") },
    { output: good.output.replace("INCONCLUSIVE", "FAIL") },
    { output: `${good.output}fdpass itself failed: TypeError\n` },
    { took: 100_000 },
    { left: ["1 processes"] },
    { isLate: true, code: 0, left: ["rp_filter 1"] },
  ];
  for (const each of bad) assertEquals(problemsOf(event, { ...good, ...each }).length > 0, true);
});
