/** io_uring on the passed socket, with every call answered wrongly that the main job does not make, hardened or not. */

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
