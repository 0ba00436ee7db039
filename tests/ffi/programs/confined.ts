/**
 * Runs with no permission except to call libc, and prints which reads succeed.
 *
 * @module
 */

import { close, errnoName, errnoOf, readTextFile } from "../../../ffi/mod.ts";
import { printJson } from "./print_json.ts";

function withDeno(): string {
  try {
    return Deno.readTextFileSync("/proc/self/comm");
  } catch (error) {
    return (error as Error).name;
  }
}

printJson({
  errno: errnoName(errnoOf(() => close(-1))),
  withLibc: readTextFile("/proc/self/comm").trim(),
  withDeno: withDeno(),
});
