/** What a compromised worker can do, with every call answered wrongly that the main job does not make, hardened or not. */

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
