/**
 * Receives a million frames, and tells by how much the heap of V8 grew with every hundred thousand of them. Sending them is counted too: it
 * allocates nothing either.
 *
 *     garbage.ts PATH [stamped]
 *
 * Stamped, the socket is asked for time stamps, and so is the source for that of each frame.
 *
 * The growth is exact as long as nothing is collected: so V8 is to be given a young generation that this does not fill.
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

/** What is allocated and has not been collected, in bytes. To look adds some hundreds of them. */
const heap = () => getHeapStatistics().used_heap_size;

const PART = 100_000;

const path = pathArgument();
const isStamped = Deno.args[1] === "stamped";
/** Less than the socket holds; the blocks of a ring hold more, and a wait for the last of them takes as long as for many. */
const burst = path === "tpacket-v3" ? 5000 : 100;

using receiver = new Receiver(path);
using sender = new Sender();
const { source } = receiver;
if (isStamped) setsockopt(receiver.packetSocket.fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
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

let seen = 0; // so that nothing is left out
let stamp: bigint | undefined;

function receiveBurst(): number {
  let received = 0;
  for (let waits = 0; received < burst && waits < 10_000;) {
    if (source.next()) {
      received++;
      if (isStamped) stamp = source.timestamp();
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

receive(5 * PART); // until the compilers have done their work
const sizes = [heap()];
let received = 0;
for (let part = 0; part < 10; part++) {
  received += receive(PART);
  sizes.push(heap());
}
const growth = sizes.slice(1).map((size, i) => size - sizes[i]);

// That it can be seen: an object a frame.
const before = heap();
const garbage = Array.from({ length: PART }, (_, i) => ({ seen, i }));
printJson({
  received,
  isStamped: stamp !== undefined,
  growth,
  withAnObjectEach: heap() - before,
  garbage: garbage.length,
});
