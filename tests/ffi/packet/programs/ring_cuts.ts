/**
 * Sends frames that are longer than a block of the ring, and frames that just fit.
 *
 * @module
 */

import { PacketRing, setUpPacketRing } from "../../../../ffi/mod.ts";
import { awaitFrame, frameOf } from "./ring_walk.ts";
import { printJson } from "../../programs/print_json.ts";
import { ip, isSame, nearSocket, numberedFrame, Sender } from "../../programs/veth.ts";

const GEOMETRY = { blockSize: 4096, blockCount: 8, retireTimeout: 1 };

for (const end of ["veth-fdpass", "veth-fdpass-far"]) ip("link", "set", end, "mtu", "9000");
using near = nearSocket();
using sender = new Sender();
setUpPacketRing(near.fd, GEOMETRY);
using ring = new PacketRing(near.fd, GEOMETRY);

const sizes = [1514, 3000, 3900, 4096, 60, 5000, 9014, 64];
const seen = sizes.map((size, number) => {
  const frame = numberedFrame(number, size);
  sender.send(frame);
  if (!awaitFrame(ring, near.fd)) return "missing";
  const { length, captured } = ring;
  return { length, captured, asSent: isSame(frameOf(ring), frame.subarray(0, captured)) };
});
printJson({ sizes, seen });
