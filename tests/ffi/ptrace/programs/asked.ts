/**
 * A process of several threads that is asked by a tracer. Says `ready`, and goes on until its
 * standard input ends.
 *
 *     asked.ts root            as it was started
 *     asked.ts nobody          after it has dropped its privileges
 *     asked.ts busy            its first thread makes no system call, and so does not end by itself
 *     asked.ts ring            with an io_uring that has a thread of the kernel's
 *     asked.ts datagrams FD    receives datagrams, each of which is its number, until an empty
 *                              one: tells how many came in order
 *
 * @module
 */

import {
  dropPrivileges,
  IORING_SETUP_SQPOLL,
  IoUring,
  poll,
  POLLIN,
  recv,
} from "../../../../ffi/mod.ts";
import { printJson } from "../../programs/print_json.ts";

const [mode, fd] = Deno.args;

function receiveInOrder(fd: number): number {
  const datagram = new Uint32Array(1);
  const bytes = new Uint8Array(datagram.buffer);
  for (let count = 0;; count++) {
    while (poll([fd], POLLIN, 1000).length === 0);
    if (recv(fd, bytes, 0) === 0) return count;
    if (datagram[0] !== count) throw new Error(`${datagram[0]} in the place of ${count}`);
  }
}

if (mode === "nobody") dropPrivileges({ uid: 65534, gid: 65534 });
const ring = mode === "ring" ? new IoUring({ flags: IORING_SETUP_SQPOLL }) : undefined;
printJson("ready");
if (mode === "busy") { for (let n = 1;; n = n * 31 % 1000003); }
if (mode === "datagrams") printJson(receiveInOrder(Number(fd)));
else await Deno.stdin.read(new Uint8Array(1));
ring?.close();
