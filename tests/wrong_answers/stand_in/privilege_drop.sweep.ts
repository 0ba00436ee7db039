/** The main job, with every call answered wrongly that the child makes, and every one by which the parent looks into the child. */

import { MAIN_JOB, sweep } from "../strace/sweep.ts";
import { isInspecting } from "./inspecting.ts";

await sweep({
  title: "privilege-drop, the child and who looks into it",
  run: MAIN_JOB,
  only: ({ side, place }) => side === "child" || isInspecting(place),
});
