/**
 * Ends the one-file build where Deno is too old for it, as `main.ts` does.
 *
 * @module
 */

import { denoTooOld } from "../lib/host/deno_version.ts";

const tooOld = denoTooOld(Deno.version.deno);
if (tooOld !== undefined) {
  Deno.stderr.writeSync(new TextEncoder().encode(`fdpass: ${tooOld}\n`));
  Deno.exit(4);
}
