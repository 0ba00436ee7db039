/**
 * Runs a command, with these standard streams, and writes into a file how long it took and what it left behind. Its exit status is the
 * command's.
 *
 *     report_left_behind.ts REPORT COMMAND [ARG…]
 *
 * @module
 */

import { type LeftBehind, Place } from "./left_behind.ts";

/** What is in the report. */
export interface Leaving {
  readonly milliseconds: number;
  readonly left: LeftBehind;
}

if (import.meta.main) {
  const [report, command, ...args] = Deno.args;
  const place = new Place(Deno.env.get("TMPDIR")!);
  const started = performance.now();
  const [stdin, stdout, stderr] = ["inherit", "inherit", "inherit"] as const;
  const { code } = await new Deno.Command(command, { args, stdin, stdout, stderr }).output();
  const milliseconds = Math.round(performance.now() - started);
  const leaving: Leaving = { milliseconds, left: await place.leftBehind() };
  Deno.writeTextFileSync(report, JSON.stringify(leaving));
  Deno.exit(code);
}
