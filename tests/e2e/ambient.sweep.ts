/**
 * Among the traffic of others the main job holds, again and again; and among it alone, a violation
 * is refuted as it is by a stimulus.
 */

import { assertEquals } from "@std/assert";
import { testNeeding } from "../support/needs.ts";
import { evidenceIn, inNamespace } from "../support/programs.ts";
import { amongOthers, assertStimulus, GROUP_TRAFFIC } from "./traffic.ts";

const HOSTILE = [Deno.execPath(), "run", "-A", "tests/hostile/run.ts"];
const ARGS = ["--harden", "--json", "--stimulus", "none", "-t", "10", "veth-fdpass"];

for (const name of ["hardened-root", "frames-kept", "frames-half"]) {
  testNeeding(
    { root: true, programs: { ip: "iproute2" } },
    `A hardened child among the traffic of others: FAIL (${name})`,
    async () => {
      const child = [...HOSTILE, `./child.ts?${name}`, ...ARGS];
      const outcome = await inNamespace(["bash", "-c", GROUP_TRAFFIC, ...child]);
      assertEquals([evidenceIn(outcome).verdict, outcome.code], ["FAIL", 1]);
    },
  );
}

testNeeding(
  { root: true, programs: { ip: "iproute2" } },
  "The main job holds among the traffic of others, ten times: PASS",
  async () => {
    for (let run = 0; run < 10; run++) {
      const { packets } = await amongOthers(["-n", "100"]);
      assertStimulus(packets, 100);
    }
  },
);
