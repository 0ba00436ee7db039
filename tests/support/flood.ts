/**
 * Floods an interface: sends datagrams to a group, and ends by itself.
 *
 *     flood.ts INTERFACE SECONDS [FRAMES_PER_SECOND [GROUP PORT]]
 *
 * The frames lie in a TX ring, and one send(2) sends all that are due. Prints how many were sent.
 *
 * @module
 */

import {
  if_nametoindex,
  linkByIndex,
  MAP_SHARED,
  mapOver,
  PACKET_TX_RING,
  pages,
  send,
  setsockopt,
  SOL_PACKET,
  SystemError,
  TP_STATUS_SEND_REQUEST,
  tpacket_hdr,
  tpacket_req,
} from "../../ffi/mod.ts";
import { datagramFrame } from "../../lib/packets/build.ts";
import { asInterface } from "../../lib/packets/link_layer.ts";
import { boundPacketSocket } from "../../lib/packets/socket.ts";
import { pause } from "./pause.ts";

/** The room for a frame in the ring, in bytes, and the number of frames. */
const ROOM = 256, FRAMES = 256;

/** The time between two bursts at a given rate, in milliseconds. */
const TICK = 1;

const [name, seconds, rate = "Infinity", address = "239.255.7.7", port = "7777"] = Deno.args;
const sender = asInterface(linkByIndex(if_nametoindex(name)));
const frame = datagramFrame({
  sender,
  to: { address, port: Number(port) },
  payload: new TextEncoder().encode("of others"),
});

using socket = boundPacketSocket(sender.ifindex, 0);
const request = tpacket_req.alloc();
request.tp_block_size = FRAMES * ROOM;
request.tp_block_nr = 1;
request.tp_frame_size = ROOM;
request.tp_frame_nr = FRAMES;
setsockopt(socket.fd, SOL_PACKET, PACKET_TX_RING, request.bytes);
const memory = pages(FRAMES * ROOM);
mapOver(memory, MAP_SHARED, socket.fd);

/** The status words of the slots. tpacket_hdr begins with tp_status, an unsigned long. */
const statuses = Array.from({ length: FRAMES }, (_, i) => {
  memory.set(frame, i * ROOM + tpacket_hdr.size);
  const slot = tpacket_hdr.over(memory.subarray(i * ROOM, i * ROOM + tpacket_hdr.size));
  slot.tp_len = frame.length;
  return new BigUint64Array(memory.buffer, memory.byteOffset + i * ROOM, 1);
});

const nothing = new Uint8Array();
const end = performance.now() + Number(seconds) * 1000;
const began = performance.now();
let sent = 0, next = 0;
while (performance.now() < end) {
  const due = Math.floor((performance.now() - began) / 1000 * Number(rate));
  const burst = Math.min(FRAMES, due - sent);
  if (burst <= 0) {
    await pause(TICK);
    continue;
  }
  for (let i = 0; i < burst; i++) statuses[(next + i) % FRAMES][0] = BigInt(TP_STATUS_SEND_REQUEST);
  for (;;) {
    try {
      send(socket.fd, nothing, 0);
      break;
    } catch (error) {
      if (!(error instanceof SystemError && error.code === "ENOBUFS")) throw error;
    }
  }
  next = (next + burst) % FRAMES;
  sent += burst;
}
await Deno.stdout.write(new TextEncoder().encode(`${sent}\n`));
