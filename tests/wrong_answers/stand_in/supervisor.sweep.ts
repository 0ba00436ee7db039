/**
 * The supervisor experiment: every call that the main job, plain or hardened, does not make is
 * answered wrongly.
 */

import { HARDENED, MAIN_JOB, sweep } from "../strace/sweep.ts";

const SMALL = ["--workers", "1", "--kills", "1", "--rate", "100", "-t", "40"];

await sweep({
  title: "supervisor",
  run: {
    by: "stand-in",
    args: ["-e", "supervisor", ...SMALL, "--json", "veth-fdpass"],
    limit: 60_000,
  },
  beyond: [MAIN_JOB, HARDENED],
  waits: true,
});
