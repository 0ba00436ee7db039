/**
 * Sends a frame to a group that nobody has joined to a macvlan, three times: before, while and
 * after {@linkcode passEveryGroup} holds, and prints whether the macvlan passed it each time.
 *
 *     every_group.ts MACVLAN FAR
 *
 * @module
 */

import { ETH_P_ALL, poll, POLLIN } from "../../../../ffi/mod.ts";
import { passEveryGroup } from "../../../../lib/packets/every_group.ts";
import { takeFrame } from "../../../../lib/packets/queue.ts";
import { sendFrame } from "../../../../lib/packets/send.ts";
import { boundPacketSocket } from "../../../../lib/packets/socket.ts";
import { secretOf, Stimulus } from "../../../../lib/packets/stimulus.ts";
import { printJson } from "../../../ffi/programs/print_json.ts";
import { interfaceByName } from "../../../support/link_ends.ts";

const TIMEOUT = 5000;
const [near, far] = Deno.args.map(interfaceByName);
using receiver = boundPacketSocket(near.ifindex, ETH_P_ALL);
using sender = boundPacketSocket(far.ifindex, 0);
using stimulus = new Stimulus(far);

/** To everybody, which every interface passes; with an EtherType for local experiments. */
const LAST = new Uint8Array(60).fill(0xff, 0, 6).with(12, 0x88).with(13, 0xb5);

/** Whether a frame of the stimulus arrives before one to everybody that is sent after it. */
function arrives(): boolean {
  const secret = secretOf(stimulus.send(), "ethernet");
  sendFrame(sender.fd, LAST);
  let hasArrived = false;
  for (const deadline = performance.now() + TIMEOUT; performance.now() < deadline;) {
    const frame = takeFrame(receiver.fd);
    if (frame === undefined) poll([receiver.fd], POLLIN, 10);
    else if (secretOf(frame.head, "ethernet") === secret) hasArrived = true;
    else if (frame.head[12] === LAST[12] && frame.head[13] === LAST[13]) return hasArrived;
  }
  throw new Error("not even the frame to everybody arrived");
}

const before = arrives();
const holder = passEveryGroup(near)!;
const during = arrives();
holder.close();
printJson({ before, during, after: arrives() });
