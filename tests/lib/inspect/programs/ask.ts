/**
 * Asks a process, and prints the result: `ask.ts PID`
 *
 * @module
 */

import { askDaemon } from "../../../../lib/inspect/asking/asking.ts";
import { seeDaemon } from "../../../../lib/inspect/daemon.ts";
import { printJson } from "../../../ffi/programs/print_json.ts";

printJson(askDaemon(seeDaemon(Number(Deno.args[0]))));
