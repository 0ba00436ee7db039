import { assertEquals } from "@std/assert";
import { DigestWitness } from "../../../../lib/experiments/receive_paths/witness.ts";
import { sha256 } from "../../../../lib/harness/digests.ts";
import { sendFrame } from "../../../../lib/packets/send.ts";
import { boundPacketSocket } from "../../../../lib/packets/socket.ts";
import { Stimulus } from "../../../../lib/packets/stimulus.ts";
import { interfaceByName } from "../../../support/link_ends.ts";
import { testNeeding } from "../../../support/needs.ts";

testNeeding(
  { root: true },
  "DigestWitness lists what arrived as it was sent, and counts others",
  async () => {
    const [near, far] = ["veth-fdpass", "veth-fdpass-far"].map(interfaceByName);
    const digest = await sha256();
    const sent = new Set<string>();
    using witness = new DigestWitness(near.ifindex, sent, digest);
    using stimulus = new Stimulus(far, (sequence) => sequence * 300);
    using changer = boundPacketSocket(far.ifindex, 0);
    for (let i = 0; i < 5; i++) {
      const frame = stimulus.send();
      sent.add(digest(frame));
      sendFrame(changer.fd, frame.with(-1, frame.at(-1)! ^ 1) as Uint8Array<ArrayBuffer>);
    }
    sent.add("never sent");
    witness.look();
    assertEquals(witness.seen, [...sent].slice(0, 5));
    assertEquals(witness.others, 5, "each changed on the way");
  },
);
