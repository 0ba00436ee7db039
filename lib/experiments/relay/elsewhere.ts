/**
 * The attempts of a compromised relay worker to send anything but the relayed datagrams. Each is
 * made for real, and carries a text by which a witness recognizes it.
 *
 * @module
 */

import {
  AF_INET,
  AF_PACKET,
  ETH_P_ALL,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_RAW,
} from "../../../ffi/abi/constants.ts";
import { errnoName, errnoOf } from "../../../ffi/abi/errno.ts";
import { iovec, mmsghdr, msghdr, sockaddr_in, virtio_net_hdr } from "../../../ffi/abi/layouts.ts";
import { rawSyscall } from "../../../ffi/abi/raw_syscall.ts";
import { addressOf } from "../../../ffi/abi/struct.ts";
import { close, dup, OwnedFd, write } from "../../../ffi/process/descriptor.ts";
import { bind, connect, send, sendTo, socket } from "../../../ffi/socket/calls.ts";
import { inetAddress, sendMulticastBy } from "../../../ffi/socket/inet.ts";
import type { WorkerDescriptors } from "../../confine/descriptors.ts";
import { joined } from "../../packets/build.ts";
import type { LinkLayer } from "../../packets/link_layer.ts";
import { ELSEWHERE, markedFrame } from "../../packets/marks.ts";
import { packetAddress } from "../../packets/socket.ts";

const STRAY_TEXT = "fdpass-elsewhere";

/** Returns a text for the control frames of one run: those of another run do not count. */
export function newControlText(): string {
  return `fdpass-control-${crypto.getRandomValues(new Uint8Array(8)).toHex()}`;
}

/** Returns the payload of a stray datagram, or of another one with its text. */
export function strayPayload(text = STRAY_TEXT): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** Returns a stray datagram in a frame, or another one with its text. */
export function strayFrame(layer: LinkLayer, text = STRAY_TEXT): Uint8Array<ArrayBuffer> {
  return markedFrame(text, layer);
}

/** Returns a stray frame as a socket with an offload header sends it. */
export function strayFrameWithHeader(layer: LinkLayer): Uint8Array<ArrayBuffer> {
  return joined(virtio_net_hdr.alloc().bytes, strayFrame(layer));
}

/** Whether a frame carries a text, by default that of a stray datagram. */
export function isStray(frame: Uint8Array, text = STRAY_TEXT): boolean {
  return new TextDecoder("latin1").decode(frame).includes(text);
}

/** A worker that sends by its egress. */
interface Sender extends WorkerDescriptors {
  readonly egressFd: number;
  /** The ifindex of the interface that the packet socket is bound to. */
  readonly ifindex: number;
  /** The form of the frames on that interface. */
  readonly layer: LinkLayer;
}

// SAFETY: `message` and `vector` hold addresses of the other buffers. All of them are bindings of
// this module, so they outlive every call.
const elsewhere = inetAddress(ELSEWHERE);
const payload = strayPayload();
const vector = iovec.alloc();
const message = mmsghdr.alloc();

function messageElsewhere(): Uint8Array<ArrayBuffer> {
  const header = msghdr.over(message.bytes);
  vector.iov_base = addressOf(payload);
  vector.iov_len = payload.length;
  header.msg_name = addressOf(elsewhere);
  header.msg_namelen = elsewhere.length;
  header.msg_iov = addressOf(vector.bytes);
  header.msg_iovlen = 1;
  return message.bytes;
}

/** Uses a socket, and closes it. */
function usingSocket(fd: number, use: (fd: number) => unknown): void {
  using owned = new OwnedFd(fd);
  use(owned.fd);
}

/** The attempts, by name. Those that would change the egress come last. */
const ATTEMPTS: { readonly [name: string]: (sender: Sender) => unknown } = {
  "sendto with an address": ({ egressFd }) => sendTo(egressFd, payload, 0, elsewhere),
  "sendmsg with an address": ({ egressFd }) =>
    rawSyscall("sendmsg", egressFd, messageElsewhere(), 0),
  "sendmmsg with an address": ({ egressFd }) =>
    rawSyscall("sendmmsg", egressFd, messageElsewhere(), 1, 0),
  "a UDP socket": () =>
    usingSocket(
      socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0),
      (fd) => sendTo(fd, payload, 0, elsewhere),
    ),
  "a packet socket": ({ ifindex, layer }) =>
    usingSocket(
      socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0),
      (fd) => sendTo(fd, strayFrame(layer), 0, packetAddress(ifindex, ETH_P_ALL)),
    ),
  "send by the packet socket": ({ packetFd, layer }) =>
    send(packetFd, strayFrameWithHeader(layer), 0),
  "sendto by the packet socket": ({ packetFd, ifindex, layer }) =>
    sendTo(packetFd, strayFrameWithHeader(layer), 0, packetAddress(ifindex, ETH_P_ALL)),
  "write to the packet socket": ({ packetFd, layer }) =>
    write(packetFd, strayFrameWithHeader(layer)),
  "bind the packet socket": ({ packetFd, ifindex }) =>
    bind(packetFd, packetAddress(ifindex, ETH_P_ALL)),
  "duplicate the egress": ({ egressFd }) => close(dup(egressFd)),
  "IP_MULTICAST_TTL": ({ egressFd, ifindex }) => sendMulticastBy(egressFd, ifindex, 32),
  // AF_UNSPEC disconnects: connect(2)
  "disconnect the egress": ({ egressFd }) => connect(egressFd, sockaddr_in.alloc().bytes),
  "connect the egress elsewhere": ({ egressFd }) => {
    connect(egressFd, elsewhere);
    send(egressFd, payload, 0);
  },
};

/**
 * Makes every attempt.
 *
 * @returns The outcome of each, by its name: `allowed`, or the name of the errno.
 */
export function attemptElsewhere(sender: Sender): { [name: string]: string } {
  return Object.fromEntries(
    Object.entries(ATTEMPTS).map(([name, attempt]) => {
      const errno = errnoOf(() => attempt(sender));
      return [name, errno === 0 ? "allowed" : errnoName(errno)];
    }),
  );
}
