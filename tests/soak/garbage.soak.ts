import { assert, assertEquals } from "@std/assert";
import { spreadOf } from "../../bench/spread.ts";
import type { ReceivePath } from "../../lib/receive/mod.ts";
import { PATHS, pathTest, resultInNamespace } from "../lib/receive/paths.ts";

const FRAMES = 1_000_000;
/** The number of frames between two readings of the heap. */
const PART = 100_000;

/** Makes the young generation so large, in MiB, that nothing is collected meanwhile. */
const flags = (size: number) => [
  `--v8-flags=--min-semi-space-size=${size},--max-semi-space-size=${size}`,
];

for (const path of PATHS) {
  if (path === "recvmsg") continue; // it makes objects for every call: see below
  pathTest(path, "makes no garbage: the heap is the same after a million frames", async () => {
    const { received, growth, withAnObjectEach } = await resultInNamespace(
      "garbage.ts",
      [path],
      flags(64),
    );
    assertEquals(received, FRAMES);
    assert(withAnObjectEach > FRAMES, `${withAnObjectEach} bytes for 100,000 objects`);
    assert(growth.every((bytes: number) => bytes >= 0), `collected: ${growth}`);
    const bytes = growth.reduce((sum: number, each: number) => sum + each);
    assert(bytes < FRAMES / 10, `${bytes} bytes: ${growth}`);
  });
}

/**
 * The most garbage of a frame whose time stamp is read, in bytes: a bigint, and on recvmsg the
 * objects of each call.
 */
const STAMPED: readonly [path: ReceivePath, bytes: number][] = [
  ["tpacket-v3", 50],
  ["recvmmsg", 100],
  ["recvmsg", 300],
];

for (const [path, bound] of STAMPED) {
  pathTest(
    path,
    `makes less than ${bound} bytes of garbage a frame with its time stamp`,
    async () => {
      const resultOf = await resultInNamespace("garbage.ts", [path, "stamped"], flags(1024));
      assertEquals([resultOf.received, resultOf.stampsFrames], [FRAMES, true]);
      // The median, because some readings see a collection.
      const bytes = spreadOf(resultOf.growth).median / PART;
      assert(bytes > 0 && bytes < bound, `${bytes} bytes a frame: ${resultOf.growth}`);
    },
  );
}
