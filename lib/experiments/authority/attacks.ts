/**
 * The attacks that take more than a call: each is made for real, its effect is looked at, and what it changed is put back.
 *
 * They return whether there was an effect, and throw what the system refuses.
 *
 * @module
 */

import {
  CLONE_NEWUSER,
  ETH_P_ALL,
  IORING_OP_SEND,
  MAP_SHARED,
  PACKET_ADD_MEMBERSHIP,
  PACKET_DROP_MEMBERSHIP,
  PACKET_MR_PROMISC,
  PACKET_TX_RING,
  SO_MARK,
  SOL_PACKET,
  SOL_SOCKET,
  TP_STATUS_SEND_REQUEST,
} from "../../../ffi/abi/constants.ts";
import { SystemError } from "../../../ffi/abi/errno.ts";
import { packet_mreq, tpacket_hdr, tpacket_req } from "../../../ffi/abi/layouts.ts";
import { mapOver, pages, pageSize, unmap } from "../../../ffi/abi/memory.ts";
import { addressOf } from "../../../ffi/abi/struct.ts";
import { syscallNumber } from "../../../ffi/abi/syscalls.ts";
import { IoUring } from "../../../ffi/io_uring/io_uring.ts";
import { close, dup } from "../../../ffi/process/descriptor.ts";
import { readTextFile } from "../../../ffi/process/file.ts";
import { posix_spawn, reap } from "../../../ffi/process/process.ts";
import { bind, getsockoptInt, send, setsockopt } from "../../../ffi/socket/calls.ts";
import { sleep } from "../../../ffi/socket/poll.ts";
import { linkByIndex } from "../../../ffi/socket/rtnetlink.ts";
import { pidInProc } from "../../inspect/processes.ts";
import { arrives } from "../../packets/marks.ts";
import { whenThereIsRoom } from "../../packets/send.ts";
import { packetAddress } from "../../packets/socket.ts";
import { drain } from "../../receive/frame_source.ts";
import { RecvmsgSource } from "../../receive/recvmsg.ts";

/** How long an effect is waited for, in milliseconds. */
export const EFFECT_TIMEOUT = 2000;

/** How long a program that was started may take to show what it is, or to end, in milliseconds; on a loaded machine it has not begun for long. */
const PROGRAM_TIMEOUT = 20_000;

/**
 * Binds a socket elsewhere, looks whether a frame arrives that was sent at the other interface alone, and binds it back.
 *
 * @param from Where it is bound: an ifindex.
 * @param to Where it is to be bound; 0 for all interfaces.
 * @param provoke Has such a frame sent.
 * @param mark What that frame carries.
 */
export function rebind(
  packetFd: number,
  [from, to]: readonly [from: number, to: number],
  provoke: () => void,
  mark: string,
): boolean {
  bind(packetFd, packetAddress(to, ETH_P_ALL));
  try {
    drain(new RecvmsgSource(packetFd));
    provoke();
    return arrives(packetFd, mark, EFFECT_TIMEOUT);
  } finally {
    bind(packetFd, packetAddress(from, ETH_P_ALL));
  }
}

/** Wants every frame of an interface, and looks whether the interface then has one more who does. */
export function becomePromiscuous(packetFd: number, ifindex: number): boolean {
  const membership = packet_mreq.alloc();
  membership.mr_ifindex = ifindex;
  membership.mr_type = PACKET_MR_PROMISC;
  setsockopt(packetFd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, membership.bytes);
  const during = linkByIndex(ifindex).promiscuity;
  setsockopt(packetFd, SOL_PACKET, PACKET_DROP_MEMBERSHIP, membership.bytes);
  return during > linkByIndex(ifindex).promiscuity;
}

/** The geometry of a ring of that many blocks, a page each; 0 takes a ring away. */
function geometry(blocks: number): Uint8Array<ArrayBuffer> {
  const request = tpacket_req.alloc();
  request.tp_block_size = blocks * pageSize();
  request.tp_block_nr = blocks;
  request.tp_frame_size = blocks * FRAME_ROOM;
  request.tp_frame_nr = blocks * pageSize() / FRAME_ROOM;
  return request.bytes;
}

/** What a frame of a ring has room for, with its head, in bytes. */
const FRAME_ROOM = 2048;

