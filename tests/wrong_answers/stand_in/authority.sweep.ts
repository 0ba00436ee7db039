/**
 * The authority experiment: every call that the main job, plain or hardened, does not make is
 * answered wrongly.
 */

import { HARDENED, MAIN_JOB, sweep } from "../strace/sweep.ts";

await sweep({
  title: "authority",
  run: {
    by: "stand-in",
    args: ["-e", "authority", "-t", "60", "--json", "veth-fdpass"],
    limit: 80_000,
  },
  beyond: [MAIN_JOB, HARDENED],
});
