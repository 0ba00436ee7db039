/**
 * Restores a tag in a ring, maps the ring again before the block is given back, and reads the frame
 * again.
 *
 * @module
 */

import { ETH_P_ALL, PacketRing, setUpPacketRing } from "../../../../ffi/mod.ts";
import { awaitFrame, frameOf } from "./ring_walk.ts";
import { printJson } from "../../programs/print_json.ts";
import { ip, isSame, nearSocket, numberedFrame, Sender } from "../../programs/veth.ts";

const GEOMETRY = { blockSize: 4096, blockCount: 8, retireTimeout: 20 };

// Only the frames of this test: no neighbour discovery.
for (const end of ["veth-fdpass", "veth-fdpass-far"]) ip("link", "set", end, "addrgenmode", "none");
using near = nearSocket(ETH_P_ALL);
using sender = new Sender();
setUpPacketRing(near.fd, GEOMETRY);

const plain = numberedFrame(1, 100);
const tagged = Uint8Array.of(...plain.subarray(0, 12), 0x81, 0, 0x20, 7, ...plain.subarray(12));
sender.send(tagged);

/**
 * Through a new mapping: whether the frame has a tag to restore, and whether it finally equals the
 * frame sent.
 */
function look() {
  using ring = new PacketRing(near.fd, GEOMETRY);
  while (awaitFrame(ring, near.fd)) {
    const hadTag = ring.vlan !== undefined;
    ring.restoreVlanTag();
    if (isSame(frameOf(ring), tagged)) return { hadTag };
  }
}

printJson([look(), look()]);
