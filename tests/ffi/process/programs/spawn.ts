/**
 * Spawns a program that prints its arguments, and one that does not exist.
 *
 * @module
 */

import { errnoName, errnoOf, posix_spawn } from "../../../../ffi/mod.ts";
import { printJson } from "../../programs/print_json.ts";

const missing = errnoName(errnoOf(() => posix_spawn("/dev/null/none", ["none"])));
const pid = posix_spawn("/bin/sh", [
  "sh",
  "-c",
  'printf "%s\\n" "$@"',
  "sh",
  "one",
  "two words",
  "ü",
]);
// Nothing here reaps the child: /proc shows when it has ended.
while (!/^State:\tZ/m.test(Deno.readTextFileSync(`/proc/${pid}/status`))) {
  await new Promise((resolve) => setTimeout(resolve, 5));
}
printJson({ missing });
