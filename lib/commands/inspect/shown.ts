/**
 * What an asked process shows, as the evidence has it.
 *
 * @module
 */

import { disassembleSyscallFilter } from "../../../ffi/seccomp/disassemble.ts";
import type { InspectedFilters } from "../../evidence/inspected.ts";
import type { AskedThread } from "../../inspect/subject.ts";
import { groupAlike } from "../../inspect/threads/threads.ts";

/** Returns the filters of the threads, disassembled. Threads with the same ones share an entry. */
export function describeFilters(threads: readonly AskedThread[]): InspectedFilters[] {
  const filtered = threads.filter(({ filters }) => filters.length > 0);
  const kinds = groupAlike(filtered, ({ filters }) => filters.map((each) => each.toBase64()));
  return kinds.map(({ tids, seen }) => ({
    tids,
    programs: seen.map((program) => disassembleSyscallFilter(Uint8Array.fromBase64(program))),
  }));
}
