/**
 * Waits for a child before and after the process stops ignoring SIGCHLD, and prints whether each
 * could be waited for.
 *
 * @module
 */

import { SIGCHLD, stopIgnoring } from "../../../../ffi/mod.ts";
import { printJson } from "../../programs/print_json.ts";

function canWait(): boolean {
  try {
    return new Deno.Command("true").outputSync().success;
  } catch {
    return false;
  }
}

const before = canWait();
stopIgnoring(SIGCHLD);
const after = canWait();
const { success } = await new Deno.Command("true").spawn().status; // the runtime installs a handler
stopIgnoring(SIGCHLD); // which must stay
printJson({
  before,
  after,
  success,
  again: (await new Deno.Command("true").spawn().status).success,
});
