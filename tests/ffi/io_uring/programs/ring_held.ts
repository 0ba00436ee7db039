/**
 * Creates rings and drops all references to them, closed and open, and prints which objects survive
 * a garbage collection.
 *
 * @module
 */

import {
  addressOf,
  AF_UNIX,
  IORING_OP_NOP,
  IORING_OP_RECV,
  IORING_RESTRICTION_SQE_OP,
  IORING_SETUP_R_DISABLED,
  IoUring,
  ProvidedBuffers,
  rawSyscall,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  socketpair,
} from "../../../../ffi/mod.ts";
import { outlives } from "../../programs/collecting.ts";
import { printJson } from "../../programs/print_json.ts";

const [, silent] = socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

/** The buffer of a receive. */
function receivedInto(ring: IoUring): Uint8Array<ArrayBuffer> {
  const memory = new Uint8Array(4096);
  ring.hold(memory);
  ring.submit({ opcode: IORING_OP_RECV, fd: silent, addr: addressOf(memory), len: memory.length });
  ring.enter();
  return memory;
}

/** A ring that can receive but not cancel. */
function uncancelled(): IoUring {
  const ring = new IoUring({ flags: IORING_SETUP_R_DISABLED });
  ring.restrict([[IORING_RESTRICTION_SQE_OP, IORING_OP_RECV]]);
  ring.enable();
  return ring;
}

/** Submits an operation with memory, and closes the ring if asked to. */
function memoryOf(
  ring: IoUring,
  use: (ring: IoUring) => Uint8Array<ArrayBuffer>,
  closes: boolean,
): ArrayBuffer {
  const { buffer } = use(ring);
  if (closes) ring.close();
  return buffer;
}

const providedTo = (ring: IoUring) =>
  new ProvidedBuffers(ring, { group: 1, count: 8, size: 512 }).bytes;

/** Rings of which only the descriptors are kept; the kernel has not seen their submissions. */
const numbers: number[] = [];
for (let i = 0; i < 100; i++) {
  const ring = new IoUring();
  ring.submit({ opcode: IORING_OP_NOP });
  numbers.push(ring.fd);
}

const survives = {
  open: await outlives(() => memoryOf(new IoUring(), receivedInto, false)),
  closed: await outlives(() => memoryOf(new IoUring(), receivedInto, true)),
  uncancelled: await outlives(() => memoryOf(uncancelled(), receivedInto, true)),
  provided: await outlives(() => memoryOf(new IoUring(), providedTo, false)),
  providedAndClosed: await outlives(() => memoryOf(new IoUring(), providedTo, true)),
};
// overwrites memory that returned to the heap
for (let i = 0; i < 5000; i++) new Uint8Array(8192).fill(0xff);
const taken = numbers.map((fd) => rawSyscall("io_uring_enter", fd, 1, 0, 0, 0, 0));
printJson({ ...survives, taken: taken.filter((count) => count === 1).length });
