/**
 * Waits for completions of an io_uring while signals come.
 *
 * @module
 */

import {
  addressOf,
  AF_UNIX,
  IORING_OP_NOP,
  IORING_OP_RECV,
  IoUring,
  send,
  SOCK_DGRAM,
  socketpair,
} from "../../../../ffi/mod.ts";
import { underSignals } from "../../programs/signals.ts";
import { printJson } from "../../programs/print_json.ts";

const [here, there] = socketpair(AF_UNIX, SOCK_DGRAM, 0);
const buffer = new Uint8Array(16);
using ring = new IoUring();
ring.submit({
  opcode: IORING_OP_RECV,
  fd: there,
  addr: addressOf(buffer),
  len: buffer.length,
  user_data: 1n,
});

const seen = await underSignals(() => {
  // The receive is submitted by the call that the first signal ends.
  const start = performance.now();
  ring.enter(1, 20_000);
  const returnedEarly = performance.now() - start < 10_000;
  const nothingCame = !ring.nextCompletion();
  send(here, new TextEncoder().encode("hello"), 0);
  for (let i = 0; i < 100 && !ring.nextCompletion(); i++) ring.enter(1, 20_000);
  const { result } = ring;

  const rounds = 200;
  let missing = 0;
  for (let round = 0; round < rounds; round++) {
    ring.enter(1, 2); // no completion is there, so it waits, and a signal can come
    for (let i = 0; i < ring.entries; i++) ring.submit({ opcode: IORING_OP_NOP, user_data: 9n });
    let left = ring.entries;
    for (let tries = 0; left > 0 && tries < 100; tries++) {
      ring.enter(left, 20_000);
      while (ring.nextCompletion()) left--;
    }
    missing += left;
  }
  return { returnedEarly, nothingCame, result, rounds, missing };
});
printJson({ ...seen, text: new TextDecoder().decode(buffer.subarray(0, 5)) });
