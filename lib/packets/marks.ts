/**
 * Marked frames: each carries a text that names the attempt that sent it.
 *
 * @module
 */

import { POLLIN } from "../../ffi/abi/constants.ts";
import type { Ipv4Endpoint } from "../../ffi/socket/inet.ts";
import { poll } from "../../ffi/socket/poll.ts";
import { datagramFrame } from "./build.ts";
import type { LinkLayer } from "./link_layer.ts";
import { takeFrame } from "./queue.ts";

/** A destination that nothing else uses: a group of our own, and the port of `discard`. */
export const ELSEWHERE: Ipv4Endpoint = { address: "239.255.70.70", port: 9 };

/** A frame with a text as its UDP payload. The locked filter of a worker lets it pass. */
export function markedFrame(mark: string, layer: LinkLayer): Uint8Array<ArrayBuffer> {
  const payload = new TextEncoder().encode(mark);
  const sender = { layer, address: new Uint8Array(6) };
  return datagramFrame({ sender, to: ELSEWHERE, payload });
}

/** Whether a frame is the marked frame with that text. */
export function carries(frame: Uint8Array, mark: string, layer: LinkLayer): boolean {
  const marked = markedFrame(mark, layer);
  return frame.length === marked.length && marked.every((byte, i) => frame[i] === byte);
}

/**
 * Waits until a packet socket receives the frame with that mark. Other frames are discarded.
 *
 * @param receiver The packet socket, and the form of the frames that it receives.
 * @param timeout In milliseconds; 0 to look at queued frames only.
 * @returns Whether it arrived in time.
 */
export function arrives(
  { fd, layer }: { readonly fd: number; readonly layer: LinkLayer },
  mark: string,
  timeout: number,
): boolean {
  const deadline = performance.now() + timeout;
  for (;;) {
    const isLate = performance.now() >= deadline;
    const frame = takeFrame(fd);
    if (frame !== undefined && carries(frame.head, mark, layer)) return true;
    if (frame === undefined && isLate) return false;
    if (frame === undefined) poll([fd], POLLIN, deadline - performance.now());
  }
}
