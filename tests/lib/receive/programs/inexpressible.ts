/**
 * Receives while super-packets arrive that an offload header cannot express: UDP datagrams that are
 * to be sent as fragments (UFO), written into a tap interface.
 *
 *     inexpressible.ts COUNTS PATHS
 *
 * Three ordinary frames arrive, and between each two a number of super-packets. COUNTS lists these
 * numbers in JSON; each is a case of its own.
 *
 * @module
 */

import {
  ETH_P_ALL,
  ifreq,
  ioctl,
  O_CLOEXEC,
  O_RDWR,
  open,
  OwnedFd,
  virtio_net_hdr,
  VIRTIO_NET_HDR_F_NEEDS_CSUM,
  VIRTIO_NET_HDR_GSO_UDP,
  write,
} from "../../../../ffi/mod.ts";
import { joined, linkFrame, udpOverIpv4 } from "../../../../lib/packets/build.ts";
import { enableOffloadHeader } from "../../../../lib/packets/offload_header.ts";
import { enlargeReceiveBuffer, takeStatistics } from "../../../../lib/packets/socket.ts";
import type { ReceivePath } from "../../../../lib/receive/mod.ts";
import { ip, numberedFrame, SOURCE } from "../../../ffi/programs/veth.ts";
import { printForEachPath, Receiver } from "./receiving.ts";

/** linux/if_tun.h. */
const TUNSETIFF = 0x400454ca, IFF_TAP = 2, IFF_NO_PI = 0x1000, IFF_VNET_HDR = 0x4000;

const NAME = "tap-fdpass";
using tap = new OwnedFd(open("/dev/net/tun", O_RDWR | O_CLOEXEC));
const request = ifreq.alloc();
request.ifr_name.set(new TextEncoder().encode(NAME));
request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
ioctl(tap.fd, TUNSETIFF, request.bytes);
ip("link", "set", NAME, "up", "addrgenmode", "none");

/** Writes a frame into the interface, behind its offload header. */
function arrive(frame: Uint8Array, header = virtio_net_hdr.alloc()): void {
  write(tap.fd, joined(header.bytes, frame));
}

const packet = udpOverIpv4({
  destination: [239, 255, 70, 68],
  port: 5004,
  payload: new Uint8Array(4000),
});
const superPacket = linkFrame(
  { layer: "ethernet", address: SOURCE },
  [0x01, 0x00, 0x5e, 0x7f, 0x46, 0x44],
  0x0800,
  packet,
);
const fragmented = virtio_net_hdr.alloc();
fragmented.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
fragmented.gso_type = VIRTIO_NET_HDR_GSO_UDP;
fragmented.hdr_len = 14 + 20 + 8;
fragmented.gso_size = 1480;
fragmented.csum_start = 14 + 20;
fragmented.csum_offset = 6;

function prepare(packetFd: number): void {
  enableOffloadHeader(packetFd);
  enlargeReceiveBuffer(packetFd);
}

function receive(path: ReceivePath, count: number) {
  using receiver = new Receiver(path, { interfaceName: NAME, protocol: ETH_P_ALL, prepare });
  const { source, packetSocket } = receiver;
  for (let number = 0; number < 3; number++) {
    arrive(numberedFrame(number, 100));
    for (let i = 0; number < 2 && i < count; i++) arrive(superPacket, fragmented);
  }
  const received = [0, 1, 2].map((number) =>
    receiver.awaitOurs() && receiver.isAt(numberedFrame(number, 100))
  );
  const { packets, drops } = takeStatistics(packetSocket.fd);
  return { received, more: source.next(), inexpressible: source.inexpressible, packets, drops };
}

const counts = JSON.parse(Deno.args[0]) as number[];
printForEachPath((path) => counts.map((count) => receive(path, count)));
