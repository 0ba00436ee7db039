/**
 * Runs fdpass, with an error that no code catches as soon as there is a packet socket: a timer
 * throws it, or, if the first argument is `rejection`, a promise is rejected with it.
 *
 * @module
 */

import { main } from "../../main.ts";

const [how, ...args] = Deno.args;

const timer = setInterval(() => {
  const [_heading, ...sockets] = Deno.readTextFileSync("/proc/net/packet").trimEnd().split("\n");
  if (sockets.length === 0) return;
  clearInterval(timer);
  const error = new Error("planned");
  if (how === "rejection") void Promise.reject(error);
  else throw error;
}, 10);
Deno.exit(await main(args));
