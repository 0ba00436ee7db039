/**
 * Looks at the sockets of a process again and again, while frames come, and compares everything
 * that its holder can see of the socket before and after.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import {
  copyDescriptor,
  F_GETFL,
  getsockname,
  getsockopt,
  if_nametoindex,
  libc,
  MSG_DONTWAIT,
  PACKET_ADD_MEMBERSHIP,
  PACKET_AUXDATA,
  PACKET_FANOUT,
  PACKET_IGNORE_OUTGOING,
  PACKET_MR_PROMISC,
  packet_mreq,
  PACKET_QDISC_BYPASS,
  PACKET_SHOW_FANOUT,
  PACKET_SHOW_FILTER,
  PACKET_SHOW_INFO,
  PACKET_SHOW_MCLIST,
  PACKET_SHOW_MEMINFO,
  PACKET_SHOW_RING_CFG,
  PACKET_TIMESTAMP,
  PACKET_VERSION,
  PACKET_VNET_HDR,
  readLink,
  ReceiveBuffer,
  reportedPacketSockets,
  setsockopt,
  SO_COOKIE,
  SO_LOCK_FILTER,
  SO_MARK,
  SO_PRIORITY,
  SO_RCVBUF,
  SO_RCVTIMEO,
  SO_TIMESTAMP,
  SO_TIMESTAMPING,
  SO_TIMESTAMPNS,
  SOL_PACKET,
  SOL_SOCKET,
} from "../../../../ffi/mod.ts";
import { seeDaemon } from "../../../../lib/inspect/daemon.ts";
import { seePacketSockets } from "../../../../lib/inspect/sockets/socket_state.ts";
import { ETHERTYPE, isSame, numberedFrame, Sender, sizeOf } from "../../../ffi/programs/veth.ts";
import { startDaemon } from "../../../support/daemon.ts";
import { bindPacketSocket, takeStatistics } from "../../../../lib/packets/socket.ts";

const EVERYTHING = PACKET_SHOW_INFO | PACKET_SHOW_MCLIST | PACKET_SHOW_RING_CFG |
  PACKET_SHOW_FANOUT | PACKET_SHOW_MEMINFO | PACKET_SHOW_FILTER;

const OPTIONS: readonly (readonly [level: number, options: readonly number[]])[] = [
  [SOL_SOCKET, [
    ...[SO_COOKIE, SO_LOCK_FILTER, SO_MARK, SO_PRIORITY, SO_RCVBUF, SO_RCVTIMEO],
    ...[SO_TIMESTAMP, SO_TIMESTAMPING, SO_TIMESTAMPNS],
  ]],
  [SOL_PACKET, [
    ...[PACKET_AUXDATA, PACKET_FANOUT, PACKET_IGNORE_OUTGOING, PACKET_QDISC_BYPASS],
    ...[PACKET_TIMESTAMP, PACKET_VERSION, PACKET_VNET_HDR],
  ]],
];

/** Everything that the holder of a socket can read of it without a change, but its counters. */
function settings(fd: number): unknown {
  const link = readLink(`/proc/self/fd/${fd}`);
  return {
    flags: libc.fcntl(fd, F_GETFL, 0),
    address: getsockname(fd),
    options: OPTIONS.map(([level, options]) =>
      options.map((option) => getsockopt(fd, level, option, 16))
    ),
    report: reportedPacketSockets(EVERYTHING).find(({ inode }) => link === `socket:[${inode}]`),
  };
}

/** What is compared: the counts of the kernel, and the frames that are read afterwards. */
export interface Unchanged {
  readonly sent: number;
  readonly counted: number;
  readonly dropped: number;
  /** How many of the frames sent were read, in order and byte for byte. */
  readonly read: number;
}

/**
 * Looks at a daemon with a socket on veth-fdpass, and sends a frame to it before each look.
 *
 * @param times How often to look.
 * @param look Looks at the daemon; replaced to show that a change is noticed.
 */
export async function lookedAt(
  times: number,
  look: (pid: number) => void = (pid) => seePacketSockets(seeDaemon(pid)),
): Promise<Unchanged> {
  const ifindex = if_nametoindex("veth-fdpass");
  await using daemon = await startDaemon([`packet=${ifindex}`]);
  using copy = copyDescriptor(daemon.pid, 3);
  const membership = packet_mreq.alloc();
  Object.assign(membership, { mr_ifindex: ifindex, mr_type: PACKET_MR_PROMISC });
  setsockopt(copy.fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, membership.bytes);
  bindPacketSocket(copy.fd, ifindex, ETHERTYPE); // the link sends frames of its own
  using far = new Sender();
  const buffer = new ReceiveBuffer(4096);
  while (buffer.receive(copy.fd, MSG_DONTWAIT) !== -1);
  takeStatistics(copy.fd);

  let read = 0;
  for (let number = 0; number < times; number++) {
    const frame = numberedFrame(number, sizeOf(number));
    far.send(frame);
    const before = settings(copy.fd);
    look(daemon.pid);
    assertEquals(settings(copy.fd), before);
    const length = buffer.receive(copy.fd, MSG_DONTWAIT);
    if (length > 0 && isSame(buffer.bytes.subarray(0, length), frame)) read++;
  }
  const { packets, drops } = takeStatistics(copy.fd);
  return { sent: times, counted: packets, dropped: drops, read };
}
