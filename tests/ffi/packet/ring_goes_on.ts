/**
 * A ring that one reader after another reads.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { testNeeding } from "../../support/needs.ts";
import { inNamespace } from "../../support/programs.ts";
import { command } from "../programs.ts";

/**
 * Registers the test.
 *
 * @param where At which frames the readers stop.
 * @param step The same as a number: 1 for every frame.
 * @param least The least number of cases.
 */
export function testRingGoesOn(where: string, step: number, least: number): void {
  testNeeding(
    { root: true, programs: { ip: "iproute2", setpriv: "util-linux" } },
    `PacketRing.resume() continues with the very next frame, ${where}; waiting counts the frames not given back`,
    async () => {
      const program = [...command("ffi/packet/programs/ring_goes_on.ts"), String(step)];
      const outcome = await inNamespace(program, { timeout: 120_000 });
      assertEquals([outcome.code, outcome.stderr], [0, ""]);
      const { cases, wrong, waiting } = JSON.parse(outcome.stdout);
      assertEquals(wrong, []);
      assert(cases > least, `${cases} cases`);
      // The counts in between depend on the blocks that were handed over before they were full.
      assertEquals([waiting[0], waiting[1], waiting.at(-1)], [0, 8, 0]);
      assert(waiting[2] <= 8 && waiting[3] < 8 && waiting[3] > 0, `${waiting}`);
    },
  );
}
