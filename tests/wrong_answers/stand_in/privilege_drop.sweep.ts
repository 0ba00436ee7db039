/**
 * The main job: every call of the child is answered wrongly, and every call by which the parent
 * inspects the child.
 */

import { MAIN_JOB, sweep } from "../strace/sweep.ts";
import { isInspecting } from "./inspecting.ts";

await sweep({
  title: "privilege-drop, the child and who looks into it",
  run: MAIN_JOB,
  only: ({ side, place }) => side === "child" || isInspecting(place),
});
