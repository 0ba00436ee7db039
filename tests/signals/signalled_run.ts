/**
 * fdpass itself, of which one side sends itself a signal at one of its message boundaries.
 *
 *     signalled_run.ts BLOW COUNT_FILE ARG…
 *
 * At its end it writes the number of its boundaries to COUNT_FILE. An empty BLOW is none.
 *
 * @module
 */

import { main } from "../../main.ts";
import { atEveryBoundary, parseBlow } from "./boundaries.ts";

const [text, countFile, ...args] = Deno.args;
const blow = parseBlow(text);
let boundaries = 0;
atEveryBoundary((boundary) => {
  boundaries = boundary;
  if (blow?.side === "parent" && boundary === blow.boundary) Deno.kill(Deno.pid, blow.signal);
});
const status = await main(args, new URL(`./signalled_child.ts?${text}`, import.meta.url).href);
Deno.writeTextFileSync(countFile, String(boundaries));
Deno.exit(status);
