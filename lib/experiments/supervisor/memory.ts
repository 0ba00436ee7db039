/**
 * Checks whether the memory suffices for the workers. With too little, the kernel would kill
 * workers in the middle of a run.
 *
 * @module
 */

import { readTextFile } from "../../../ffi/process/file.ts";
import { CannotAnswer } from "../../evidence/errors.ts";

/** The memory of a supervised worker, in MiB: the unshared part of a runtime, and a ring. */
const WORKER_MEMORY = 24 + 16;

/**
 * Checks that there is memory for `count` workers.
 *
 * @param meminfo The content of `/proc/meminfo`. If it lacks the figures, nothing is refused.
 * @throws {CannotAnswer} If there is too little.
 */
export function requireWorkerMemory(count: number, meminfo = memoryHere()): void {
  const [available, swap] = ["MemAvailable", "SwapFree"].map((name) =>
    meminfo.match(new RegExp(`^${name}: +(\\d+) kB$`, "m"))?.[1]
  );
  if (available === undefined) return;
  const mebibytes = Math.floor((Number(available) + Number(swap ?? 0)) / 1024);
  if (mebibytes >= count * WORKER_MEMORY) return;
  throw new CannotAnswer(
    `${count} workers need at least ${count * WORKER_MEMORY} MiB of memory, ` +
      `but only ${mebibytes} are available`,
    "Use fewer --workers, or free some memory",
  );
}

function memoryHere(): string {
  try {
    return readTextFile("/proc/meminfo");
  } catch {
    return ""; // a /proc with subset=pid
  }
}
