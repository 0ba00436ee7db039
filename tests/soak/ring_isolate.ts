/**
 * Makes and closes many rings, and ends: an isolate whose memory returns to the heap while the
 * kernel still releases the rings.
 *
 * @module
 */

import { IORING_OP_NOP, IoUring } from "../../ffi/mod.ts";

declare const self: { postMessage(message: unknown): void; close(): void };

for (let i = 0; i < 200; i++) {
  const ring = new IoUring();
  ring.submit({ opcode: IORING_OP_NOP });
  ring.enter(1, 100);
  ring.close();
}
self.postMessage("done");
self.close();
