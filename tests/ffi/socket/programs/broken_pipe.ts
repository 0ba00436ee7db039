/**
 * Sends to a closed peer: by `sendDescriptors`, then, as a control, without `MSG_NOSIGNAL`.
 *
 * @module
 */

import {
  AF_UNIX,
  close,
  errnoName,
  errnoOf,
  send,
  sendDescriptors,
  SOCK_STREAM,
  socketpair,
} from "../../../../ffi/mod.ts";
import { printJson } from "../../programs/print_json.ts";

let received = 0;
Deno.addSignalListener("SIGPIPE", () => received++);

async function signalsBy(step: () => void): Promise<number> {
  received = 0;
  step();
  await new Promise((resolve) => setTimeout(resolve, 50));
  return received;
}

const [here, there] = socketpair(AF_UNIX, SOCK_STREAM, 0);
close(there);
let errno = 0;
const signals = await signalsBy(() => errno = errnoOf(() => sendDescriptors(here, [here])));
const control = await signalsBy(() => errnoOf(() => send(here, new Uint8Array(1), 0)));
printJson({ errno: errnoName(errno), signals, control });
Deno.exit();
