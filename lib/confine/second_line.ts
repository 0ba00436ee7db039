/**
 * The protections behind the filter of system calls. While the filter is on, nothing shows that one
 * of them is missing, so each is looked at by itself.
 *
 * @module
 */

import { SO_LOCK_FILTER, SOL_SOCKET } from "../../ffi/abi/constants.ts";
import { readTextFile } from "../../ffi/process/file.ts";
import { getsockoptInt } from "../../ffi/socket/calls.ts";
import type { Protection } from "./protections.ts";
import { isPinned } from "./socket_protections.ts";

/** The protections behind the filter that can be seen from outside. */
type SecondLineProtection = Extract<
  Protection,
  "locked-filter" | "fanout-pin" | "undumpable" | "resource-limits"
>;

/** Whether each of them is in place. */
export type SecondLine = Readonly<Record<SecondLineProtection, boolean>>;

/**
 * The most descriptors that a worker may open. It needs a few dozen; the default limit is 1024 or
 * more.
 */
const MOST_DESCRIPTORS = 256;

/**
 * Looks at the protections of a worker, from outside.
 *
 * @param packetFd The parent's copy of the passed socket.
 * @throws {SystemError} If the worker is gone, or the socket is closed.
 */
export function examineSecondLine(pid: number, packetFd: number): SecondLine {
  const limits = readTextFile(`/proc/${pid}/limits`);
  const isAtMost = (most: number, name: string) =>
    Number(limits.match(new RegExp(`^Max ${name} +(\\d+) `, "m"))?.[1]) <= most; // not "unlimited"
  return {
    "locked-filter": getsockoptInt(packetFd, SOL_SOCKET, SO_LOCK_FILTER) === 1,
    "fanout-pin": isPinned(packetFd),
    // proc(5): the files of a process that is not dumpable are root's.
    "undumpable": Deno.statSync(`/proc/${pid}/environ`).uid === 0,
    "resource-limits": isAtMost(MOST_DESCRIPTORS, "open files") && isAtMost(0, "file size") &&
      isAtMost(0, "core file size"),
  };
}
