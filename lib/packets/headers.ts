/**
 * Protocol constants: the offsets of header fields, and the Ethernet address of an IP group.
 *
 * An offset counts bytes from the start of the header that its name begins with.
 *
 * @module
 */

/** The EtherType. Source: IEEE 802.3, 3.2.6. */
export const ETHERNET_TYPE = 12;

/** The length of an IPv4 header without options. Source of this and the next: RFC 791, 3.1. */
export const IPV4_HEADER = 20;
export const IPV4_TOTAL_LENGTH = 2;
export const IPV4_FRAGMENT = 6;
export const IPV4_PROTOCOL = 9;
export const IPV4_CHECKSUM = 10;
export const IPV4_SOURCE = 12;
export const IPV4_DESTINATION = 16;

/** An IPv4 option that makes routers examine the packet. Source: RFC 2113. */
export const ROUTER_ALERT = [0x94, 0x04, 0, 0] as const;

/** The length of an IPv6 header. Source of this and the next: RFC 8200, 3. */
export const IPV6_HEADER = 40;
export const IPV6_PAYLOAD_LENGTH = 4;
export const IPV6_DESTINATION = 24;

/** The length of a UDP header. Source of this and the next: RFC 768. */
export const UDP_HEADER = 8;
export const UDP_SOURCE_PORT = 0;
export const UDP_DESTINATION_PORT = 2;
export const UDP_LENGTH = 4;
export const UDP_CHECKSUM = 6;

/**
 * Returns the Ethernet address of an IPv4 group: 23 of its 28 bits. Source: RFC 1112, 6.4.
 *
 * @param group The group's four bytes.
 */
export function ipv4GroupHardwareAddress(group: ArrayLike<number>): number[] {
  return [0x01, 0x00, 0x5e, group[1] & 0x7f, group[2], group[3]];
}

/**
 * Returns the Ethernet address of an IPv6 group. Source: RFC 2464, 7.
 *
 * @param group The group's sixteen bytes.
 */
export function ipv6GroupHardwareAddress(group: ArrayLike<number>): number[] {
  return [0x33, 0x33, group[12], group[13], group[14], group[15]];
}
