/**
 * Receives frames with VLAN tags, and prints the tag of each, and whether the rest is as sent.
 *
 *     tags.ts TAGS PATHS
 *
 * TAGS is a list, in JSON, of the tags of each frame: the outer one first.
 *
 * @module
 */

import { ETH_P_ALL, restoreVlanTag } from "../../../../ffi/mod.ts";
import { currentFrame } from "../../../../lib/receive/mod.ts";
import { isSame, numberedFrame, Sender, tagged } from "../../../ffi/programs/veth.ts";
import { printForEachPath, Receiver } from "./receiving.ts";

using sender = new Sender();
const list = JSON.parse(Deno.args[0]) as [tpid: number, tci: number][][];

printForEachPath((path) => {
  using receiver = new Receiver(path, { protocol: ETH_P_ALL });
  const { source } = receiver;
  return list.map((tags, number) => {
    const plain = numberedFrame(number, 60 + number * 100);
    const inner = tags.slice(1).reduceRight((frame, tag) => tagged(frame, ...tag), plain);
    const whole = tags.length === 0 ? plain : tagged(inner, ...tags[0]);
    sender.send(whole);
    if (!receiver.awaitOurs()) return "missing";
    const { vlan } = source;
    return {
      vlan: vlan === undefined ? null : [vlan.tpid, vlan.tci],
      isWithoutOuter: receiver.isAt(inner),
      isRestored: isSame(restoreVlanTag(currentFrame(source), vlan), whole),
    };
  });
});
