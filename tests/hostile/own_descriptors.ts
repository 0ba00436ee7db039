/**
 * What this process has open, apart from what the runtime has for itself.
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

/** How many descriptors are open, without the stream sockets by which the runtime talks to itself. */
export function ownDescriptors(): number {
  const isRuntimes = ([fd, what]: readonly [number, string]) =>
    what.startsWith("socket:") && getsockoptInt(fd, SOL_SOCKET, SO_DOMAIN) === AF_UNIX &&
    getsockoptInt(fd, SOL_SOCKET, SO_TYPE) === SOCK_STREAM;
  return [...openDescriptors("self")].filter((each) => !isRuntimes(each)).length;
}
