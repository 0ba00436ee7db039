/**
 * Runs the main job again and again as a separate program, in the namespaces of this one, and
 * prints the outcomes and what is left behind.
 *
 *     TMPDIR=FOLDER scripts/netns.sh deno run -A tests/soak/repeating.ts TIMES
 *
 * @module
 */

import { type LeftBehind, Place } from "../support/left_behind.ts";
import { printJson } from "../ffi/programs/print_json.ts";

/** The printed result. */
export interface Repetition {
  readonly passed: number;
  /** The outputs and exit statuses of the runs that did not pass. */
  readonly others: readonly string[];
  readonly left: LeftBehind;
  /** The times of the runs, in milliseconds. */
  readonly shortest: number;
  readonly longest: number;
}

/** With this timeout a loaded machine does not end a run. */
const COMMAND = ["run", "-A", "main.ts", "--timeout", "60", "veth-fdpass"];

const isPass = (text: string) =>
  /\n✓ SUCCESS: [^]*\n✓ Core assumption validated: D24 [^\n]*\n$/.test(text);

/** How much of an output is kept, in characters from its end. */
const LAST_WORDS = 2000;

if (import.meta.main) {
  const times = Number(Deno.args[0]);
  const place = new Place(Deno.env.get("TMPDIR")!);
  const others: string[] = [];
  const durations: number[] = [];
  const decoder = new TextDecoder();
  for (let i = 0; i < times; i++) {
    const started = performance.now();
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: COMMAND,
      stdin: "null",
    }).output();
    durations.push(performance.now() - started);
    const [said, complained] = [stdout, stderr].map((bytes) => decoder.decode(bytes));
    if (code === 0 && isPass(said) && complained === "") continue;
    others.push(`${i}: exit ${code}: ${said.slice(-LAST_WORDS)}${complained}`);
  }
  const repetition: Repetition = {
    passed: times - others.length,
    others,
    left: await place.leftBehind(),
    shortest: Math.round(Math.min(...durations)),
    longest: Math.round(Math.max(...durations)),
  };
  printJson(repetition);
}
