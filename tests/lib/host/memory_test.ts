import { assertEquals, assertThrows } from "@std/assert";
import { CannotAnswer } from "../../../lib/evidence/errors.ts";
import { requireWorkerMemory } from "../../../lib/host/memory.ts";

const meminfo = (available: number, swap: number) =>
  `MemTotal:        4046084 kB\nMemAvailable:    ${available} kB\nSwapFree:  ${swap} kB\n`;

Deno.test("requireWorkerMemory() takes what is available, and what can be swapped", () => {
  requireWorkerMemory(3, meminfo(3 * 40 * 1024, 0));
  requireWorkerMemory(3, meminfo(2 * 40 * 1024, 40 * 1024));
});

Deno.test("requireWorkerMemory() throws CannotAnswer, which says how much is wanted, and what would help", () => {
  const error = assertThrows(
    () => requireWorkerMemory(17, meminfo(200 * 1024, 100 * 1024)),
    CannotAnswer,
    "17 workers take 680 MiB of memory at least, and 300 are available",
  );
  assertEquals(error.remedy, "Ask for fewer with --workers, or make room");
});

Deno.test("requireWorkerMemory() refuses nothing where nothing is known, and nothing here", () => {
  requireWorkerMemory(1000, "");
  requireWorkerMemory(1);
});
