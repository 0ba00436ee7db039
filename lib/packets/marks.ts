/**
 * Frames that carry a text: who finds one knows which attempt it comes from.
 *
 * @module
 */

import { POLLIN } from "../../ffi/abi/constants.ts";
import type { Ipv4Endpoint } from "../../ffi/socket/inet.ts";
import { poll } from "../../ffi/socket/poll.ts";
import { datagramFrame } from "./build.ts";
import { takeFrame } from "./queue.ts";

/** Where nothing else is sent: a group of its own, and the port of `discard`. */
export const ELSEWHERE: Ipv4Endpoint = { address: "239.255.70.70", port: 9 };

/** A datagram with a text, in a frame, such as a worker's own filter lets pass. */
export function markedFrame(mark: string): Uint8Array<ArrayBuffer> {
  const payload = new TextEncoder().encode(mark);
  return datagramFrame({ source: new Uint8Array(6), to: ELSEWHERE, payload });
}

/** Whether a frame carries exactly that text. */
export function carries(frame: Uint8Array, mark: string): boolean {
  const marked = markedFrame(mark);
  return frame.length === marked.length && marked.every((byte, i) => frame[i] === byte);
}

/**
 * Whether a packet socket receives a frame with that mark, among whatever else.
 *
 * @param timeout In milliseconds; 0 for what is there already.
 */
export function arrives(packetFd: number, mark: string, timeout: number): boolean {
  const deadline = Date.now() + timeout;
  for (;;) {
    const frame = takeFrame(packetFd);
    if (frame !== undefined && carries(frame.head, mark)) return true;
    if (frame === undefined && Date.now() >= deadline) return false;
    if (frame === undefined) poll([packetFd], POLLIN, deadline - Date.now());
  }
}
