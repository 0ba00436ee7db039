/**
 * Sends frames with VLAN tags, which the kernel removes from them.
 *
 * @module
 */

import { ETH_P_ALL, PacketRing, restoreVlanTag, setUpPacketRing } from "../../../../ffi/mod.ts";
import { awaitFrame, frameOf } from "./ring_walk.ts";
import { printJson } from "../../programs/print_json.ts";
import {
  ETHERTYPE,
  isSame,
  nearSocket,
  numberedFrame,
  Sender,
  tagged,
} from "../../programs/veth.ts";

const GEOMETRY = { blockSize: 4096, blockCount: 8, retireTimeout: 1 };

using near = nearSocket(ETH_P_ALL);
using sender = new Sender();
setUpPacketRing(near.fd, GEOMETRY);
using ring = new PacketRing(near.fd, GEOMETRY);

/** Moves to the next frame of this test. The kernel sends frames of its own on a new link. */
function awaitOurs(): boolean {
  while (awaitFrame(ring, near.fd)) {
    const { buffer, byteOffset } = frameOf(ring);
    if (new DataView(buffer, byteOffset).getUint16(12) === ETHERTYPE) return true;
  }
  return false;
}

const tags = JSON.parse(Deno.args[0]) as ([tpid: number, tci: number] | null)[];
printJson(tags.map((tag, number) => {
  const plain = numberedFrame(number, 60 + number * 100);
  const sent = tag === null ? plain : tagged(plain, ...tag);
  sender.send(sent);
  if (!awaitOurs()) return "missing";
  const { vlan = null } = ring;
  const wasRemoved = isSame(frameOf(ring), plain) && ring.length === plain.length;
  return {
    vlan: vlan && [vlan.tpid, vlan.tci],
    wasRemoved,
    isRestored: isSame(restoreVlanTag(frameOf(ring), vlan ?? undefined), sent),
  };
}));
