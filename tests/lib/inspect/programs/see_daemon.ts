/**
 * Looks at a process, and prints the error with its remedy; `seen` if there is none.
 *
 *     see_daemon.ts PID
 *
 * @module
 */

import { CannotAnswer } from "../../../../lib/evidence/errors.ts";
import { seeDaemon } from "../../../../lib/inspect/daemon.ts";

const say = (text: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
try {
  seeDaemon(Number(Deno.args[0]));
  say("seen");
} catch (error) {
  if (!(error instanceof CannotAnswer)) throw error;
  say(`${error.message} — ${error.remedy}`);
}
