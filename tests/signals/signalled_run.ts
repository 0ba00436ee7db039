/**
 * Runs fdpass, one side of which sends itself a signal at one of its message boundaries.
 *
 *     signalled_run.ts SIGNAL COUNT_FILE ARG…
 *
 * SIGNAL is empty for none. At the end it writes the number of its boundaries to COUNT_FILE.
 *
 * @module
 */

import { main } from "../../main.ts";
import { atEveryBoundary, parseSignal } from "./boundaries.ts";

const [text, countFile, ...args] = Deno.args;
const planned = parseSignal(text);
let boundaries = 0;
atEveryBoundary((boundary) => {
  boundaries = boundary;
  if (planned?.side === "parent" && boundary === planned.boundary) {
    Deno.kill(Deno.pid, planned.signal);
  }
});
const status = await main(args, new URL(`./signalled_child.ts?${text}`, import.meta.url).href);
Deno.writeTextFileSync(countFile, String(boundaries));
Deno.exit(status);
