/**
 * Sets the alarm and hangs for a second and a half. With the argument `off`, it cancels the alarm
 * before it hangs.
 *
 * @module
 */

import { alarm } from "../../../../ffi/mod.ts";

alarm(1);
if (Deno.args[0] === "off") alarm(0);
for (const end = performance.now() + 1500; performance.now() < end;);
