/**
 * IPv4: addresses as text and as bytes, and the options of multicast, ip(7).
 *
 * @module
 */

import {
  AF_INET,
  IP_ADD_MEMBERSHIP,
  IP_MULTICAST_IF,
  IP_MULTICAST_LOOP,
  IP_MULTICAST_TTL,
  IPPROTO_IP,
  MCAST_JOIN_SOURCE_GROUP,
} from "../abi/constants.ts";
import { group_source_req, ip_mreqn, sockaddr_in } from "../abi/layouts.ts";
import { setsockopt } from "./calls.ts";

/** An IPv4 address with a port. */
export interface Ipv4Endpoint {
  /** Such as `239.255.70.68`. */
  readonly address: string;
  /** 0 to 65535. */
  readonly port: number;
}

/** Datagrams to a group and port: of any source, or of one (source-specific: RFC 4607). */
export interface Ipv4Flow extends Ipv4Endpoint {
  /** An IPv4 address; `undefined` for any source. */
  readonly source?: string | undefined;
}

/** The four bytes of an IPv4 address in dotted decimal; `undefined` for any other text. */
export function ipv4Bytes(text: string): Uint8Array<ArrayBuffer> | undefined {
  const isPart = (part: string) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255;
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every(isPart)) return undefined;
  return Uint8Array.from(parts, Number);
}

function required(address: string): Uint8Array<ArrayBuffer> {
  const bytes = ipv4Bytes(address);
  if (bytes === undefined) throw new RangeError(`"${address}" is not an IPv4 address`);
  return bytes;
}

/**
 * An endpoint as the bytes of a `sockaddr_in`.
 *
 * @throws {RangeError} If its address is not IPv4 in dotted decimal.
 */
export function inetAddress({ address, port }: Ipv4Endpoint): Uint8Array<ArrayBuffer> {
  const name = sockaddr_in.alloc();
  name.sin_family = AF_INET;
  name.sin_port = port;
  name.sin_addr = required(address);
  return name.bytes;
}

/**
 * The endpoint in the bytes of a `sockaddr_in`.
 *
 * @throws {RangeError} If they are of another family, or too few.
 */
export function inetEndpoint(bytes: Uint8Array<ArrayBuffer>): Ipv4Endpoint {
  const { sin_family, sin_addr, sin_port } = sockaddr_in.over(bytes);
  if (sin_family !== AF_INET) throw new RangeError(`Family ${sin_family} is not AF_INET`);
  return { address: sin_addr.join("."), port: sin_port };
}

/**
 * Joins a multicast group on an interface: setsockopt(2), `IP_ADD_MEMBERSHIP`. The kernel reports
 * the membership to routers by IGMP.
 *
 * @throws {SystemError} `EADDRINUSE` (already joined), `ENODEV`, `EINVAL` (not a group), `ENOBUFS`
 * (too many), …
 * @throws {RangeError} If `group` is not an IPv4 address.
 */
export function joinGroup(fd: number, group: string, ifindex: number): void {
  const request = ip_mreqn.alloc();
  request.imr_multiaddr = required(group);
  request.imr_ifindex = ifindex;
  setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, request.bytes);
}

/**
 * Joins a multicast group on an interface for the datagrams of one source: setsockopt(2),
 * `MCAST_JOIN_SOURCE_GROUP`. The kernel reports group and source to routers by IGMPv3.
 *
 * Unlike `IP_ADD_SOURCE_MEMBERSHIP`, it names the interface by its number. Source: RFC 3678, 5.1.2.
 *
 * @throws {SystemError} `EADDRNOTAVAIL` (already joined), `ENODEV`, `EINVAL` (not a group),
 * `ENOBUFS` (too many groups or sources), …
 * @throws {RangeError} If `group` or `source` is not an IPv4 address.
 */
export function joinSource(fd: number, group: string, source: string, ifindex: number): void {
  const request = group_source_req.alloc();
  request.gsr_interface = ifindex;
  const storage = (address: string) => {
    const bytes = new Uint8Array(request.gsr_group.length);
    bytes.set(inetAddress({ address, port: 0 }));
    return bytes;
  };
  request.gsr_group = storage(group);
  request.gsr_source = storage(source);
  setsockopt(fd, IPPROTO_IP, MCAST_JOIN_SOURCE_GROUP, request.bytes);
}

/**
 * Sets the interface and the TTL of outgoing multicast (`IP_MULTICAST_IF`, `IP_MULTICAST_TTL`), and
 * turns off its delivery to receivers on this machine (`IP_MULTICAST_LOOP`).
 *
 * @throws {SystemError} `EADDRNOTAVAIL` (no such interface), …
 */
export function sendMulticastBy(fd: number, ifindex: number, ttl: number): void {
  const request = ip_mreqn.alloc();
  request.imr_ifindex = ifindex;
  setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, request.bytes);
  setsockopt(fd, IPPROTO_IP, IP_MULTICAST_TTL, ttl);
  setsockopt(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 0);
}
