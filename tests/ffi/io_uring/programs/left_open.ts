/**
 * Leaves rings open at the end of the isolate, each with a receive under way. It first sends to the
 * rings of the previous isolate, after allocating memory, and throws if that memory changes.
 *
 * @module
 */

import {
  addressOf,
  AF_UNIX,
  IORING_OP_RECV,
  IoUring,
  send,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  socketpair,
} from "../../../../ffi/mod.ts";

/** The environment variable by which an isolate passes its descriptors to the next. */
const SENDERS = "LEFT_OPEN_SENDERS";

const taken = Array.from({ length: 300 }, (_, i) => new Uint8Array(8192 + i));
const senders: number[] = JSON.parse(Deno.env.get(SENDERS) ?? "[]");
for (const sender of senders) send(sender, new Uint8Array(64).fill(0xff), 0);
if (taken.some((memory) => memory.some((byte) => byte !== 0))) throw new Error("It was written to");

const left = Array.from({ length: 20 }, () => {
  const [here, there] = socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const ring = new IoUring();
  const memory = new Uint8Array(8192);
  ring.hold(memory);
  ring.submit({ opcode: IORING_OP_RECV, fd: there, addr: addressOf(memory), len: 64 });
  ring.enter();
  return here;
});
Deno.env.set(SENDERS, JSON.stringify(left));
