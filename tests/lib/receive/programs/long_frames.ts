/**
 * Receives frames that are longer than a buffer, and frames that just fit.
 *
 *     long_frames.ts PATH SIZE…
 *
 * They cross the loopback interface, whose MTU has no upper limit.
 *
 * @module
 */

import { currentFrame } from "../../../../lib/receive/mod.ts";
import { printJson } from "../../../ffi/programs/print_json.ts";
import { ip, isSame, numberedFrame, Sender } from "../../../ffi/programs/veth.ts";
import { pathArgument, Receiver } from "./receiving.ts";

ip("link", "set", "lo", "up", "mtu", "100000");
using receiver = new Receiver(pathArgument(), "lo");
using sender = new Sender("lo");
const { source } = receiver;

printJson(
  Deno.args.slice(1).map(Number).map((size, number) => {
    const frame = numberedFrame(number, size);
    sender.send(frame);
    if (!receiver.await()) return "missing";
    const { length, captured } = source;
    const asSent = isSame(currentFrame(source), frame.subarray(0, captured));
    return asSent ? [length, captured] : "other bytes";
  }),
);
