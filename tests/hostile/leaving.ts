/**
 * Processes that a hostile child leaves behind, whatever else it does: bounded in number, and each ends by itself.
 *
 * @module
 */

import { posix_spawn } from "../../ffi/mod.ts";

const LEAVING = {
  /** Eight chains of processes, each of which starts the next and ends at once. */
  chains: `link() { [ "$1" -gt 0 ] && { link $(($1 - 1)) & } || exec sleep 100; }
    for chain in 1 2 3 4 5 6 7 8; do link 25 & done`,
  /** As many as a careless supervisor would not find one by one. */
  breed: "for each in $(seq 150); do sleep 100 & done; wait",
  /** One in a session of its own, whose parent is gone. */
  unadopted: "setsid sleep 100 & setsid sleep 100 &",
} as const;

/** The name of one of these ways. */
export type Leaving = keyof typeof LEAVING;

/** Their names. */
export const LEAVINGS = Object.keys(LEAVING) as Leaving[];

/** Starts them. */
export function leaveProcesses(name: Leaving): void {
  posix_spawn("/bin/sh", ["sh", "-c", `PATH=/usr/bin:/bin; ${LEAVING[name]}`]);
}
