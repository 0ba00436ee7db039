/**
 * How long a ring may go without a reader before it is full and the kernel drops frames.
 *
 * @module
 */

import { tpacket_block_desc } from "../../../ffi/abi/layouts.ts";
import type { PacketRingGeometry } from "../../../ffi/packet/packet_ring.ts";
import { LINK_HEADER } from "../../packets/link_layer.ts";
import { STEADY_PACKET } from "./stream.ts";
import type { Supervision } from "./options.ts";

/**
 * The bytes that each frame of the stream takes in a ring, with its header, address and padding.
 * Source: net/packet/af_packet.c.
 */
const FRAME_IN_RING = Math.ceil((82 + LINK_HEADER.ethernet + STEADY_PACKET) / 8) * 8;

/**
 * Frames that may always wait: those of a block that the kernel has not retired yet, and a burst
 * after a pause of the stream.
 */
const MINIMUM_BACKLOG = 100;

/**
 * Returns the frames per second that one ring must take: its share of the stream where frames are
 * spread evenly, and the whole stream where they go by processor or by queue, since there may be
 * only one of those.
 */
export function rateOfOneRing({ fanout, rate, workers }: Supervision): number {
  return fanout === "cpu" || fanout === "qm" ? rate : rate / workers;
}

/**
 * Returns how long a ring may go without a reader before it is full, in milliseconds.
 *
 * A block is retired when it is full or when its timeout expires, whichever comes first, however
 * little is in it. So the number of blocks limits the gap.
 */
export function longestGap(
  { blockSize, blockCount, retireTimeout }: PacketRingGeometry,
  framesPerSecond: number,
): number {
  const framesPerBlock = Math.floor((blockSize - tpacket_block_desc.size) / FRAME_IN_RING);
  const timeToFill = framesPerBlock / framesPerSecond * 1000;
  return (blockCount - 1) * Math.min(retireTimeout, timeToFill);
}

/**
 * Returns how many frames may wait in a ring when its worker is killed: as many as arrive in half
 * of the gap that the ring allows, so that the other half is left for the restart.
 *
 * @param gap The gap that the ring allows, in milliseconds.
 */
export function backlogAllowed(gap: number, framesPerSecond: number): number {
  return Math.max(MINIMUM_BACKLOG, gap / 2 * framesPerSecond / 1000);
}
