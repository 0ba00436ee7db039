/** The main job, with every system call that it makes answered wrongly. */

import { MAIN_JOB, sweep } from "./sweep.ts";

await sweep({ title: "privilege-drop", run: MAIN_JOB });
