/**
 * Receives frames that are longer than a buffer, and frames that just fit.
 *
 *     long_frames.ts PATH
 *
 * @module
 */

import { currentFrame } from "../../../../lib/receive/mod.ts";
import { printJson } from "../../../ffi/programs/print_json.ts";
import { ip, isSame, numberedFrame, Sender } from "../../../ffi/programs/veth.ts";
import { pathArgument, Receiver } from "./receiving.ts";

for (const end of ["veth-fdpass", "veth-fdpass-far"]) ip("link", "set", end, "mtu", "9000");
using receiver = new Receiver(pathArgument());
using sender = new Sender();
const { source } = receiver;

printJson([2047, 2048, 2049, 60, 9014, 1514].map((size, number) => {
  const frame = numberedFrame(number, size);
  sender.send(frame);
  if (!receiver.await()) return "missing";
  const { length, captured } = source;
  const asSent = isSame(currentFrame(source), frame.subarray(0, captured));
  return asSent ? [length, captured] : "other bytes";
}));
