/**
 * What a child leaves behind. A process whose parent has ended goes to init, and out of sight; a compromised worker could stay on like that. So
 * this process takes init's place for those that come from it: an orphan of a child's becomes a child here, and is ended.
 *
 * Only where {@linkcode adoptOrphans} was called: a program that has other children must not have them taken for orphans.
 *
 * @module
 */

import { becomeSubreaper, readDirectory, readTextFile, reap, unlessGone } from "../ffi/mod.ts";
import { runtimeCall } from "./runtime_call.ts";

/** How long orphans are looked for that go on making others, in milliseconds. */
const PATIENCE = 1000;

let adopts = false;

/**
 * Makes this process the one that gets the orphans of its children. One that was a shell before, which left a program running in the background
 * and became this one, has children of somebody else's: theirs could not be told from its own, and nothing is adopted.
 *
 * @throws {SystemError} Where prctl(2) is refused.
 */
export function adoptOrphans(): void {
  if (children().length > 0) return;
  becomeSubreaper();
  adopts = true;
}

/**
 * Kills every child of this process but some, and those that these leave behind.
 *
 * @param known The process ids of those that are no orphans.
 * @returns How many it were.
 */
export async function endOrphans(known: ReadonlySet<number>): Promise<number> {
  if (!adopts) return 0;
  const killed = new Set<number>();
  for (const deadline = Date.now() + PATIENCE; Date.now() < deadline;) {
    const orphans = children().filter((pid) => !known.has(pid));
    if (orphans.length === 0) break;
    for (const pid of orphans) {
      if (reap(pid)) continue; // it had ended before, or was killed the round before
      runtimeCall("kill", "Cannot end what the child left", () => Deno.kill(pid, "SIGKILL")); // it is not reaped, so the number is its own
      killed.add(pid);
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return killed.size;
}

/** The children of this process, whichever of its threads they belong to; none where the kernel has no such list (CONFIG_PROC_CHILDREN). */
function children(): number[] {
  const tids = unlessGone(() => readDirectory("/proc/self/task")) ?? []; // gone: /proc itself, which is missed later
  return tids.flatMap((tid) => {
    const list = unlessGone(() => readTextFile(`/proc/self/task/${tid}/children`)) ?? "";
    return list.split(" ").filter((word) => word !== "").map(Number);
  });
}
