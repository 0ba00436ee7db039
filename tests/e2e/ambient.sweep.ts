/** Among the traffic of others alone, a violation is refuted as it is by a stimulus. */

import { assertEquals } from "@std/assert";
import { testNeeding } from "../support/needs.ts";
import { evidenceIn, inNamespace } from "../support/programs.ts";
import { GROUP_TRAFFIC } from "./traffic.ts";

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
