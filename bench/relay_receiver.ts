/**
 * Receives and counts what a relay sends, by an AF_INET socket, in the network namespace that it is
 * started in.
 *
 *     deno run -A bench/relay_receiver.ts --interface NAME --to GROUP:PORT
 *
 * Prints `started`, waits for a line (the interface may have to be created first), prints `ready`,
 * and when nothing has come for a while, the counters.
 *
 * @module
 */

// deno-lint-ignore-file no-console -- this program prints

import { parseArgs } from "@std/cli/parse-args";
import {
  AF_INET,
  bind,
  if_nametoindex,
  inetAddress,
  joinGroup,
  MSG_DONTWAIT,
  Poller,
  POLLIN,
  ReceiveBuffer,
  setsockopt,
  SO_RCVBUFFORCE,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  socket,
  SOL_SOCKET,
} from "../ffi/mod.ts";
import { parseEndpoint } from "../lib/experiments/relay/options.ts";

/**
 * The receiver is slow on purpose, so that it does not disturb: the datagrams of a run wait in the
 * socket.
 */
const RECEIVE_BUFFER = 1 << 30;
const WAIT_FOR_FIRST = 10_000, WAIT_FOR_NEXT = 1000; // in milliseconds

const options = parseArgs(Deno.args, { string: ["interface", "to"] });
const to = parseEndpoint("--to", options.to!);
const fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
console.log("started");
await Deno.stdin.read(new Uint8Array(1));
setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER);
bind(fd, inetAddress(to));
joinGroup(fd, to.address, if_nametoindex(options.interface!));
console.log("ready");

const buffer = new ReceiveBuffer(2048);
const view = new DataView(buffer.bytes.buffer);
const poller = new Poller([fd], POLLIN);
let received = 0, disordered = 0, last = -1;
for (let wait = WAIT_FOR_FIRST; poller.wait(wait) > 0; wait = WAIT_FOR_NEXT) {
  while (buffer.receive(fd, MSG_DONTWAIT) !== -1) {
    const sequence = view.getUint32(0);
    if (sequence <= last) disordered++;
    last = sequence;
    received++;
  }
}
console.log(JSON.stringify({ received, disordered }));
