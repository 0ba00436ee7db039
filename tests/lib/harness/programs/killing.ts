/**
 * Starts a process, which becomes another user's, and kills it; prints whether this process may
 * send it a signal itself, and the signal that ended it.
 *
 * @module
 */

import { runtimeCall } from "../../../../lib/host/runtime_call.ts";
import { killProcess } from "../../../../lib/harness/killing.ts";
import { SystemError } from "../../../../ffi/mod.ts";

const process = new Deno.Command("setpriv", {
  args: ["--reuid=65534", "--regid=65534", "--clear-groups", "--", "sleep", "60"],
}).spawn();
while (!/^Name:\tsleep$/m.test(await Deno.readTextFile(`/proc/${process.pid}/status`)));
let directly = "permitted";
try {
  runtimeCall("kill", "Cannot ask", () => Deno.kill(process.pid, "SIGWINCH"));
} catch (error) {
  if (!(error instanceof SystemError)) throw error;
  directly = error.code;
}
killProcess(process.pid, "Cannot end it", () => process.kill("SIGKILL"));
const { signal } = await process.status;
Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify({ directly, signal })));
