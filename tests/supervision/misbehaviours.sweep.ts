/**
 * Each way in which a worker can misbehave: it is replaced or its seat is given up, the reason is
 * recorded, and the other seat receives every frame once.
 */

import { assert, assertEquals } from "@std/assert";
import { FLOWS } from "../../lib/experiments/supervisor/stream.ts";
import { testNeeding } from "../support/needs.ts";
import { inNamespace } from "../support/programs.ts";
import { MISBEHAVIOURS } from "./misbehaviours.ts";

const needs = { root: true, programs: { ip: "iproute2", setpriv: "util-linux" } };
const PATIENT = { timeout: 90_000 };
/**
 * How much the supervisor's memory may grow, in bytes: less than a flood of messages would take.
 */
const GROWTH = 150 << 20;
const flowOf = (number: number) => number % FLOWS;

for (const [name, { what, reason, isGivenUp }] of Object.entries(MISBEHAVIOURS)) {
  const outcome = isGivenUp ? "given up" : "replaced";
  testNeeding(
    needs,
    `A worker that ${what} is ${outcome}, and the other seat receives each frame once`,
    async () => {
      const command = [Deno.execPath(), "run", "-A", "tests/supervision/misbehaving_run.ts", name];
      const { code, stdout, stderr } = await inNamespace(command, PATIENT);
      assertEquals([code, stderr], [0, ""]);
      const { error, sent, once, twice, lost, good, bad, before, after } = JSON.parse(stdout);
      assertEquals(error, null);
      const strange = bad.reasons.filter((each: string) => !reason.test(each));
      assertEquals([strange, bad.reasons.length >= 3], [[], true], JSON.stringify(bad.reasons));
      assertEquals(bad.state === "given up", isGivenUp, bad.state);
      // The other seat did each frame that the kernel put into its socket once.
      assertEquals([good.drops, new Set(good.numbers).size], [0, good.numbers.length]);
      assert(good.packets >= good.done, "frames of others may come late");
      assert(good.numbers.length > 100, `${good.numbers.length} frames`);
      // The misbehaving seat still has every frame that it has not done.
      if (name === "forges-progress") {
        // The forged count hides which frames its workers did. But every lost frame is of this
        // seat's flows, came after the seat was added, and before the frames that still wait.
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
  "A worker that counts for ever does not delay the end of the run",
  async () => {
    const command = [Deno.execPath(), "run", "-A", "tests/supervision/restless_run.ts"];
    const { code, stdout, stderr } = await inNamespace(command, PATIENT);
    assertEquals([code, stderr], [0, ""]);
    const { counted, sent, error } = JSON.parse(stdout);
    assertEquals(error, "Time ran out after 4 s");
    assert(counted > 2 * sent, `${counted} counted, ${sent} sent`);
  },
);
