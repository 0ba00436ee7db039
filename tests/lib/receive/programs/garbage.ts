/**
 * Receives a million frames, and prints the growth of V8's heap for every hundred thousand of them.
 * The growth includes the sending, which allocates nothing either.
 *
 *     garbage.ts PATH [stamped]
 *
 * With `stamped`, the socket delivers time stamps, and the program reads the stamp of each frame.
 *
 * The growth is exact only if nothing is collected, so V8 must have a young generation that this
 * program does not fill.
 *
 * @module
 */

import { getHeapStatistics } from "node:v8";
import {
  Errno,
  lastErrno,
  libc,
  setsockopt,
  sleep,
  SO_TIMESTAMPNS,
  SOL_SOCKET,
  SystemError,
} from "../../../../ffi/mod.ts";
import { printJson } from "../../../ffi/programs/print_json.ts";
import { numberedFrame, Sender } from "../../../ffi/programs/veth.ts";
import { pathArgument, Receiver } from "./receiving.ts";

/** Returns the size of the used heap, in bytes. The call itself adds some hundred bytes. */
const heap = () => getHeapStatistics().used_heap_size;

const PART = 100_000;

const path = pathArgument();
const stampsFrames = Deno.args[1] === "stamped";
/**
 * The number of frames in a burst: fewer than the socket holds. A ring holds more, and the wait for
 * its last block takes as long for a few frames as for many.
 */
const burst = path === "tpacket-v3" ? 5000 : 100;

using receiver = new Receiver(path);
using sender = new Sender();
const { source } = receiver;
if (stampsFrames) setsockopt(receiver.packetSocket.fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
const frame = numberedFrame(0, 60);
const size = BigInt(frame.length);
const { sendto } = libc;

function sendBurst(): void {
  for (let i = 0, tries = 0; i < burst;) {
    if (sendto(sender.fd, frame, size, 0, null, 0) !== -1) {
      i++;
      tries = 0;
    } else {
      const errno = lastErrno();
      if (errno !== Errno.ENOBUFS || ++tries > 5000) throw new SystemError("sendto", errno);
      sleep(1);
    }
  }
}

let seen = 0; // keeps the compiler from removing the loop
let stamp: bigint | undefined;

function receiveBurst(): number {
  let received = 0;
  for (let waits = 0; received < burst && waits < 10_000;) {
    if (source.next()) {
      received++;
      if (stampsFrames) stamp = source.timestamp();
      seen = (seen + source.bytes[source.offset + 13] + source.captured + source.length) & 0xffff;
    } else {
      source.wait(10);
      waits++;
    }
  }
  return received;
}

function receive(count: number): number {
  let received = 0;
  for (let sent = 0; sent < count; sent += burst) {
    sendBurst();
    received += receiveBurst();
  }
  return received;
}

receive(5 * PART); // until the JIT has compiled it
const sizes = [heap()];
let received = 0;
for (let part = 0; part < 10; part++) {
  received += receive(PART);
  sizes.push(heap());
}
const growth = sizes.slice(1).map((size, i) => size - sizes[i]);

// The control: one object for each frame is seen.
const before = heap();
const garbage = Array.from({ length: PART }, (_, i) => ({ seen, i }));
printJson({
  received,
  stampsFrames: stamp !== undefined,
  growth,
  withAnObjectEach: heap() - before,
  garbage: garbage.length,
});
