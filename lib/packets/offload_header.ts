/**
 * The header that the kernel puts before each frame of a socket with PACKET_VNET_HDR: whether the
 * frame is several packets joined into one (GSO, GRO), and whether its checksum is computed.
 *
 * Without it such a super-packet cannot be told from a packet of the network: it has the headers of
 * one packet, of any length up to 64 KiB. Source: virtio_net_hdr_from_skb in linux/virtio_net.h.
 *
 * @module
 */

import {
  PACKET_VNET_HDR,
  SOL_PACKET,
  VIRTIO_NET_HDR_F_NEEDS_CSUM,
  VIRTIO_NET_HDR_GSO_NONE,
} from "../../ffi/abi/constants.ts";
import { attempt } from "../../ffi/abi/errno.ts";
import { virtio_net_hdr } from "../../ffi/abi/layouts.ts";
import { getsockoptInt, setsockopt } from "../../ffi/socket/calls.ts";

/**
 * Has the kernel put the header before each frame that is received by the socket, for all its
 * holders. A sender must then put one before each frame, too. Must come before a ring is set up.
 *
 * A super-packet of a type that the header cannot express is dropped: a ring counts it among its
 * drops, every other call fails with `EINVAL`. Before Linux 6.2 that is so of joined UDP datagrams.
 *
 * @throws {SystemError} `EBUSY` (the socket has a ring), `EINVAL` (it is not of type `SOCK_RAW`).
 */
export function enableOffloadHeader(packetFd: number): void {
  attempt(
    "Cannot have a header before each frame",
    () => setsockopt(packetFd, SOL_PACKET, PACKET_VNET_HDR, 1),
  );
}

/**
 * Returns the size of the header before each frame of a packet socket, in bytes; 0 if it has none.
 *
 * @throws {SystemError} `ENOTSOCK`, `EBADF`, …
 */
export function offloadHeaderSize(packetFd: number): number {
  return getsockoptInt(packetFd, SOL_PACKET, PACKET_VNET_HDR) === 0 ? 0 : virtio_net_hdr.size;
}

/**
 * Returns the size of the packets that were joined into a frame, in bytes of payload; the last one
 * may be shorter. 0 for an ordinary frame.
 *
 * @param bytes The memory that holds the frame and its header.
 * @param start Where the header begins.
 */
export function segmentSizeIn(bytes: Uint8Array, start: number): number {
  if (bytes[start + GSO_TYPE] === VIRTIO_NET_HDR_GSO_NONE) return 0;
  return bytes[start + GSO_SIZE] | bytes[start + GSO_SIZE + 1] << 8; // the machine's byte order
}

/** Returns whether the checksum of a frame is not yet computed, by the header at `start`. */
export function isChecksumPendingIn(bytes: Uint8Array, start: number): boolean {
  return (bytes[start + FLAGS] & VIRTIO_NET_HDR_F_NEEDS_CSUM) !== 0;
}

const FLAGS = virtio_net_hdr.fields.flags[0];
const GSO_TYPE = virtio_net_hdr.fields.gso_type[0];
const GSO_SIZE = virtio_net_hdr.fields.gso_size[0];
