/**
 * The membership of a multicast group on an interface: joins it, and reads from /proc which groups
 * and sources an interface has joined.
 *
 * @module
 */

import { readTextFile } from "../../../ffi/process/file.ts";
import { ipv4Bytes, type Ipv4Flow, joinGroup, joinSource } from "../../../ffi/socket/inet.ts";

/** A group, and its source if only one is wanted. */
export type Group = Pick<Ipv4Flow, "address" | "source">;

/**
 * Joins a group on an interface, of any source or of one.
 *
 * @throws As {@linkcode joinGroup} and {@linkcode joinSource}.
 */
export function join(fd: number, { address, source }: Group, ifindex: number): void {
  if (source === undefined) joinGroup(fd, address, ifindex);
  else joinSource(fd, address, source, ifindex);
}

/** Returns the file in which the kernel lists the members of a group. */
export function membershipFile({ source }: Group): "/proc/net/igmp" | "/proc/net/mcfilter" {
  return source === undefined ? "/proc/net/igmp" : "/proc/net/mcfilter";
}

/**
 * Counts the sockets that are members of a group on an interface; with a source, those that want
 * that source.
 *
 * @param table The text of {@linkcode membershipFile}.
 */
export function membersOf(
  group: Group,
  ifindex: number,
  table = readTextFile(membershipFile(group)),
): number {
  const { address, source } = group;
  return source === undefined
    ? membersOfAny(address, ifindex, table)
    : membersOfOne(address, source, ifindex, table);
}

/** Reads /proc/net/igmp. Source: igmp_mc_seq_show in net/ipv4/igmp.c. */
function membersOfAny(group: string, ifindex: number, table: string): number {
  // The kernel prints the address as a number in the machine's byte order: bytes reversed.
  const name = ipv4Bytes(group)!.toReversed().toHex().toUpperCase();
  let isOurs = false;
  for (const line of table.split("\n")) {
    const device = line.match(/^(\d+)\t/);
    if (device !== null) isOurs = Number(device[1]) === ifindex;
    const membership = line.match(/^\t+([0-9A-F]{8}) +(\d+) /);
    if (isOurs && membership?.[1] === name) return Number(membership[2]);
  }
  return 0;
}

/** Reads /proc/net/mcfilter. Source: igmp_mcf_seq_show in net/ipv4/igmp.c. */
function membersOfOne(group: string, source: string, ifindex: number, table: string): number {
  const number = (address: string) => `0x${ipv4Bytes(address)!.toHex()}`;
  const wanted = [String(ifindex), number(group), number(source)].join();
  for (const line of table.split("\n")) {
    // The name of the interface is cut to six characters.
    const [index, , address, from, included] = line.trim().split(/ +/);
    if ([index, address, from].join() === wanted) return Number(included);
  }
  return 0;
}
