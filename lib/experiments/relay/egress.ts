/**
 * The egress: the UDP socket by which a relay's worker sends, and by which it can reach one destination.
 *
 * Theory of operation. A worker that may send must have a socket, and a socket can do more than it is for. What keeps this one to its purpose:
 *
 *   where it leaves        SO_BINDTODEVICE: whoever lacks CAP_NET_RAW cannot change it once it is set (sock_setbindtodevice)
 *   where to               connect(2); to connect it anew, or to name an address in sendto(2) or sendmsg(2), is allowed to anybody who holds it,
 *                          so it is the worker's filter of system calls that refuses both (receive_only.ts)
 *   how far                a TTL of 1, and no copy to receivers on this machine: that keeps an error from becoming a loop
 *
 * IP_RECVERR has the kernel say when a datagram was lost on its way to the next queue (ENOBUFS), which it otherwise keeps to itself: udp(7), udp_send_skb.
 *
 * @module
 */

import {
  AF_INET,
  IFNAMSIZ,
  IP_MULTICAST_LOOP,
  IP_MULTICAST_TTL,
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
  sendMulticastBy,
} from "../../../ffi/socket/inet.ts";
import type { Link } from "../../../ffi/socket/rtnetlink.ts";
import { CannotAnswer } from "../../evidence/errors.ts";

/** What an egress is, as whoever holds it sees it. */
export interface EgressIdentity {
  /** The interface that it is bound to. */
  readonly interface: string;
  /** Where it sends from, such as `198.51.100.1:40000`. */
  readonly source: string;
  /** Where it sends to. */
  readonly peer: string;
  readonly ttl: number;
  /** Whether receivers on this machine get a copy. */
  readonly loop: boolean;
}

/**
 * Opens an egress.
 *
 * @param link The interface by which datagrams leave.
 * @param to Where to.
 * @throws {CannotAnswer} If the interface has no IPv4 address to send from.
 * @throws {SystemError} If the kernel refuses.
 */
export function openEgress(link: Link, to: Ipv4Endpoint): OwnedFd {
  const egress = new OwnedFd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  try {
    attempt(`Cannot send multicast by "${link.name}"`, () => {
      setsockopt(egress.fd, SOL_SOCKET, SO_BINDTODEVICE, cString(link.name));
      sendMulticastBy(egress.fd, link.ifindex, 1);
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
 * What an egress is now.
 *
 * @throws {SystemError} `ENOTCONN` if it is connected to nobody, …
 */
export function describeEgress(egressFd: number): EgressIdentity {
  const device = getsockopt(egressFd, SOL_SOCKET, SO_BINDTODEVICE, IFNAMSIZ);
  return {
    interface: new TextDecoder().decode(device).replace(/\0.*$/s, ""),
    source: inEndpointWords(inetEndpoint(getsockname(egressFd))),
    peer: inEndpointWords(inetEndpoint(getpeername(egressFd))),
    ttl: getsockoptInt(egressFd, IPPROTO_IP, IP_MULTICAST_TTL),
    loop: getsockoptInt(egressFd, IPPROTO_IP, IP_MULTICAST_LOOP) !== 0,
  };
}

/** An endpoint as `--from` and `--to` have it. */
export function inEndpointWords({ address, port }: Ipv4Endpoint): string {
  return `${address}:${port}`;
}
