/**
 * Receives through a ring while signals come, waiting for each frame in poll(2).
 *
 * @module
 */

import { PacketRing, Poller, POLLIN, setUpPacketRing } from "../../../../ffi/mod.ts";
import { isAt } from "./ring_walk.ts";
import { underSignals } from "../../programs/signals.ts";
import { printJson } from "../../programs/print_json.ts";
import { nearSocket, numberedFrame, Sender, sizeOf } from "../../programs/veth.ts";

const FRAMES = 300;
const GEOMETRY = { blockSize: 4096, blockCount: 4, retireTimeout: 3 };

using near = nearSocket();
using sender = new Sender();
setUpPacketRing(near.fd, GEOMETRY);
using ring = new PacketRing(near.fd, GEOMETRY);
const poller = new Poller([near.fd], POLLIN);

printJson(
  await underSignals(() => {
    let asSent = 0;
    let interruptions = 0;
    while (poller.wait(20_000) !== 0); // a wait that only a signal ends
    for (let number = 0; number < FRAMES; number++) {
      sender.send(numberedFrame(number, sizeOf(number)));
      while (!ring.next()) {
        if (poller.wait(20_000) === 0) interruptions++;
        if (interruptions > 10_000) throw new Error("Only signals come");
      }
      if (isAt(ring, number)) asSent++;
    }
    return { asSent, more: ring.next() };
  }),
);
