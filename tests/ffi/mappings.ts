/**
 * The mappings of this process, for tests that they are removed.
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
  /** The mapped object: a path, `socket:[…]`, or nothing for anonymous memory. */
  readonly object: string;
}

/** All mappings in the order of their addresses. */
export function mappings(): Mapping[] {
  return readTextFile("/proc/self/maps", 1 << 24).trim().split("\n").map((line) => {
    const [range, access, , , , ...object] = line.split(/ +/);
    const [start, end] = range.split("-").map((address) => BigInt(`0x${address}`));
    return { start, end, access, object: object.join(" ") };
  });
}

/** The mappings shared with a socket or an io_uring. */
export function sharedWithKernel(): string[] {
  return mappings().map(({ object }) => object).filter((object) =>
    /^(socket:|anon_inode:)/.test(object)
  );
}

/** The mappings of a range of memory: a description of each mapping or hole, such as `rw-p `. */
export function mappedAt(memory: Uint8Array<ArrayBuffer>): string[] {
  const all: string[] = [];
  let address = addressOf(memory);
  const end = address + BigInt(memory.length);
  for (const mapping of mappings()) {
    if (mapping.end <= address || mapping.start >= end) continue;
    if (mapping.start > address) all.push("hole");
    all.push(`${mapping.access} ${mapping.object}`);
    address = mapping.end;
  }
  if (address < end) all.push("hole");
  return all;
}
