/** For each way in which a worker can misbehave: its seat is given up, or it is replaced, the reason is known, and the other seat never notices. */

import { assert, assertEquals } from "@std/assert";
import { FLOWS } from "../../lib/experiments/supervisor/stream.ts";
import { testNeeding } from "../support/needs.ts";
import { inNamespace } from "../support/programs.ts";
import { MISBEHAVIOURS } from "./misbehaviours.ts";

const needs = { root: true, programs: { ip: "iproute2", setpriv: "util-linux" } };
const PATIENT = { timeout: 90_000 };
/** What the supervisor's memory may grow by, in bytes: less than what a flood of messages would take. */
const GROWTH = 150 << 20;
const flowOf = (number: number) => number % FLOWS;

for (const [name, { what, reason, isGivenUp }] of Object.entries(MISBEHAVIOURS)) {
  const outcome = isGivenUp ? "given up" : "replaced";
  testNeeding(
    needs,
    `A worker that ${what} is ${outcome}; the others' frames come once`,
    async () => {
      const command = [Deno.execPath(), "run", "-A", "tests/supervision/misbehaving_run.ts", name];
      const { code, stdout, stderr } = await inNamespace(command, PATIENT);
      assertEquals([code, stderr], [0, ""]);
      const { error, sent, once, twice, lost, good, bad, before, after } = JSON.parse(stdout);
      assertEquals(error, null);
      const strange = bad.reasons.filter((each: string) => !reason.test(each));
      assertEquals([strange, bad.reasons.length >= 3], [[], true], JSON.stringify(bad.reasons));
      assertEquals(bad.state === "given up", isGivenUp, bad.state);
      // The other seat: what the kernel put into its socket, once.
      assertEquals([good.drops, new Set(good.numbers).size], [0, good.numbers.length]);
      assert(good.packets >= good.done, "what is not of the stream may come late");
      assert(good.numbers.length > 100, `${good.numbers.length} frames`);
      // The seat itself: what it has not done is still there.
      if (name === "forges-progress") {
        // What its workers have done nobody knows. But all that is lost is of its flows, from when it was there, and from before what
        // is there still.
        const flows = new Set(bad.waiting.map(flowOf));
        const isIts = (number: number) => flows.has(flowOf(number));
        assert(flows.size > 0 && flows.size < FLOWS, `${flows.size} flows`);
        assertEquals(lost.filter((number: number) => !isIts(number)), []);
        assert(lost[0] > Math.max(-1, ...good.numbers.filter(isIts)), `${lost[0]} is lost`);
        assertEquals([lost.slice(-bad.waiting.length), bad.drops], [bad.waiting, 0]);
      } else {
        assertEquals({ once, twice, lost, drops: bad.drops }, {
          once: sent - bad.waiting.length,
          twice: 0,
          lost: bad.waiting,
          drops: 0,
        });
      }
      if (!isGivenUp) assertEquals(lost, []);
      assertEquals(after.descriptors, before.descriptors);
      assert(after.rss - before.rss < GROWTH, `${after.rss - before.rss} bytes more`);
    },
  );
}

testNeeding(
  needs,
  "A worker that counts for ever keeps nobody waiting for ever",
  async () => {
    const command = [Deno.execPath(), "run", "-A", "tests/supervision/restless_run.ts"];
    const { code, stdout, stderr } = await inNamespace(command, PATIENT);
    assertEquals([code, stderr], [0, ""]);
    const { counted, sent, error } = JSON.parse(stdout);
    assertEquals(error, "Time ran out after 4 s");
    assert(counted > 2 * sent, `${counted} counted, ${sent} sent`);
  },
);
