/**
 * A process of several threads in which a tracer makes system calls. It prints `ready`, and runs
 * until its standard input ends.
 *
 *     asked.ts root            with the privileges with which it was started
 *     asked.ts nobody          drops its privileges first
 *     asked.ts busy            its first thread makes no system calls; the test kills it
 *     asked.ts ring            has an io_uring with a kernel thread
 *     asked.ts datagrams FD    receives numbered datagrams until an empty one, checks their order,
 *                              and prints their count
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
    if (datagram[0] !== count) throw new Error(`Received ${datagram[0]}, expected ${count}`);
  }
}

if (mode === "nobody") dropPrivileges({ uid: 65534, gid: 65534 });
const ring = mode === "ring" ? new IoUring({ flags: IORING_SETUP_SQPOLL }) : undefined;
printJson("ready");
if (mode === "busy") { for (let n = 1;; n = n * 31 % 1000003); }
if (mode === "datagrams") printJson(receiveInOrder(Number(fd)));
else await Deno.stdin.read(new Uint8Array(1));
ring?.close();
