/**
 * Runs a command with its own standard streams and exit status, and writes into a file how long it
 * took and what it left behind.
 *
 *     report_left_behind.ts REPORT COMMAND [ARG…]
 *
 * `$TIME_TO_GO` is how long ending processes may take, in milliseconds.
 *
 * @module
 */

import { passThrough } from "./pass_through.ts";
import { type LeftBehind, Place } from "./left_behind.ts";

/** The report. */
export interface LeavingReport {
  readonly milliseconds: number;
  readonly left: LeftBehind;
}

if (import.meta.main) {
  const [report, command, ...args] = Deno.args;
  const timeToGo = Deno.env.get("TIME_TO_GO");
  const place = new Place(Deno.env.get("TMPDIR")!, timeToGo ? Number(timeToGo) : undefined);
  const started = performance.now();
  const code = await passThrough(command, args);
  const milliseconds = Math.round(performance.now() - started);
  const leaving: LeavingReport = { milliseconds, left: await place.leftBehind() };
  Deno.writeTextFileSync(report, JSON.stringify(leaving));
  Deno.exit(code);
}
