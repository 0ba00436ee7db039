/**
 * Waits in recvfrom(2) and in poll(2), where nothing comes but signals.
 *
 * @module
 */

import {
  AF_UNIX,
  Poller,
  POLLIN,
  ReceiveBuffer,
  send,
  setsockopt,
  SO_RCVTIMEO,
  SOCK_DGRAM,
  socketpair,
  SOL_SOCKET,
} from "../../../../ffi/mod.ts";
import { underSignals } from "../../programs/signals.ts";
import { printJson } from "../../programs/print_json.ts";

const [silent] = socketpair(AF_UNIX, SOCK_DGRAM, 0);
const [here, there] = socketpair(AF_UNIX, SOCK_DGRAM, 0);

// The last events must not be reported again after an interruption.
const poller = new Poller([silent, there], POLLIN);
send(here, Uint8Array.of(1), 0);
poller.wait(1000);
const buffer = new ReceiveBuffer(8);
buffer.receive(there, 0);

// signal(7): the kernel never restarts a receive if "a timeout (SO_RCVTIMEO) has been set on the
// socket".
setsockopt(silent, SOL_SOCKET, SO_RCVTIMEO, new Uint8Array(BigInt64Array.of(20n, 0n).buffer));
printJson(
  await underSignals(() => {
    const start = performance.now();
    const received = buffer.receive(silent, 0);
    const ready = poller.wait(20_000);
    const revents = [0, 1].map((i) => poller.revents(i));
    return { received, ready, revents, early: performance.now() - start < 10_000 };
  }),
);
