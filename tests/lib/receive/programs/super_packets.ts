/**
 * Receives super-packets and ordinary frames, and prints what the source reports of each.
 *
 *     super_packets.ts DATAGRAMS PATHS
 *
 * DATAGRAMS is a list, in JSON, of pairs: the size of a payload, and of the datagrams that it is
 * split into, or 0. An ordinary UDP socket sends them with UDP_SEGMENT, so that they cross the veth
 * pair joined into one. Each receive path has a socket without an offload header, and one with it.
 *
 * @module
 */

import {
  AF_INET,
  cString,
  ETH_P_ALL,
  if_nametoindex,
  inetAddress,
  OwnedFd,
  sendMulticastBy,
  sendTo,
  setsockopt,
  SO_BINDTODEVICE,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  socket,
  SOL_SOCKET,
} from "../../../../ffi/mod.ts";
import { enableOffloadHeader } from "../../../../lib/packets/offload_header.ts";
import { takeStatistics } from "../../../../lib/packets/socket.ts";
import { currentFrame, type ReceivePath } from "../../../../lib/receive/mod.ts";
import { ip, isSame, numberedFrame, Sender, tagged } from "../../../ffi/programs/veth.ts";
import { printForEachPath, Receiver } from "./receiving.ts";

/** linux/udp.h: the size of the datagrams that one send is split into. */
const SOL_UDP = 17, UDP_SEGMENT = 103;

const FAR = "veth-fdpass-far";
const GROUP = { address: "239.255.70.68", port: 5004 };

ip("address", "add", "198.51.100.2/24", "dev", FAR);
using datagrams = new OwnedFd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
setsockopt(datagrams.fd, SOL_SOCKET, SO_BINDTODEVICE, cString(FAR));
sendMulticastBy(datagrams.fd, if_nametoindex(FAR), 1);

/** Sends a payload, split into datagrams of that size; 0 sends it as one. */
function send(payload: Uint8Array<ArrayBuffer>, segmentSize: number): void {
  setsockopt(datagrams.fd, SOL_UDP, UDP_SEGMENT, segmentSize);
  sendTo(datagrams.fd, payload, 0, inetAddress(GROUP));
}

using sender = new Sender();

/** Waits for the frame that ends with those bytes, and returns what the source reports of it. */
function report(receiver: Receiver, end: Uint8Array) {
  const { source } = receiver;
  while (receiver.await()) {
    const frame = currentFrame(source);
    if (!isSame(frame.subarray(-end.length), end)) continue; // a frame of the kernel's own
    const { length, captured, segmentSize, isChecksumPending, vlan = null } = source;
    return { length, isWhole: captured === length, segmentSize, isChecksumPending, vlan };
  }
  return "missing";
}

/** A payload that differs everywhere. */
const payloadOf = (size: number) => Uint8Array.from({ length: size }, (_, i) => i * 31 + i >> 3);

function receive(path: ReceivePath, prepare?: (packetFd: number) => void) {
  using receiver = new Receiver(path, { protocol: ETH_P_ALL, prepare });
  const reports = (JSON.parse(Deno.args[0]) as [number, number][]).map(([size, segmentSize]) => {
    send(payloadOf(size), segmentSize);
    return report(receiver, payloadOf(size));
  });
  const plain = numberedFrame(1, 600);
  for (const frame of [plain, tagged(plain, 0x8100, 5)]) {
    sender.send(frame);
    reports.push(report(receiver, plain.subarray(14)));
  }
  const { inexpressible } = receiver.source;
  return { reports, inexpressible, dropped: takeStatistics(receiver.packetSocket.fd).drops };
}

printForEachPath((path) => ({
  plain: receive(path),
  withHeader: receive(path, enableOffloadHeader),
}));
