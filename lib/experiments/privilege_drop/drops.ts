/**
 * How many frames the kernel drops on the passed socket for lack of room: evidence that a flood of
 * others, and not the child, has kept frames from being received.
 *
 * @module
 */

import { SystemError } from "../../../ffi/abi/errno.ts";
import type { OwnedFd } from "../../../ffi/process/descriptor.ts";
import { copyDescriptor } from "../../../ffi/process/pidfd.ts";
import type { SeenDescriptor } from "../../inspect/descriptors/descriptors.ts";
import { takeStatistics } from "../../packets/socket.ts";

/**
 * Counts the frames that are dropped from now on.
 *
 * The parent closes its own copy of the socket midway. Afterwards the counters are read by a copy
 * of the child's descriptor, which is closed at once.
 *
 * @param packetSocket The parent's own copy.
 * @param pid The child.
 * @param held The child's descriptors.
 * @returns Reads the count so far. Once the child has ended, the count stays as it was read last.
 */
export function countPassedDrops(
  packetSocket: OwnedFd,
  pid: number,
  held: readonly SeenDescriptor[],
): () => number {
  const theirs = held.find(({ kind }) => kind === "packet");
  takeStatistics(packetSocket.fd);
  let drops = 0;
  return () => {
    if (packetSocket.isOpen) return drops += takeStatistics(packetSocket.fd).drops;
    if (theirs === undefined) return drops;
    try {
      using copy = copyDescriptor(pid, theirs.fd);
      return drops += takeStatistics(copy.fd).drops;
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      return drops;
    }
  };
}
