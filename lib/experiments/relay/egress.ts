/**
 * The egress: the connected UDP socket by which a relay's worker sends to one destination.
 *
 * Theory of operation. A worker that may send needs a socket, and a socket can do more than one
 * thing. These keep the egress to its purpose:
 *
 *   interface     SO_BINDTODEVICE. Without CAP_NET_RAW nobody can change it (sock_setbindtodevice).
 *   destination   connect(2). Any holder may connect the socket elsewhere, or name another address
 *                 in sendto(2) or sendmsg(2), so the worker's filter of system calls refuses all
 *                 three (policy.ts).
 *   reach         a TTL of 1, and no copy to receivers on this machine, so that a mistake does not
 *                 become a loop.
 *   size          IP_PMTUDISC_DO. No fragment leaves: a datagram that is longer than the interface
 *                 carries is refused with EMSGSIZE, and the worker counts it.
 *
 * IP_RECVERR makes the kernel report a datagram that it lost on its way to the next queue (ENOBUFS)
 * and would otherwise drop in silence: udp(7), udp_send_skb in net/ipv4/udp.c.
 *
 * @module
 */

import {
  AF_INET,
  IFNAMSIZ,
  IP_MTU,
  IP_MTU_DISCOVER,
  IP_MULTICAST_LOOP,
  IP_MULTICAST_TTL,
  IP_PMTUDISC_DO,
  IP_RECVERR,
  IPPROTO_IP,
  SO_BINDTODEVICE,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOL_SOCKET,
} from "../../../ffi/abi/constants.ts";
import { attempt } from "../../../ffi/abi/errno.ts";
import { cString } from "../../../ffi/abi/libc.ts";
import { OwnedFd } from "../../../ffi/process/descriptor.ts";
import {
  connect,
  getpeername,
  getsockname,
  getsockopt,
  getsockoptInt,
  setsockopt,
  socket,
} from "../../../ffi/socket/calls.ts";
import {
  inetAddress,
  inetEndpoint,
  type Ipv4Endpoint,
  type Ipv4Flow,
  sendMulticastBy,
} from "../../../ffi/socket/inet.ts";
import type { Link } from "../../../ffi/socket/rtnetlink.ts";
import { CannotAnswer } from "../../evidence/errors.ts";
import { longestPayload } from "./frames.ts";

/** The state of an egress, as any holder reads it. */
export interface EgressIdentity {
  /** The name of the interface that it is bound to. */
  readonly interface: string;
  /** The address and port that it sends from, such as `198.51.100.1:40000`. */
  readonly source: string;
  /** The address and port that it sends to. */
  readonly peer: string;
  readonly ttl: number;
  /** Whether receivers on this machine get a copy. */
  readonly loop: boolean;
  /** Whether a datagram may leave in fragments. */
  readonly fragments: boolean;
}

/**
 * Opens an egress.
 *
 * @param link The interface by which datagrams leave.
 * @param to The destination: a group and a port.
 * @throws {CannotAnswer} If the interface has no IPv4 address to send from.
 * @throws {SystemError} If the kernel refuses.
 */
export function openEgress(link: Link, to: Ipv4Endpoint): OwnedFd {
  const egress = new OwnedFd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  try {
    attempt(`Cannot send multicast through "${link.name}"`, () => {
      setsockopt(egress.fd, SOL_SOCKET, SO_BINDTODEVICE, cString(link.name));
      sendMulticastBy(egress.fd, link.ifindex, 1);
      setsockopt(egress.fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
      setsockopt(egress.fd, IPPROTO_IP, IP_RECVERR, 1);
      connect(egress.fd, inetAddress(to));
    });
    const { address } = inetEndpoint(getsockname(egress.fd));
    if (address === "0.0.0.0") {
      throw new CannotAnswer(
        `Interface "${link.name}" has no IPv4 address to send from`,
        `ip address add ADDRESS/LENGTH dev ${link.name}`,
      );
    }
    return egress;
  } catch (error) {
    egress.close();
    throw error;
  }
}

/**
 * Reads the state of an egress.
 *
 * @throws {SystemError} `ENOTCONN` if it is not connected, …
 */
export function describeEgress(egressFd: number): EgressIdentity {
  const device = getsockopt(egressFd, SOL_SOCKET, SO_BINDTODEVICE, IFNAMSIZ);
  return {
    interface: new TextDecoder().decode(device).replace(/\0.*$/s, ""),
    source: formatEndpoint(inetEndpoint(getsockname(egressFd))),
    peer: formatEndpoint(inetEndpoint(getpeername(egressFd))),
    ttl: getsockoptInt(egressFd, IPPROTO_IP, IP_MULTICAST_TTL),
    loop: getsockoptInt(egressFd, IPPROTO_IP, IP_MULTICAST_LOOP) !== 0,
    fragments: getsockoptInt(egressFd, IPPROTO_IP, IP_MTU_DISCOVER) !== IP_PMTUDISC_DO,
  };
}

/**
 * Returns the longest payload that an egress sends, in bytes: the interface's MTU, or a lower one
 * of the route, less the headers. Source: ip(7), IP_MTU.
 *
 * @throws {SystemError} `ENOTCONN` if it is not connected, …
 */
export function longestOutputOf(egressFd: number): number {
  return longestPayload({ mtu: getsockoptInt(egressFd, IPPROTO_IP, IP_MTU) });
}

/** Formats a group and its source, if there is one. */
export function formatGroup({ address, source }: Ipv4Flow): string {
  return source === undefined ? address : `${source}@${address}`;
}

/** Formats an endpoint like `--to`. */
export function formatEndpoint({ address, port }: Ipv4Endpoint): string {
  return `${address}:${port}`;
}
