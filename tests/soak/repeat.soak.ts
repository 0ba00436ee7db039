/**
 * The main job a thousand times in a row, and in eight lanes side by side, each in its own
 * namespaces, which compete for the machine.
 */

import { assertEquals } from "@std/assert";
import { testNeeding } from "../support/needs.ts";
import { inNamespace, runProgram } from "../support/programs.ts";
import type { Repetition } from "./repeating.ts";

const NEEDS = { root: true, programs: { ip: "iproute2" } };

/** The number of lanes, and of runs in each. */
const LANES: [lanes: number, times: number][] = [[1, 1000], [8, 25]];

/** When a lane is killed, in milliseconds: far more than it takes. */
const LIMIT = 900_000;

/** The interfaces outside, and the network namespaces of all processes. */
async function outside(): Promise<string[]> {
  const script = "ip -brief link; ip netns list; readlink /proc/[0-9]*/ns/net | sort -u | wc -l";
  return (await runProgram("sh", ["-c", script])).stdout.trim().split("\n");
}

async function repeat(times: number): Promise<Repetition> {
  const folder = await Deno.makeTempDir();
  try {
    const program = [Deno.execPath(), "run", "-A", "tests/soak/repeating.ts", String(times)];
    const { code, stdout, stderr } = await inNamespace(program, {
      env: { TMPDIR: folder },
      timeout: LIMIT,
    });
    assertEquals([code, stderr], [0, ""]);
    return JSON.parse(stdout);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

for (const [lanes, times] of LANES) {
  testNeeding(
    NEEDS,
    `The main job passes ${lanes * times} times, ${lanes} at a time, and leaves nothing`,
    async () => {
      const before = await outside();
      const all = await Promise.all(Array.from({ length: lanes }, () => repeat(times)));
      const none = { processes: [], interfaces: [], files: [], sockets: [] };
      for (const { passed, others, left } of all) {
        assertEquals(others, []);
        assertEquals([passed, left], [times, none]);
      }
      assertEquals(await outside(), before);
      const shortest = Math.min(...all.map((each) => each.shortest));
      const longest = Math.max(...all.map((each) => each.longest));
      const figures = `\n  a run took ${shortest} to ${longest} ms\n`;
      Deno.stdout.writeSync(new TextEncoder().encode(figures));
    },
  );
}
