/**
 * Reads the last byte of guarded memory, and with the argument `beyond` the byte after it.
 *
 * @module
 */

import { GuardedMemory } from "../../support/guarded_memory.ts";

const { whole } = new GuardedMemory(4096);
let sum = whole[4095];
Deno.stdout.writeSync(new TextEncoder().encode("read"));
if (Deno.args[0] === "beyond") sum += whole[4096];
Deno.exit(sum);
