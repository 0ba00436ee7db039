/**
 * The io-uring experiment: every call that the main job, plain or hardened, does not make is
 * answered wrongly.
 */

import { HARDENED, MAIN_JOB, sweep } from "../strace/sweep.ts";

await sweep({
  title: "io-uring",
  run: {
    by: "stand-in",
    args: ["-e", "io-uring", "-t", "10", "--json", "veth-fdpass"],
    limit: 20_000,
  },
  beyond: [MAIN_JOB, HARDENED],
});
