/**
 * Receives frames while signals arrive, and waits for each frame.
 *
 *     interrupted.ts PATH
 *
 * @module
 */

import { underSignals } from "../../../ffi/programs/signals.ts";
import { printJson } from "../../../ffi/programs/print_json.ts";
import { numberedFrame, Sender, sizeOf } from "../../../ffi/programs/veth.ts";
import { pathArgument, Receiver } from "./receiving.ts";

const FRAMES = 300;

using receiver = new Receiver(pathArgument());
using sender = new Sender();
printJson(
  await underSignals(() => {
    let asSent = 0;
    while (receiver.wait(20_000) !== 0); // a wait that only a signal ends
    for (let number = 0; number < FRAMES; number++) {
      const frame = numberedFrame(number, sizeOf(number));
      if (number % 10 === 0) receiver.wait(3); // a signal can arrive meanwhile
      sender.send(frame);
      if (receiver.await() && receiver.isAt(frame)) asSent++;
    }
    return { asSent, more: receiver.source.next() };
  }),
);
