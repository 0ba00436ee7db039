import { assert, assertEquals } from "@std/assert";
import { PATHS, pathTest, toldBy } from "../lib/receive/paths.ts";

const FRAMES = 1_000_000;

// So large a young generation that nothing is collected meanwhile.
const FLAGS = ["--v8-flags=--min-semi-space-size=64,--max-semi-space-size=64"];

for (const path of PATHS) {
  if (path === "recvmsg") continue; // it makes an object of every control message
  pathTest(path, "makes no garbage: the heap is the same after a million frames", async () => {
    const { received, growth, withAnObjectEach } = await toldBy("garbage.ts", [path], FLAGS);
    assertEquals(received, FRAMES);
    assert(withAnObjectEach > FRAMES, `${withAnObjectEach} bytes for 100,000 objects`);
    assert(growth.every((bytes: number) => bytes >= 0), `collected: ${growth}`);
    const bytes = growth.reduce((sum: number, each: number) => sum + each);
    assert(bytes < FRAMES / 10, `${bytes} bytes: ${growth}`);
  });
}
