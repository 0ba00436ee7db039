/**
 * The main job with a hardened worker: every call that the plain one does not make is answered
 * wrongly.
 */

import { HARDENED, MAIN_JOB, sweep } from "../strace/sweep.ts";

await sweep({
  title: "privilege-drop, hardened",
  run: HARDENED,
  beyond: [MAIN_JOB],
});
