/**
 * Numbered frames from the far end of the veth pair of `scripts/netns.sh` to the near one.
 *
 * @module
 */

import {
  AF_PACKET,
  bind,
  Errno,
  errnoOf,
  getsockopt,
  if_nametoindex,
  OwnedFd,
  PACKET_STATISTICS,
  send,
  sleep,
  SOCK_CLOEXEC,
  SOCK_RAW,
  sockaddr_ll,
  socket,
  SOL_PACKET,
  SystemError,
  tpacket_stats,
} from "../../../ffi/mod.ts";

/**
 * The first of the two EtherTypes that IEEE 802 reserves for local experiments; nothing else on the
 * link uses it.
 */
export const ETHERTYPE = 0x88b5;
/** The offset of the 32-bit number in a frame. */
export const NUMBER_OFFSET = 14;

function packetSocket(interfaceName: string, protocol: number): OwnedFd {
  const fd = new OwnedFd(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  const address = sockaddr_ll.alloc();
  address.sll_family = AF_PACKET;
  address.sll_protocol = protocol;
  address.sll_ifindex = if_nametoindex(interfaceName);
  bind(fd.fd, address.bytes);
  return fd;
}

/**
 * A packet socket on the near end that receives only the frames of this test.
 *
 * @param protocol `ETH_P_ALL` to receive all others too, and VLAN tags, which do not reach a socket
 * of one protocol.
 */
export function nearSocket(protocol = ETHERTYPE): OwnedFd {
  return packetSocket("veth-fdpass", protocol);
}

/** The hardware address that sends the frames of these tests. */
export const SOURCE = Uint8Array.of(2, 0, 0, 0, 0, 1);

/** A frame with its number, filled so that no byte matches another frame or offset. */
export function numberedFrame(number: number, size: number): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(size);
  frame.set([0x01, 0x00, 0x5e, 0x7f, 0x00, 0x01, ...SOURCE]);
  new DataView(frame.buffer).setUint16(12, ETHERTYPE);
  new DataView(frame.buffer).setUint32(NUMBER_OFFSET, number);
  for (let i = NUMBER_OFFSET + 4; i < size; i++) frame[i] = number * 31 + i * 7 >> 2;
  return frame;
}

/** A frame with a tag behind the addresses. Source: IEEE 802.1Q, 9.3. */
export function tagged(frame: Uint8Array, tpid: number, tci: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(
    ...frame.subarray(0, 12),
    ...[tpid >> 8, tpid & 0xff, tci >> 8, tci & 0xff],
    ...frame.subarray(12),
  );
}

/** The length of the frame of this number: 60 to 1514, in no order. */
export function sizeOf(number: number): number {
  return 60 + number * 997 % 1455;
}

/** Whether two frames are the same, byte for byte. */
export function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, i) => byte === other[i]);
}

/** How often a send to a full queue is retried; all namespaces share that queue. */
const TRIES = 5000;

/** A sender, by default at the far end. */
export class Sender implements Disposable {
  readonly #socket: OwnedFd;
  readonly fd: number;

  constructor(interfaceName = "veth-fdpass-far") {
    this.#socket = packetSocket(interfaceName, 0); // protocol 0: it receives nothing
    this.fd = this.#socket.fd;
  }

  /** Sends a frame; if the queue is full, it retries a little later. */
  send(frame: Uint8Array<ArrayBuffer>): void {
    for (let tries = 1;; tries++) {
      const errno = errnoOf(() => send(this.#socket.fd, frame, 0));
      if (errno === 0) return;
      if (errno !== Errno.ENOBUFS || tries === TRIES) throw new SystemError("sendto", errno);
      sleep(1);
    }
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}

/** The kernel counters since the last read: frames received, and frames dropped. */
export function counted(packetFd: number): { queued: number; dropped: number } {
  const statistics = getsockopt(packetFd, SOL_PACKET, PACKET_STATISTICS, tpacket_stats.size);
  const { tp_packets, tp_drops } = tpacket_stats.over(statistics);
  return { queued: tp_packets - tp_drops, dropped: tp_drops };
}

/** Runs ip(8). */
export function ip(...args: string[]): void {
  const { success, stderr } = new Deno.Command("ip", { args }).outputSync();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}
