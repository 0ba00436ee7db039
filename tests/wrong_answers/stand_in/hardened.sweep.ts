/** The main job with a hardened worker, with every call answered wrongly that the plain one does not make. */

import { HARDENED, MAIN_JOB, sweep } from "../strace/sweep.ts";

await sweep({
  title: "privilege-drop, hardened",
  run: HARDENED,
  beyond: [MAIN_JOB],
});
