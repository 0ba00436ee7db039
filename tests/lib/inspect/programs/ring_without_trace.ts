/**
 * Registers a packet socket in an io_uring, registers the ring, and closes every descriptor of
 * both. It ends by itself after 30 s.
 *
 *     ring_without_trace.ts FD
 *
 * @module
 */

import { close, IORING_ENTER_REGISTERED_RING, IoUring, rawSyscall } from "../../../../ffi/mod.ts";
import { printJson } from "../../../ffi/programs/print_json.ts";

const IORING_REGISTER_RING_FDS = 20; // linux/io_uring.h

const fd = Number(Deno.args[0]);
const ring = new IoUring(); // its queues are in memory of this process
ring.registerFiles([fd]);
const update = new DataView(new ArrayBuffer(16)); // struct io_uring_rsrc_update
update.setUint32(0, 0xffffffff, true); // any index
update.setBigUint64(8, BigInt(ring.fd), true);
const bytes = new Uint8Array(update.buffer);
rawSyscall("io_uring_register", ring.fd, IORING_REGISTER_RING_FDS, bytes, 1);
close(ring.fd);
close(fd);
const index = update.getUint32(0, true);
printJson(rawSyscall("io_uring_enter", index, 0, 0, IORING_ENTER_REGISTERED_RING, 0, 0));
await new Promise((resolve) => setTimeout(resolve, 30_000));
