/**
 * Receives a datagram from this machine over a veth pair by a packet ring, and prints how a relay
 * treats it: no hardware has computed its checksum.
 *
 * @module
 */

import {
  AF_INET,
  connect,
  ETH_P_ALL,
  if_nametoindex,
  inetAddress,
  OwnedFd,
  send,
  sendMulticastBy,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  socket,
  TP_STATUS_CSUMNOTREADY,
} from "../../../../../ffi/mod.ts";
import { DatagramReader } from "../../../../../lib/experiments/relay/datagrams.ts";
import { boundPacketSocket } from "../../../../../lib/packets/socket.ts";
import { PacketRingSource } from "../../../../../lib/receive/tpacket_v3.ts";
import { Relay } from "../../../../../lib/experiments/relay/relay.ts";
import { printJson } from "../../../../ffi/programs/print_json.ts";

const GROUP = { address: "239.255.70.68", port: 5004 };
using packetSocket = boundPacketSocket(if_nametoindex("veth-fdpass"), ETH_P_ALL);
using source = PacketRingSource.setUp(packetSocket.fd);
using sender = new OwnedFd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
sendMulticastBy(sender.fd, if_nametoindex("veth-fdpass-far"), 1);
connect(sender.fd, inetAddress(GROUP));
send(sender.fd, new TextEncoder().encode("a datagram"), 0);

const reader = new DatagramReader(GROUP, "ethernet");
const seen = { pending: false, believed: "", checked: "", relayed: 0 };
for (
  const deadline = performance.now() + 5000;
  seen.checked === "" && performance.now() < deadline;
) {
  source.wait(1000);
  while (source.next()) {
    const { bytes, offset, captured } = source;
    const believed = reader.read(bytes, offset, captured, true);
    if (believed !== undefined) continue; // a frame that the kernel sent itself
    seen.pending = (source.status & TP_STATUS_CSUMNOTREADY) !== 0;
    seen.believed = new TextDecoder().decode(bytes.slice(reader.start, reader.start + reader.size));
    seen.checked = reader.read(bytes, offset, captured, false) ?? "";
  }
}

// The same with a relay, which sends the datagram on to the same group by the same socket.
const relay = new Relay(source, sender.fd, GROUP, "ethernet");
send(sender.fd, new TextEncoder().encode("another"), 0);
for (
  const deadline = performance.now() + 5000;
  relay.account.relayed === 0 && performance.now() < deadline;
) {
  source.wait(1000);
  relay.turn(1);
}
seen.relayed = relay.account.relayed;
printJson(seen);
