/**
 * The main job: every system call of the parent is answered wrongly, except those by which it
 * inspects the child. For those see ../stand_in/privilege_drop.sweep.ts.
 */

import { sweep, UNDER_STRACE } from "./sweep.ts";

await sweep({
  title: "privilege-drop, the parent",
  run: UNDER_STRACE,
});
