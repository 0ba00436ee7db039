/**
 * Tries cases of one target. Prints their number and the time that they took.
 *
 *     run.ts TARGET CASES [MISTAKE]
 *
 * @module
 */

import { printJson } from "../ffi/programs/print_json.ts";
import { chosen } from "./target.ts";
import { TARGETS } from "./targets.ts";

const [name, cases, mistake] = Deno.args;
const started = performance.now();
TARGETS[name].run({ ...chosen(), cases: Number(cases), mistake });
printJson({ cases: Number(cases), seconds: (performance.now() - started) / 1000 });
Deno.exit(0);
