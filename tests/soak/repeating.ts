/**
 * Makes the main job again and again, each time as a program of its own, in the namespaces that this one is in; then tells what came of it and
 * what is left there.
 *
 *     TMPDIR=FOLDER scripts/netns.sh deno run -A tests/soak/repeating.ts TIMES
 *
 * @module
 */

import { type LeftBehind, Place } from "../support/left_behind.ts";
import { tell } from "../ffi/programs/tell.ts";

/** What is told. */
export interface Repetition {
  readonly passed: number;
  /** What those printed that did not pass, with their exit status. */
  readonly others: readonly string[];
  readonly left: LeftBehind;
  /** How many sockets there are more than after the first run, of those that a run makes. */
  readonly sockets: { readonly packet: number; readonly unix: number };
  /** How long a run took, in milliseconds. */
  readonly shortest: number;
  readonly longest: number;
}

/** However loaded the machine is, it is not the time that ends a run. */
const COMMAND = ["run", "-A", "main.ts", "--timeout", "60", "veth-fdpass"];

const isPass = (text: string) =>
  /\n✓ SUCCESS: [^]*\n✓ Core assumption validated: D24 [^\n]*\n$/.test(text);

/** How much of an output is kept, from its end, in characters. */
const LAST_WORDS = 2000;

/** The lines of a table of sockets, but for its head. */
const socketsIn = (table: string) =>
  Deno.readTextFileSync(`/proc/self/net/${table}`).trim().split("\n").length - 1;
const sockets = () => ({ packet: socketsIn("packet"), unix: socketsIn("unix") });

if (import.meta.main) {
  const times = Number(Deno.args[0]);
  const place = new Place(Deno.env.get("TMPDIR")!);
  const others: string[] = [];
  const durations: number[] = [];
  const decoder = new TextDecoder();
  let before = sockets();
  for (let i = 0; i < times; i++) {
    const started = performance.now();
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: COMMAND,
      stdin: "null",
    }).output();
    durations.push(performance.now() - started);
    if (i === 0) before = sockets(); // the runtime makes two for itself when it starts its first program
    const [said, complained] = [stdout, stderr].map((bytes) => decoder.decode(bytes));
    if (code === 0 && isPass(said) && complained === "") continue;
    others.push(`${i}: exit ${code}: ${said.slice(-LAST_WORDS)}${complained}`);
  }
  const left = await place.leftBehind();
  const after = sockets();
  const repetition: Repetition = {
    passed: times - others.length,
    others,
    left,
    sockets: { packet: after.packet - before.packet, unix: after.unix - before.unix },
    shortest: Math.round(Math.min(...durations)),
    longest: Math.round(Math.max(...durations)),
  };
  tell(repetition);
}
