/**
 * Names and numbers of network interfaces by netdevice(7), in the network namespace of a socket,
 * which may be another than that of its holder.
 *
 * @module
 */

import { SIOCGIFINDEX, SIOCGIFNAME } from "../abi/constants.ts";
import { ifreq } from "../abi/layouts.ts";
import { ioctl } from "../process/descriptor.ts";

/**
 * The name of an interface in the network namespace of a socket: ioctl(2), `SIOCGIFNAME`.
 *
 * @example
 * ```ts
 * import { AF_UNIX, if_nametoindex, interfaceNameFor, OwnedFd } from "../mod.ts";
 * import { SOCK_DGRAM, socket } from "../mod.ts";
 *
 * using local = new OwnedFd(socket(AF_UNIX, SOCK_DGRAM, 0));
 * console.assert(interfaceNameFor(local.fd, if_nametoindex("lo")) === "lo");
 * ```
 *
 * @param fd A socket of any family.
 * @throws {SystemError} `ENODEV` if there is no such interface, `EBADF`, …
 */
export function interfaceNameFor(fd: number, ifindex: number): string {
  const request = ifreq.alloc();
  request.ifr_ifindex = ifindex;
  ioctl(fd, SIOCGIFNAME, request.bytes);
  const name = request.ifr_name;
  const end = name.indexOf(0);
  return new TextDecoder().decode(end < 0 ? name : name.subarray(0, end));
}

/**
 * The number of an interface in the network namespace of a socket: ioctl(2), `SIOCGIFINDEX`.
 *
 * @example
 * ```ts
 * import { AF_UNIX, if_nametoindex, interfaceIndexFor, OwnedFd } from "../mod.ts";
 * import { SOCK_DGRAM, socket } from "../mod.ts";
 *
 * using local = new OwnedFd(socket(AF_UNIX, SOCK_DGRAM, 0));
 * const lo = new TextEncoder().encode("lo");
 * console.assert(interfaceIndexFor(local.fd, lo) === if_nametoindex("lo"));
 * ```
 *
 * @param fd A socket of any family.
 * @param name Its bytes, up to 15.
 * @throws {SystemError} `ENODEV` if there is no such interface, `EBADF`, …
 * @throws {RangeError} If the name is longer.
 */
export function interfaceIndexFor(fd: number, name: Uint8Array): number {
  const request = ifreq.alloc();
  if (name.length >= request.ifr_name.length) throw new RangeError("Interface name too long");
  request.ifr_name.set(name);
  ioctl(fd, SIOCGIFINDEX, request.bytes);
  return request.ifr_ifindex;
}
