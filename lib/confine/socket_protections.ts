/**
 * The protections of a socket, which its holder cannot undo.
 *
 * @module
 */

import { PACKET_FANOUT, PACKET_FANOUT_CPU, SOL_PACKET } from "../../ffi/abi/constants.ts";
import { attachFilter, lockFilter } from "../../ffi/packet/bpf.ts";
import { getsockoptInt } from "../../ffi/socket/calls.ts";
import { beginFanoutGroup } from "../packets/socket.ts";
import type { Protection } from "./protections.ts";

/**
 * Protects a bound socket before it is passed.
 *
 * @param filter The frames that the worker is for, as a program of classic BPF.
 * @throws {SystemError} If the kernel refuses a protection.
 * @throws {AnswerError} If a protection did not take effect.
 */
export function protectSocket(
  packetFd: number,
  chosen: readonly Protection[],
  filter: Uint8Array<ArrayBuffer>,
): void {
  if (chosen.includes("locked-filter")) {
    attachFilter(packetFd, filter);
    lockFilter(packetFd);
  }
  if (chosen.includes("fanout-pin")) {
    beginFanoutGroup(packetFd, PACKET_FANOUT_CPU);
  }
}

/** Whether a socket is pinned: the only member of a fanout group of its own. */
export function isPinned(packetFd: number): boolean {
  return getsockoptInt(packetFd, SOL_PACKET, PACKET_FANOUT) >>> 16 === PACKET_FANOUT_CPU;
}
