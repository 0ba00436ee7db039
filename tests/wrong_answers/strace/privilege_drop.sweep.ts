/** The main job, with every system call that the parent makes answered wrongly. Those by which it looks into the child: answers/privilege_drop.faults.ts. */

import { sweep, UNDER_STRACE } from "./sweep.ts";

await sweep({
  title: "privilege-drop, the parent",
  run: UNDER_STRACE,
});
