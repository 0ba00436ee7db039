/**
 * The open descriptors of this process, without those of the runtime.
 *
 * @module
 */

import {
  AF_UNIX,
  getsockoptInt,
  openDescriptors,
  SO_DOMAIN,
  SO_TYPE,
  SOCK_STREAM,
  SOL_SOCKET,
} from "../../ffi/mod.ts";

/**
 * The number of open descriptors. The stream sockets by which the runtime wakes itself do not
 * count.
 */
export function ownDescriptors(): number {
  const isRuntimes = ([fd, what]: readonly [number, string]) =>
    what.startsWith("socket:") && getsockoptInt(fd, SOL_SOCKET, SO_DOMAIN) === AF_UNIX &&
    getsockoptInt(fd, SOL_SOCKET, SO_TYPE) === SOCK_STREAM;
  return [...openDescriptors("self")].filter((each) => !isRuntimes(each)).length;
}
