/** The kernel does what a filter of the usual calls does not see, as the rules have it. */

import { assertEquals } from "@std/assert";
import { addressOf } from "../../../../ffi/abi/struct.ts";
import { rawSyscall } from "../../../../ffi/abi/raw_syscall.ts";
import { ETH_P_ALL } from "../../../../ffi/abi/constants.ts";
import { boundPacketSocket } from "../../../../lib/packets/socket.ts";
import { seeSurroundings } from "../../../../lib/inspect/prediction/surroundings.ts";
import { seeDaemon } from "../../../../lib/inspect/daemon.ts";
import { startDaemon } from "../../../support/daemon.ts";
import { testNeeding } from "../../../support/needs.ts";

/** IOCB_CMD_PWRITE. Source: linux/aio_abi.h. */
const WRITE = 1;

/** A `struct iocb`, which writes some bytes. Source: linux/aio_abi.h. */
function request(fd: number, bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const block = new Uint8Array(64);
  const view = new DataView(block.buffer);
  view.setUint16(16, WRITE, true);
  view.setUint32(20, fd, true);
  view.setBigUint64(24, addressOf(bytes), true);
  view.setBigUint64(32, BigInt(bytes.length), true);
  return block;
}

testNeeding(
  { root: true, programs: { cc: "gcc" } },
  "io_submit(2) sends a frame, where the kernel has it",
  async () => {
    await using daemon = await startDaemon();
    const { hasAio } = seeSurroundings(seeDaemon(daemon.pid));
    if (!hasAio) return;
    using socket = boundPacketSocket(1, 0);
    using witness = boundPacketSocket(1, ETH_P_ALL);
    const context = new BigUint64Array(1);
    rawSyscall("io_setup", 1, new Uint8Array(context.buffer));
    const frame = crypto.getRandomValues(new Uint8Array(64));
    const block = request(socket.fd, frame);
    const list = new Uint8Array(new BigUint64Array([addressOf(block)]).buffer);
    assertEquals(rawSyscall("io_submit", context[0], 1, list), 1);
    const received = new Uint8Array(128);
    const size = rawSyscall("recvfrom", witness.fd, received, received.length, 0, 0, 0);
    assertEquals(received.subarray(0, size), frame);
  },
);