/**
 * Has the kernel make a ring of one block for a packet socket, and maps it, which only a ring that is there can be; then takes it away.
 *
 * @param name `PACKET_RX_RING` or `PACKET_TX_RING`.
 */
export function mapRing(
  packetFd: number,
  name: number,
  use: (memory: Uint8Array<ArrayBuffer>) => void = () => {},
): void {
  setsockopt(packetFd, SOL_PACKET, name, geometry(1));
  try {
    const memory = pages(pageSize());
    mapOver(memory, MAP_SHARED, packetFd);
    try {
      use(memory);
    } finally {
      unmap(memory);
    }
  } finally {
    setsockopt(packetFd, SOL_PACKET, name, geometry(0));
  }
}

/** Sends a frame by a ring: it is written into memory that the kernel reads, and a call without a frame has it sent. */
export function sendByRing(packetFd: number, frame: Uint8Array<ArrayBuffer>): void {
  mapRing(packetFd, PACKET_TX_RING, (memory) => {
    // tpacket_snd: the frame begins where its head, rounded up to 16 bytes, ends.
    memory.set(frame, tpacket_hdr.size);
    const head = tpacket_hdr.over(memory);
    head.tp_len = frame.length;
    head.tp_status = BigInt(TP_STATUS_SEND_REQUEST);
    whenThereIsRoom(() => send(packetFd, new Uint8Array(), 0));
  });
}

/** Sends a frame by an io_uring, which is made for it. */
export function sendByIoUring(packetFd: number, frame: Uint8Array<ArrayBuffer>): boolean {
  using ring = new IoUring();
  ring.submit({
    opcode: IORING_OP_SEND,
    fd: packetFd,
    addr: addressOf(frame),
    len: frame.length,
  });
  ring.enter();
  if (!ring.awaitCompletion(EFFECT_TIMEOUT)) return false;
  if (ring.result < 0) throw new SystemError("io_uring_enter", -ring.result);
  return ring.result === frame.length;
}

/** An interpreter that can call anything, has one thread, and is on most machines. */
export const PERL = "/usr/bin/perl";

/**
 * Has a program enter a user namespace of its own, where it has every capability, and set with them the mark of the socket that it inherits:
 * SO_MARK, for which the kernel wants a capability over the *socket's* network namespace.
 *
 * @param flags Of unshare(2). A test takes 0.
 */
export function markInUserNamespace(packetFd: number, flags = CLONE_NEWUSER): boolean {
  const inherited = dup(packetFd); // which is not close-on-exec
  try {
    runs(PERL, [
      "perl",
      "-e",
      `syscall(${syscallNumber("unshare")}, ${flags}) == 0 or exit 1;` +
      `open(my $socket, "+<&=", ${inherited}) or exit 1;` +
      `setsockopt($socket, ${SOL_SOCKET}, ${SO_MARK}, pack("i", 1)) or exit 1;`,
    ]);
    return getsockoptInt(packetFd, SOL_SOCKET, SO_MARK) === 1;
  } finally {
    close(inherited);
  }
}

/**
 * Whether a program that was started comes to be what `pattern` says of its status in /proc. It may not be so at once: posix_spawn returns
 * before execve has set the credentials. Until somebody waits for it, /proc says what it was.
 */
function showsInStatus(pid: number, pattern: RegExp): boolean {
  for (const deadline = Date.now() + PROGRAM_TIMEOUT; Date.now() < deadline;) {
    const status = readTextFile(`/proc/${pid}/status`);
    if (pattern.test(status)) return true;
    if (/^State:\s*Z/m.test(status)) return false;
  }
  return false;
}

/**
 * Starts a program and waits for its end, so that nothing is left behind; a process that is not in time is left to the parent, who sees it.
 *
 * @param pattern What its status in /proc must come to say.
 * @returns Whether it did.
 */
export function runs(path: string, args: readonly string[], pattern = /^Pid:/m): boolean {
  const pid = posix_spawn(path, args);
  const shows = showsInStatus(pidInProc(pid), pattern);
  for (const deadline = Date.now() + PROGRAM_TIMEOUT; !reap(pid) && Date.now() < deadline;) {
    sleep(1);
  }
  return shows;
}
