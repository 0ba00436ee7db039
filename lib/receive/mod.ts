/**
 * The ways in which a worker can receive, by name.
 *
 * @module
 */

import { whyNoOwnRing } from "../host/kernel.ts";
import type { FrameSource } from "./frame_source.ts";
import { IoUringSource } from "./io_uring.ts";
import { IoUringMultishotSource } from "./io_uring_multishot.ts";
import { RecvfromSource } from "./recvfrom.ts";
import { RecvmmsgSource } from "./recvmmsg.ts";
import { RecvmsgSource } from "./recvmsg.ts";
import { PacketRingSource } from "./tpacket_v3.ts";

export { currentFrame, drain, type FrameSource } from "./frame_source.ts";

/** Each way, with how it begins on a packet socket that is bound. */
export const RECEIVE_PATHS = {
  "recvmsg": (packetFd: number): FrameSource => new RecvmsgSource(packetFd),
  "recvfrom": (packetFd: number): FrameSource => new RecvfromSource(packetFd),
  "recvmmsg": (packetFd: number): FrameSource => new RecvmmsgSource(packetFd),
  "tpacket-v3": (packetFd: number): FrameSource => PacketRingSource.setUp(packetFd),
  "io-uring": (packetFd: number): FrameSource => new IoUringSource(packetFd),
  "io-uring-multishot": (packetFd: number): FrameSource => new IoUringMultishotSource(packetFd),
} as const;

/** What a worker receives by if nothing is said of it: it takes the fewest words to explain, and brings time stamps. */
export const USUAL_PATH = "recvmsg";

/** The name of a way of receiving. */
export type ReceivePath = keyof typeof RECEIVE_PATHS;

/** Whether there is a way of receiving of that name. */
export function isReceivePath(name: unknown): name is ReceivePath {
  return typeof name === "string" && Object.hasOwn(RECEIVE_PATHS, name);
}

/** Whether it is by an io_uring, which has a descriptor of its own. */
export function isRing(path: ReceivePath): boolean {
  return path === "io-uring" || path === "io-uring-multishot";
}

/** Why an unprivileged worker cannot receive in that way on this kernel; `undefined` if it can. */
export function whyUnavailable(path: ReceivePath): string | undefined {
  return isRing(path) ? whyNoOwnRing() : undefined;
}

/**
 * Begins to receive.
 *
 * @param packetFd A packet socket that is bound.
 * @throws {SystemError} If the kernel does not have that way, or refuses it.
 */
export function openFrameSource(path: ReceivePath, packetFd: number): FrameSource {
  return RECEIVE_PATHS[path](packetFd);
}
