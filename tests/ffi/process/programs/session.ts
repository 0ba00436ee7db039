/**
 * Starts a new session twice, and prints the results.
 *
 * @module
 */

import { readTextFile, setsid, SystemError } from "../../../../ffi/mod.ts";
import { printJson } from "../../programs/print_json.ts";

/** The sixth field of proc_pid_stat(5); the second may have blanks, and ends with a parenthesis. */
const sessionId = () => Number(readTextFile("/proc/self/stat").split(") ")[1].split(" ")[3]);

const before = sessionId();
setsid();
const isNew = sessionId() === Deno.pid && before !== Deno.pid;
let again = "done";
try {
  setsid();
} catch (error) {
  again = error instanceof SystemError ? error.code : String(error);
}
printJson({ isNew, again });
