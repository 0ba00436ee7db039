/**
 * Waits in libc while signals come.
 *
 * @module
 */

import {
  AF_UNIX,
  checkRestarting,
  errnoName,
  errnoOf,
  libc,
  poll,
  POLLIN,
  setsockopt,
  SO_RCVTIMEO,
  SOCK_DGRAM,
  socketpair,
  SOL_SOCKET,
} from "../../../../ffi/mod.ts";
import { printJson } from "../../programs/print_json.ts";

const [silent] = socketpair(AF_UNIX, SOCK_DGRAM, 0);
Deno.addSignalListener("SIGUSR1", () => {});

async function underSignals<T>(count: number, wait: () => T): Promise<T> {
  const script = `for i in $(seq ${count}); do sleep 0.05; kill -USR1 $PPID; done`;
  await using _signals = new Deno.Command("sh", { args: ["-c", script] }).spawn();
  return wait();
}

const start = performance.now();
const revents = await underSignals(20, () => poll([silent], POLLIN, 20_000));
const pollReturnedEarly = performance.now() - start < 10_000;

// signal(7): the kernel never restarts a receive if "a timeout (SO_RCVTIMEO) has been set on the
// socket".
setsockopt(silent, SOL_SOCKET, SO_RCVTIMEO, new Uint8Array(BigInt64Array.of(0n, 400_000n).buffer));
const byte = new Uint8Array(1);
let calls = 0;
const end = await underSignals(3, () =>
  errnoName(errnoOf(() =>
    checkRestarting(() => {
      calls++;
      return libc.recvfrom(silent, byte, 1n, 0, null, null);
    }, "recvfrom")
  )));

printJson({ revents, pollReturnedEarly, receiveWasRestarted: calls > 1, end });
