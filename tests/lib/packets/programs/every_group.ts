/**
 * Sends frames to sixteen groups that nobody has joined to a macvlan, three times: before, while
 * and after {@linkcode passEveryGroup} holds, and prints the groups that the macvlan passed each
 * time.
 *
 *     every_group.ts MACVLAN FAR
 *
 * One group would not do. A macvlan compares eight bits of a hash of the address, seeded at random
 * for each network namespace: one group in about sixty shares them with a group that the kernel
 * itself has joined, and passes. Source: drivers/net/macvlan.c, `mc_hash`.
 *
 * @module
 */

import { ETH_P_ALL, poll, POLLIN } from "../../../../ffi/mod.ts";
import { passEveryGroup } from "../../../../lib/packets/every_group.ts";
import { takeFrame } from "../../../../lib/packets/queue.ts";
import { sendFrame } from "../../../../lib/packets/send.ts";
import { boundPacketSocket } from "../../../../lib/packets/socket.ts";
import { printJson } from "../../../ffi/programs/print_json.ts";
import { interfaceByName } from "../../../support/link_ends.ts";

const TIMEOUT = 5000;
const GROUPS = 16;
const [near, far] = Deno.args.map(interfaceByName);
using receiver = boundPacketSocket(near.ifindex, ETH_P_ALL);
using sender = boundPacketSocket(far.ifindex, 0);

/** A frame with an EtherType for local experiments (IEEE 802) and a number. */
function frameTo(destination: readonly number[], number: number): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(60);
  frame.set([...destination, 0x02, 0, 0, 0, 0, 1, 0x88, 0xb5, number]);
  return frame;
}

const EVERYBODY = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
/** The number of the frame to everybody, which every interface passes. */
const LAST = 255;

/** The groups whose frames arrive before one to everybody that is sent after them. */
function passed(): number[] {
  for (let group = 0; group < GROUPS; group++) {
    sendFrame(sender.fd, frameTo([0x01, 0x00, 0x5e, 0x7f, 0x00, group], group));
  }
  sendFrame(sender.fd, frameTo(EVERYBODY, LAST));
  const groups: number[] = [];
  for (const deadline = performance.now() + TIMEOUT; performance.now() < deadline;) {
    const head = takeFrame(receiver.fd)?.head;
    if (head === undefined) poll([receiver.fd], POLLIN, 10);
    else if (head[12] !== 0x88 || head[13] !== 0xb5) continue;
    else if (head[14] === LAST) return groups;
    else groups.push(head[14]);
  }
  throw new Error("not even the frame to everybody arrived");
}

const before = passed();
const holder = passEveryGroup(near)!;
const during = passed();
holder.close();
printJson({ before, during, after: passed() });
