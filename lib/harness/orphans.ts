/**
 * What a child leaves behind, where no PID namespace ends it (pid_namespace.ts). A process whose parent has ended goes to init, and out of sight; a
 * compromised worker could stay on like that. So this process takes init's place for those that come from it: an orphan of a child's becomes a
 * child here, and is ended.
 *
 * Only where {@linkcode adoptOrphans} was called: a program that has other children must not have them taken for orphans.
 *
 * @module
 */

import { readDirectory, readTextFile, unlessGone } from "../../ffi/process/file.ts";
import { becomeSubreaper, reap } from "../../ffi/process/process.ts";
import { childrenOf } from "../inspect/processes.ts";
import { CannotAnswer, ExperimentError } from "../evidence/errors.ts";
import { runtimeCall } from "../host/runtime_call.ts";

/** How long orphans are ended that go on making others, in milliseconds. */
const PATIENCE = 20_000;

/** How often in a row none may be seen until there is none: one that forks and ends at once comes here a moment later. */
const LOOKS = 3;

/** How many rounds are made before the runtime gets its turn: with a pause after each, some would fork faster than they are ended. */
const ROUNDS = 50;

/** The children of this process that are no orphans, by process id. */
export const ownChildren = new Set<number>();

let adopts = false;

/**
 * Makes this process the one that gets the orphans of its children.
 *
 * @throws {CannotAnswer} If it has children already, which a program started that became this one: theirs could not be told from its own.
 * @throws {SystemError} Where prctl(2) is refused.
 */
export function adoptOrphans(): void {
  if (children().length > 0) {
    throw new CannotAnswer(
      "This process had children before it began, and no PID namespace can be made here: " +
        "what a child leaves behind could not be told from what is theirs",
      "Start fdpass by itself, or grant CAP_SYS_ADMIN (in a container: --cap-add)",
    );
  }
  becomeSubreaper();
  adopts = true;
}

/**
 * Kills every child of this process but its own, and those that these leave behind.
 *
 * @returns How many it were.
 * @throws {ExperimentError} If they make others faster than they are ended.
 */
export async function endOrphans(): Promise<number> {
  if (!adopts) return 0;
  const killed = new Set<number>();
  const deadline = Date.now() + PATIENCE;
  for (let round = 1, looks = 0; looks < LOOKS; round++) {
    const orphans = children().filter((pid) => !ownChildren.has(pid));
    looks = orphans.length === 0 ? looks + 1 : 0;
    for (const pid of orphans) {
      if (reap(pid)) continue; // it had ended before, or was killed the round before
      runtimeCall("kill", "Cannot end what the child left", () => Deno.kill(pid, "SIGKILL")); // it is not reaped, so the number is its own
      killed.add(pid);
    }
    if (Date.now() > deadline) throw new ExperimentError("What the child left goes on forking");
    if (round % ROUNDS === 0) await new Promise((resolve) => setTimeout(resolve, 0));
  }
  return killed.size;
}

/** The children of this process, whichever of its threads they belong to. */
function children(): number[] {
  const tids = unlessGone(() => readDirectory("/proc/self/task")) ?? []; // gone: /proc itself, which is missed later
  const lists = tids.map((tid) =>
    unlessGone(() => readTextFile(`/proc/self/task/${tid}/children`))
  );
  if (lists.every((list) => list === undefined)) { // a kernel without CONFIG_PROC_CHILDREN
    return childrenOf(Deno.pid).map(({ pid }) => pid);
  }
  return lists.flatMap((list = "") => list.split(" ").filter((word) => word !== "").map(Number));
}
