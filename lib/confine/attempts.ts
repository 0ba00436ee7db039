/**
 * The attempt whose refusal shows that CAP_NET_RAW is gone.
 *
 * @module
 */

import { AF_PACKET, SOCK_CLOEXEC, SOCK_RAW } from "../../ffi/abi/constants.ts";
import { errnoOf } from "../../ffi/abi/errno.ts";
import { close } from "../../ffi/process/descriptor.ts";
import { socket } from "../../ffi/socket/calls.ts";

/**
 * Tries to create a packet socket, and closes it at once.
 *
 * @returns The errno; 0 if the socket was created.
 * @throws {SystemError} If it cannot be closed.
 */
export function tryPacketSocket(): number {
  let fd = -1;
  const errno = errnoOf(() => fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  if (errno === 0) close(fd);
  return errno;
}
