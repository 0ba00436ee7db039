/**
 * Processes that a hostile child leaves behind. Their number is bounded, and each ends by itself.
 *
 * @module
 */

import { posix_spawn } from "../../ffi/mod.ts";

const SCRIPTS = {
  /** Eight chains of processes: each process starts the next and ends at once. */
  chains: `link() { [ "$1" -gt 0 ] && { link $(($1 - 1)) & } || exec sleep 100; }
    for chain in 1 2 3 4 5 6 7 8; do link 25 & done`,
  /** So many that killing them one by one would miss some. */
  breed: "for each in $(seq 150); do sleep 100 & done; wait",
  /** Processes in sessions of their own, whose parent has ended. */
  unadopted: "setsid sleep 100 & setsid sleep 100 &",
} as const;

/** The name of a set of processes. */
export type LeftProcesses = keyof typeof SCRIPTS;

/** The names. */
export const LEFT_PROCESSES = Object.keys(SCRIPTS) as LeftProcesses[];

/** Starts a set of processes. */
export function leaveProcesses(name: LeftProcesses): void {
  posix_spawn("/bin/sh", ["sh", "-c", `PATH=/usr/bin:/bin; ${SCRIPTS[name]}`]);
}
