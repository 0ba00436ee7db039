/**
 * Receives frames that are longer than a buffer, and frames that just fit.
 *
 *     long_frames.ts SIZES PATHS
 *
 * The frames cross the loopback interface, whose MTU has no upper limit. Each receive path has a
 * socket without an offload header, and one with it, because the header takes room too.
 *
 * @module
 */

import { enableOffloadHeader } from "../../../../lib/packets/offload_header.ts";
import { currentFrame, type ReceivePath } from "../../../../lib/receive/mod.ts";
import { ip, isSame, numberedFrame, Sender } from "../../../ffi/programs/veth.ts";
import { printForEachPath, Receiver } from "./receiving.ts";

ip("link", "set", "lo", "up", "mtu", "100000");
using sender = new Sender("lo");
const sizes = JSON.parse(Deno.args[0]) as number[];

function receive(path: ReceivePath, prepare?: (packetFd: number) => void) {
  using receiver = new Receiver(path, { interfaceName: "lo", prepare });
  const { source } = receiver;
  return sizes.map((size, number) => {
    const frame = numberedFrame(number, size);
    sender.send(frame);
    if (!receiver.await()) return "missing";
    const { length, captured } = source;
    const asSent = isSame(currentFrame(source), frame.subarray(0, captured));
    return asSent ? [length, captured] : "other bytes";
  });
}

printForEachPath((path) => ({
  plain: receive(path),
  withHeader: receive(path, enableOffloadHeader),
}));
