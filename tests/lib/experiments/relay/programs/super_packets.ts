/**
 * Relays joined datagrams, each path by itself, and prints how many datagrams came out, of which
 * sizes, and whether they are those that an ordinary socket sent.
 *
 *     super_packets.ts
 *
 * @module
 */

import {
  AF_INET,
  bind,
  connect,
  cString,
  ETH_P_ALL,
  getsockname,
  if_nametoindex,
  inetAddress,
  OwnedFd,
  send,
  sendMulticastBy,
  setsockopt,
  SO_BINDTODEVICE,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  socket,
  SOL_SOCKET,
} from "../../../../../ffi/mod.ts";
import { takePayloads } from "../../../../../lib/experiments/relay/receiver.ts";
import { Relay } from "../../../../../lib/experiments/relay/relay.ts";
import { enableOffloadHeader } from "../../../../../lib/packets/offload_header.ts";
import { boundPacketSocket, enlargeReceiveBuffer } from "../../../../../lib/packets/socket.ts";
import {
  openFrameSource,
  RECEIVE_PATHS,
  type ReceivePath,
} from "../../../../../lib/receive/mod.ts";
import { ip } from "../../../../ffi/programs/veth.ts";
import { printJson } from "../../../../ffi/programs/print_json.ts";

const GROUP = { address: "239.255.70.68", port: 5004 };
const FAR = "veth-fdpass-far";
/** linux/udp.h: the size of the datagrams that one send is split into. */
const SOL_UDP = 17, UDP_SEGMENT = 103;
const SENDS = 10, SIZE = 1200, JOINED = 40;

const udpSocket = () => new OwnedFd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));

ip("address", "add", "198.51.100.2/24", "dev", FAR);
using sender = udpSocket();
setsockopt(sender.fd, SOL_SOCKET, SO_BINDTODEVICE, cString(FAR));
sendMulticastBy(sender.fd, if_nametoindex(FAR), 1);
setsockopt(sender.fd, SOL_UDP, UDP_SEGMENT, SIZE);
connect(sender.fd, inetAddress(GROUP));

/** The payload of one send: each of its datagrams is full of its own number. */
const payloadOf = (first: number) =>
  Uint8Array.from({ length: JOINED * SIZE }, (_, i) => first + Math.floor(i / SIZE) & 0xff);

function relayed(path: ReceivePath) {
  using packetSocket = boundPacketSocket(if_nametoindex("veth-fdpass"), ETH_P_ALL);
  enableOffloadHeader(packetSocket.fd);
  enlargeReceiveBuffer(packetSocket.fd);
  using source = openFrameSource(path, packetSocket.fd);
  using receiver = udpSocket();
  enlargeReceiveBuffer(receiver.fd);
  bind(receiver.fd, inetAddress({ address: "127.0.0.1", port: 0 }));
  using egress = udpSocket();
  connect(egress.fd, getsockname(receiver.fd));
  const relay = new Relay(source, egress.fd, GROUP, "ethernet");
  for (let i = 0; i < SENDS; i++) send(sender.fd, payloadOf(i * JOINED), 0);
  for (
    const deadline = performance.now() + 5000;
    relay.account.relayed < SENDS * JOINED && performance.now() < deadline;
  ) {
    source.wait(100);
    relay.turn(64);
  }
  const payloads = takePayloads(receiver.fd);
  return {
    relayed: relay.account.relayed,
    sizes: [...new Set(payloads.map(({ length }) => length))],
    right: payloads.filter((each, i) => each.every((byte) => byte === (i & 0xff))).length,
  };
}

const paths = Object.keys(RECEIVE_PATHS) as ReceivePath[];
printJson(Object.fromEntries(paths.map((path) => [path, relayed(path)])));
