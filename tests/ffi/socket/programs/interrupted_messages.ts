/**
 * Waits in recvmmsg(2) while signals come.
 *
 * @module
 */

import {
  AF_UNIX,
  MessageVector,
  setsockopt,
  SO_RCVTIMEO,
  SOCK_DGRAM,
  socketpair,
  SOL_SOCKET,
} from "../../../../ffi/mod.ts";
import { underSignals } from "../../programs/signals.ts";
import { printJson } from "../../programs/print_json.ts";

const [silent] = socketpair(AF_UNIX, SOCK_DGRAM, 0);
// signal(7): the kernel never restarts a receive if "a timeout (SO_RCVTIMEO) has been set on the
// socket".
setsockopt(silent, SOL_SOCKET, SO_RCVTIMEO, new Uint8Array(BigInt64Array.of(20n, 0n).buffer));
const messages = new MessageVector({ count: 4, size: 8 });
printJson(
  await underSignals(() => {
    const start = performance.now();
    const received = messages.receive(silent, 0);
    return { received, early: performance.now() - start < 10_000 };
  }),
);
