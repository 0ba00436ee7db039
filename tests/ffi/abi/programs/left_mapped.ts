/**
 * Maps the same memory several times, writes to it, leaves it mapped at the end of the isolate, and
 * then allocates from the heap.
 *
 * @module
 */

import { MAP_SHARED, mapOver, pages, sharedMemory } from "../../../../ffi/mod.ts";

const fd = sharedMemory("left", 8192);
for (let i = 0; i < 8; i++) {
  const memory = pages(8192);
  mapOver(memory, MAP_SHARED, fd);
  memory.fill(0xff);
}
export const garbage = Array.from({ length: 200 }, (_, i) => new Uint8Array(5000 + i));
