/** The main job, with every system call that the parent makes answered wrongly. Those by which it looks into the child: answers/privilege_drop.faults.ts. */

import { isInspecting } from "../answers/inspecting.ts";
import { MAIN_JOB, sweep } from "./sweep.ts";

await sweep({
  title: "privilege-drop, the parent",
  run: { ...MAIN_JOB, by: "strace" },
  only: (call) => !isInspecting(call),
});
