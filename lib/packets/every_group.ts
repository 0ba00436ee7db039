/**
 * An interface that passes every group for the time of a run.
 *
 * A network card, and a macvlan, drop frames to groups that nobody on this machine has joined. A
 * packet socket joins nothing, so such an interface would drop the stimulus before any socket sees
 * it.
 *
 * @module
 */

import {
  AF_PACKET,
  PACKET_ADD_MEMBERSHIP,
  PACKET_MR_ALLMULTI,
  SOCK_CLOEXEC,
  SOCK_RAW,
  SOL_PACKET,
} from "../../ffi/abi/constants.ts";
import { attempt } from "../../ffi/abi/errno.ts";
import { packet_mreq } from "../../ffi/abi/layouts.ts";
import { OwnedFd } from "../../ffi/process/descriptor.ts";
import { setsockopt, socket } from "../../ffi/socket/calls.ts";
import type { Link } from "../../ffi/socket/rtnetlink.ts";

/**
 * Has an interface pass the frames of every group until the result is closed. The kernel counts
 * such requests, so those of others stay. Source: packet(7), `PACKET_MR_ALLMULTI`.
 *
 * @returns A packet socket of protocol 0, which receives nothing; `undefined` for a loopback, which
 *   drops no group.
 * @throws {SystemError} `ENODEV` if the interface is gone, `EPERM` without CAP_NET_RAW, `EMFILE`, …
 */
export function passEveryGroup(
  { name, ifindex, loopback }: Pick<Link, "name" | "ifindex" | "loopback">,
): OwnedFd | undefined {
  if (loopback) return undefined;
  const holder = new OwnedFd(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  const membership = packet_mreq.alloc();
  membership.mr_ifindex = ifindex;
  membership.mr_type = PACKET_MR_ALLMULTI;
  try {
    attempt(
      `Cannot have "${name}" pass every group`,
      () => setsockopt(holder.fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, membership.bytes),
    );
    return holder;
  } catch (error) {
    holder.close();
    throw error;
  }
}
