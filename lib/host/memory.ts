/**
 * Whether there is memory for so many workers: too little of it would show as workers that the kernel kills, in the midst of a run.
 *
 * @module
 */

import { readTextFile } from "../../ffi/process/file.ts";
import { CannotAnswer } from "../evidence/errors.ts";

/** What a worker that is supervised takes at least, in MiB: what a runtime shares with no other, and a ring. */
const WORKER_MEMORY = 24 + 16;

/**
 * Makes sure that there is.
 *
 * @param count How many workers.
 * @param meminfo What there is, as `/proc/meminfo` has it; where that says nothing, nothing is refused.
 * @throws {CannotAnswer} If there is not.
 */
export function requireWorkerMemory(count: number, meminfo = memoryHere()): void {
  const [available, swap] = ["MemAvailable", "SwapFree"].map((name) =>
    meminfo.match(new RegExp(`^${name}: +(\\d+) kB$`, "m"))?.[1]
  );
  if (available === undefined) return;
  const mebibytes = Math.floor((Number(available) + Number(swap ?? 0)) / 1024);
  if (mebibytes >= count * WORKER_MEMORY) return;
  throw new CannotAnswer(
    `${count} workers take ${
      count * WORKER_MEMORY
    } MiB of memory at least, and ${mebibytes} are available`,
    "Ask for fewer with --workers, or make room",
  );
}

function memoryHere(): string {
  try {
    return readTextFile("/proc/meminfo");
  } catch {
    return ""; // a /proc that has nothing but processes
  }
}
