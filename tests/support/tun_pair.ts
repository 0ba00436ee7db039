/**
 * Runs a command beside two tun or tap interfaces, and carries each packet that leaves by one of
 * them into the other, as a cable would. Both vanish with this program, which ends with the
 * command. Source: Documentation/networking/tuntap.rst of the kernel.
 *
 *     tun_pair.ts tun|tap|ARPHRD NEAR FAR COMMAND [ARG…]
 *
 * With a number, a tun claims to be of that link type, such as 280 for a CAN bus.
 *
 * @module
 */

import {
  Errno,
  ifreq,
  ioctl,
  O_CLOEXEC,
  O_RDWR,
  open,
  pollAsync,
  POLLIN,
  rawSyscall,
  SystemError,
  write,
} from "../../ffi/mod.ts";
import { checkRestarting } from "../../ffi/abi/errno.ts";
import { libc } from "../../ffi/abi/libc.ts";
import { passThrough } from "./pass_through.ts";

/** asm-generic/fcntl.h. */
const O_NONBLOCK = 0o4000;
/** linux/if_tun.h: `_IOW('T', 202, int)`, `_IOW('T', 205, int)`, and the flags of the first. */
const TUNSETIFF = 0x400454ca, TUNSETLINK = 0x400454cd;
const IFF_TUN = 1, IFF_TAP = 2, IFF_NO_PI = 0x1000;

/** How long one wait for packets takes at most, in milliseconds. */
const TURN = 50;

const buffer = new Uint8Array(65_536 + 18);

/** Makes an interface. Returns the descriptor that is its other side. */
function makeInterface(name: string): number {
  const fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
  const request = ifreq.alloc();
  request.ifr_name.set(new TextEncoder().encode(name));
  request.ifr_flags = (kind === "tap" ? IFF_TAP : IFF_TUN) | IFF_NO_PI;
  ioctl(fd, TUNSETIFF, request.bytes);
  if (/^\d+$/.test(kind)) rawSyscall("ioctl", fd, TUNSETLINK, Number(kind));
  return fd;
}

/** Returns the next packet that has left, or `undefined`. */
function nextPacket(fd: number): Uint8Array<ArrayBuffer> | undefined {
  try {
    const size = BigInt(buffer.length);
    return buffer.subarray(0, checkRestarting(() => libc.read(fd, buffer, size), "read"));
  } catch (error) {
    if (error instanceof SystemError && error.errno === Errno.EAGAIN) return undefined;
    throw error;
  }
}

/** Carries over what has left. A packet that the other side refuses is lost, as on a cable. */
function carry(from: number, to: number): void {
  for (let packet; (packet = nextPacket(from)) !== undefined;) {
    try {
      write(to, packet);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
    }
  }
}

const [kind, near, far, command, ...args] = Deno.args;
const ends = [near, far].map(makeInterface);
for (const name of [near, far]) {
  await new Deno.Command("ip", { args: ["link", "set", name, "up"] }).output();
}
let isOver = false;
const ended = passThrough(command, args).finally(() => isOver = true);
while (!isOver) {
  await pollAsync(ends, POLLIN, TURN);
  carry(ends[0], ends[1]);
  carry(ends[1], ends[0]);
}
Deno.exit(await ended);
