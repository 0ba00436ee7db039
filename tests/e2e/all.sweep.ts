/** Every experiment in one run. */

import { assertEquals } from "@std/assert";
import { EXPERIMENTS } from "../../lib/experiments/mod.ts";
import { testNeeding } from "../support/needs.ts";
import { evidenceIn, fdpass } from "../support/programs.ts";

const programs = { ip: "iproute2", setpriv: "util-linux", unshare: "util-linux" };

testNeeding(
  { root: true, programs },
  "-e all is every experiment, in the order of --list: PASS",
  async () => {
    const outcome = await fdpass(["--json", "-t", "60", "-e", "all", "veth-fdpass"], {
      timeout: 240_000,
    });
    const { experiments, verdict } = evidenceIn(outcome);
    assertEquals(
      experiments.map(({ name, verdict, error }) => [name, verdict, error]),
      EXPERIMENTS.map(({ name }) => [name, "PASS", null]),
    );
    assertEquals([verdict, outcome.code, outcome.stderr], ["PASS", 0, ""]);
  },
);
