/**
 * Runs a command while others send at an interface, until the command ends.
 *
 *     among_others.ts KIND INTERFACE COMMAND [ARG…]
 *
 * KIND is `tagged` (frames of VLAN 5, and of VLAN 6 within VLAN 7), `group` (datagrams to the group
 * and the port of the stimulus), `noise` (ARP, IPv6, and frames to other hosts), `joined` (four
 * datagrams to the group as one super-packet), or `flood` (datagrams to the group, as many as one
 * process can send).
 *
 * @module
 */

import {
  Errno,
  errnoOf,
  ETH_P_ARP,
  ETH_P_IPV6,
  send,
  virtio_net_hdr,
  VIRTIO_NET_HDR_F_NEEDS_CSUM,
  VIRTIO_NET_HDR_GSO_UDP_L4,
} from "../../ffi/mod.ts";
import { be16, datagramFrame, joined, linkFrame } from "../../lib/packets/build.ts";
import { enableOffloadHeader } from "../../lib/packets/offload_header.ts";
import { boundPacketSocket } from "../../lib/packets/socket.ts";
import { interfaceByName, SENDER } from "./link_ends.ts";
import { passThrough } from "./pass_through.ts";
import { pause } from "./pause.ts";

const GROUP = { address: "239.255.70.68", port: 5004 };
const EVERYBODY = new Uint8Array(6).fill(0xff), SOMEBODY = Uint8Array.of(2, 0, 0, 0, 0, 9);

/** The time between two bursts, in milliseconds, and the frames of one. */
const TICK = 4, BURST = 4;
/** The frames of one burst in a flood, and the least time for the command between two. */
const FLOOD_BURST = 2000, BREATH = 1;

type Frame = Uint8Array<ArrayBuffer>;

const datagram = (number: number): Frame =>
  datagramFrame({ sender: SENDER, to: GROUP, payload: new Uint8Array(40).fill(number) });

/** Puts VLAN tags into a frame: IEEE 802.1Q, and 802.1ad outside it. */
const tagged = (frame: Frame, ...tags: number[]): Frame =>
  joined(frame.subarray(0, 12), tags, frame.subarray(12));

/** The size of the datagrams in a super-packet, in bytes of payload. */
const SEGMENT = 1200;

/** The offload header that has the kernel take a datagram for several of them. */
const SPLIT = virtio_net_hdr.alloc();
Object.assign(SPLIT, {
  flags: VIRTIO_NET_HDR_F_NEEDS_CSUM,
  gso_type: VIRTIO_NET_HDR_GSO_UDP_L4,
  gso_size: SEGMENT,
  hdr_len: 14 + 20 + 8,
  csum_start: 14 + 20,
  csum_offset: 6,
});

const KINDS: Readonly<Record<string, (number: number) => Frame>> = {
  tagged: (number) =>
    number % 2 === 0
      ? tagged(datagram(number), 0x81, 0x00, 0, 5)
      : tagged(datagram(number), 0x88, 0xa8, 0, 7, 0x81, 0x00, 0, 6),
  group: datagram,
  noise: (number) => {
    const packet = joined(be16(number), new Uint8Array(50));
    return [
      linkFrame(SENDER, EVERYBODY, ETH_P_ARP, packet),
      linkFrame(SENDER, SOMEBODY, ETH_P_IPV6, packet),
      linkFrame(SENDER, [0x33, 0x33, 0, 0, 0, 1], ETH_P_IPV6, packet),
    ][number % 3];
  },
  joined: (number) => {
    const payload = new Uint8Array(4 * SEGMENT).fill(number);
    return joined(SPLIT.bytes, datagramFrame({ sender: SENDER, to: GROUP, payload }));
  },
  flood: datagram,
};

const [kind, name, command, ...args] = Deno.args;
const frames = Array.from({ length: 6 }, (_, number) => KINDS[kind](number));
using sender = boundPacketSocket(interfaceByName(name).ifindex, 0);
if (kind === "joined") enableOffloadHeader(sender.fd);
const [burst, rest] = kind === "flood" ? [FLOOD_BURST, BREATH] : [BURST, TICK];

let isOver = false;
const ended = passThrough(command, args).finally(() => isOver = true);
for (let sent = 0; !isOver; await pause(rest)) {
  for (let left = burst; left > 0; left--) {
    const errno = errnoOf(() => send(sender.fd, frames[sent++ % frames.length], 0));
    if (errno === Errno.ENOBUFS) break; // no room: later
    if (errno !== 0 && errno !== Errno.ENETDOWN) throw new Error(`cannot send: errno ${errno}`);
  }
}
Deno.exit(await ended);
