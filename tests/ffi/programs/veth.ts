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

/** The first of the two that IEEE 802 leaves to local experiments: nothing else on the link has it. */
export const ETHERTYPE = 0x88b5;
/** Where a frame has its number, of 32 bits. */
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
 * A packet socket on the near end, which receives our frames and no others.
 *
 * @param protocol `ETH_P_ALL` for what else comes as well, and for VLAN tags: they do not reach a socket of one protocol.
 */
export function nearSocket(protocol = ETHERTYPE): OwnedFd {
  return packetSocket("veth-fdpass", protocol);
}

/** A frame with its number, and filled so that no byte fits another frame or another place. */
export function numberedFrame(number: number, size: number): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(size);
  frame.set([0x01, 0x00, 0x5e, 0x7f, 0x00, 0x01, 0x02, 0, 0, 0, 0, 0x01]);
  new DataView(frame.buffer).setUint16(12, ETHERTYPE);
  new DataView(frame.buffer).setUint32(NUMBER_OFFSET, number);
  for (let i = NUMBER_OFFSET + 4; i < size; i++) frame[i] = number * 31 + i * 7 >> 2;
  return frame;
}

/** Lengths from 60 to 1514 in no order: of the frame with that number. */
export function sizeOf(number: number): number {
  return 60 + number * 997 % 1455;
}

/** Whether two frames are the same, byte for byte. */
export function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, i) => byte === other[i]);
}

/** How often a frame is tried that finds a queue full: all namespaces share one, whoever fills it. */
const TRIES = 5000;

/** Sends at the far end. */
export class Sender implements Disposable {
  readonly #socket = packetSocket("veth-fdpass-far", 0); // protocol 0: it receives nothing
  readonly fd = this.#socket.fd;

  /** Sends a frame; if there is no room for it just now, a little later. */
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

/** What the kernel has counted since the last time: frames for which there was room, and others. */
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
