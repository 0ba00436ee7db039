/**
 * What is mapped into this process, for tests that it is gone again.
 *
 * @module
 */

import { addressOf, readTextFile } from "../../ffi/mod.ts";

/** A line of /proc/self/maps. Source: proc_pid_maps(5). */
export interface Mapping {
  readonly start: bigint;
  readonly end: bigint;
  /** Such as `rw-s`. */
  readonly access: string;
  /** What is mapped: a path, `socket:[…]`, nothing for memory of its own. */
  readonly what: string;
}

/** Everything that is mapped, in the order of the addresses. */
export function mappings(): Mapping[] {
  return readTextFile("/proc/self/maps", 1 << 24).trim().split("\n").map((line) => {
    const [range, access, , , , ...what] = line.split(/ +/);
    const [start, end] = range.split("-").map((address) => BigInt(`0x${address}`));
    return { start, end, access, what: what.join(" ") };
  });
}

/** What is shared with a socket or an io_uring. */
export function sharedWithKernel(): string[] {
  return mappings().map(({ what }) => what).filter((what) => /^(socket:|anon_inode:)/.test(what));
}

/** How the pages of some memory are mapped: one description for each mapping or hole in it, such as `rw-p `. */
export function mappedAt(memory: Uint8Array<ArrayBuffer>): string[] {
  const all: string[] = [];
  let address = addressOf(memory);
  const end = address + BigInt(memory.length);
  for (const mapping of mappings()) {
    if (mapping.end <= address || mapping.start >= end) continue;
    if (mapping.start > address) all.push("hole");
    all.push(`${mapping.access} ${mapping.what}`);
    address = mapping.end;
  }
  if (address < end) all.push("hole");
  return all;
}
