/**
 * The receive paths, by name: the ways in which a worker can receive from a packet socket.
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

/** The receive paths: each opens a source of frames on a bound packet socket. */
export const RECEIVE_PATHS = {
  "recvmsg": (packetFd: number): FrameSource => new RecvmsgSource(packetFd),
  "recvfrom": (packetFd: number): FrameSource => new RecvfromSource(packetFd),
  "recvmmsg": (packetFd: number): FrameSource => new RecvmmsgSource(packetFd),
  "tpacket-v3": (packetFd: number): FrameSource => PacketRingSource.setUp(packetFd),
  "io-uring": (packetFd: number): FrameSource => new IoUringSource(packetFd),
  "io-uring-multishot": (packetFd: number): FrameSource => new IoUringMultishotSource(packetFd),
} as const;

/** The default receive path: it is the simplest to explain, and it has time stamps. */
export const DEFAULT_PATH = "recvmsg";

/** The name of a receive path. */
export type ReceivePath = keyof typeof RECEIVE_PATHS;

/** Returns whether a value is the name of a receive path. */
export function isReceivePath(name: unknown): name is ReceivePath {
  return typeof name === "string" && Object.hasOwn(RECEIVE_PATHS, name);
}

/** Returns whether a receive path uses an io_uring, which has a descriptor of its own. */
export function usesIoUring(path: ReceivePath): boolean {
  return path === "io-uring" || path === "io-uring-multishot";
}

/**
 * Returns why an unprivileged worker cannot use a receive path on this kernel; `undefined` if it
 * can.
 */
export function whyUnavailable(path: ReceivePath): string | undefined {
  return usesIoUring(path) ? whyNoOwnRing() : undefined;
}

/**
 * Opens a source of frames.
 *
 * @param packetFd A bound packet socket.
 * @throws {SystemError} If the kernel lacks the receive path, or refuses it.
 */
export function openFrameSource(path: ReceivePath, packetFd: number): FrameSource {
  return RECEIVE_PATHS[path](packetFd);
}
