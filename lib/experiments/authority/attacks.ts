/**
 * The attacks that take more than one call. Each is made for real, checks its own effect, and
 * undoes what it changed.
 *
 * They return whether there was an effect, and throw a {@linkcode SystemError} if the kernel
 * refuses.
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
import { posix_spawn, reap, reapStatus } from "../../../ffi/process/process.ts";
import { bind, getsockoptInt, send, setsockopt } from "../../../ffi/socket/calls.ts";
import { sleep } from "../../../ffi/socket/poll.ts";
import { linkByIndex } from "../../../ffi/socket/rtnetlink.ts";
import { pidInProc } from "../../inspect/processes/processes.ts";
import type { LinkLayer } from "../../packets/link_layer.ts";
import { arrives } from "../../packets/marks.ts";
import { retryWhileFull } from "../../packets/send.ts";
import { packetAddress } from "../../packets/socket.ts";
import { drain } from "../../receive/frame_source.ts";
import { RecvmsgSource } from "../../receive/recvmsg.ts";

/** The longest wait for an effect, in milliseconds. */
export const EFFECT_TIMEOUT = 2000;

/**
 * The time after which another frame is provoked, in milliseconds: a flood may have left no room
 * for the first.
 */
const PROVOKE_INTERVAL = 200;

/**
 * The longest wait for a program to show its credentials, or to end, in milliseconds. On a loaded
 * machine it may take long to begin.
 */
const PROGRAM_TIMEOUT = 20_000;

/**
 * Binds a socket to another interface, and binds it back.
 *
 * @param layer The form of the frame that is provoked.
 * @param from The ifindex that the socket is bound to.
 * @param to The ifindex to bind it to; 0 for all interfaces.
 * @param provoke Has a frame sent on the other interface alone.
 * @param mark The text that this frame carries.
 * @returns Whether that frame arrived.
 */
export function rebind(
  { packetFd, layer }: { readonly packetFd: number; readonly layer: LinkLayer },
  [from, to]: readonly [from: number, to: number],
  provoke: () => void,
  mark: string,
): boolean {
  bind(packetFd, packetAddress(to, ETH_P_ALL));
  const deadline = performance.now() + EFFECT_TIMEOUT;
  try {
    do {
      drain(new RecvmsgSource(packetFd));
      provoke();
      if (arrives({ fd: packetFd, layer }, mark, PROVOKE_INTERVAL)) return true;
    } while (performance.now() < deadline);
    return false;
  } finally {
    bind(packetFd, packetAddress(from, ETH_P_ALL));
  }
}

/**
 * Makes an interface promiscuous, and undoes it.
 *
 * @returns Whether the interface counted one more promiscuous user in between.
 */
export function becomePromiscuous(packetFd: number, ifindex: number): boolean {
  const membership = packet_mreq.alloc();
  membership.mr_ifindex = ifindex;
  membership.mr_type = PACKET_MR_PROMISC;
  setsockopt(packetFd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, membership.bytes);
  const during = linkByIndex(ifindex).promiscuity;
  setsockopt(packetFd, SOL_PACKET, PACKET_DROP_MEMBERSHIP, membership.bytes);
  return during > linkByIndex(ifindex).promiscuity;
}

/** Returns the geometry of a ring with a number of blocks, one page each; 0 removes the ring. */
function geometry(blocks: number): Uint8Array<ArrayBuffer> {
  const request = tpacket_req.alloc();
  request.tp_block_size = blocks * pageSize();
  request.tp_block_nr = blocks;
  request.tp_frame_size = blocks * FRAME_ROOM;
  request.tp_frame_nr = blocks * pageSize() / FRAME_ROOM;
  return request.bytes;
}

/** The room for a frame and its header in a ring, in bytes. */
const FRAME_ROOM = 2048;

/**
 * Sets up a ring of one block on a packet socket, maps it, and removes it again. The mapping shows
 * that the ring exists.
 *
 * @param name `PACKET_RX_RING` or `PACKET_TX_RING`.
 * @param use Called with the mapped memory.
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

/**
 * Sends a frame by a TX ring: the frame lies in shared memory, and an empty send(2) triggers it.
 */
export function sendByRing(packetFd: number, frame: Uint8Array<ArrayBuffer>): void {
  mapRing(packetFd, PACKET_TX_RING, (memory) => {
    // tpacket_snd: the frame begins after its header, whose size is rounded up to 16 bytes.
    memory.set(frame, tpacket_hdr.size);
    const head = tpacket_hdr.over(memory);
    head.tp_len = frame.length;
    head.tp_status = BigInt(TP_STATUS_SEND_REQUEST);
    retryWhileFull(() => send(packetFd, new Uint8Array(), 0));
  });
}

/**
 * Sends a frame by a new io_uring.
 *
 * @returns Whether the ring reports the whole frame as sent.
 */
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

/**
 * An interpreter that can make any system call, has one thread, and is installed nearly everywhere.
 */
export const PERL = "/usr/bin/perl";

/**
 * Runs a program that enters its own user namespace, where it has every capability, and sets
 * SO_MARK on the socket that it inherits. The kernel requires a capability over the *socket's*
 * network namespace.
 *
 * @param flags The flags of unshare(2). A test passes 0.
 * @returns Whether the socket is marked afterwards.
 */
export function markInUserNamespace(packetFd: number, flags = CLONE_NEWUSER): boolean {
  const inherited = dup(packetFd); // a copy that is not close-on-exec
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
 * Returns the errno with which this machine refuses a user namespace to a program with one thread;
 * 0 if it allows one.
 *
 * @param flags The flags of unshare(2). A test passes others.
 */
export function refusalOfUserNamespace(flags = CLONE_NEWUSER): number {
  const script = `exit(syscall(${syscallNumber("unshare")}, ${flags}) == 0 ? 0 : $! + 0)`;
  const pid = posix_spawn(PERL, ["perl", "-e", script]);
  for (const deadline = performance.now() + PROGRAM_TIMEOUT; performance.now() < deadline;) {
    const status = reapStatus(pid);
    if (status !== undefined) return status;
    sleep(1);
  }
  return 0;
}

/**
 * Returns whether the status of a program in /proc comes to match `pattern`. It may not match at
 * once: posix_spawn(3) returns before execve(2) has set the credentials. The status of a program
 * that has ended stays until it is reaped.
 */
function showsInStatus(pid: number, pattern: RegExp): boolean {
  for (const deadline = performance.now() + PROGRAM_TIMEOUT; performance.now() < deadline;) {
    const status = readTextFile(`/proc/${pid}/status`);
    if (pattern.test(status)) return true;
    if (/^State:\s*Z/m.test(status)) return false;
  }
  return false;
}

/**
 * Runs a program to its end, so that nothing is left behind. If it does not end in time, the parent
 * sees it and ends it.
 *
 * @param pattern A pattern that its status in /proc must come to match.
 * @returns Whether the status came to match.
 */
export function runs(path: string, args: readonly string[], pattern = /^Pid:/m): boolean {
  const pid = posix_spawn(path, args);
  const shows = showsInStatus(pidInProc(pid), pattern);
  for (
    const deadline = performance.now() + PROGRAM_TIMEOUT;
    !reap(pid) && performance.now() < deadline;
  ) {
    sleep(1);
  }
  return shows;
}
