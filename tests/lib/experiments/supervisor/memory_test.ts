import { assertEquals, assertThrows } from "@std/assert";
import { CannotAnswer } from "../../../../lib/evidence/errors.ts";
import { requireWorkerMemory } from "../../../../lib/experiments/supervisor/memory.ts";

const meminfo = (available: number, swap: number) =>
  `MemTotal:        4046084 kB\nMemAvailable:    ${available} kB\nSwapFree:  ${swap} kB\n`;

Deno.test("requireWorkerMemory() adds available memory and free swap", () => {
  requireWorkerMemory(3, meminfo(3 * 40 * 1024, 0));
  requireWorkerMemory(3, meminfo(2 * 40 * 1024, 40 * 1024));
});

Deno.test("requireWorkerMemory() throws CannotAnswer with the amount and a remedy", () => {
  const error = assertThrows(
    () => requireWorkerMemory(17, meminfo(200 * 1024, 100 * 1024)),
    CannotAnswer,
    "17 workers need at least 680 MiB of memory, but only 300 are available",
  );
  assertEquals(error.remedy, "Use fewer --workers, or free some memory");
});

Deno.test("requireWorkerMemory() passes without figures, and on this machine", () => {
  requireWorkerMemory(1000, "");
  requireWorkerMemory(1);
});
