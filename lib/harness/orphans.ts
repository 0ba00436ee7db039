/**
 * Ends the processes that a child leaves behind, where no PID namespace does so (pid_namespace.ts).
 *
 * When its parent ends, a process is reparented to init and out of sight. A compromised child could
 * stay alive that way. So this process becomes a subreaper: an orphan of a child becomes a child of
 * this process, which kills it.
 *
 * This happens only after {@linkcode adoptOrphans}: a program with other children must not have
 * them taken for orphans.
 *
 * @module
 */

import { pause } from "../host/pause.ts";
import { readDirectory, readTextFile } from "../../ffi/process/file.ts";
import { unlessGone } from "../../ffi/process/proc.ts";
import { becomeSubreaper, reap } from "../../ffi/process/process.ts";
import { childrenOf } from "../inspect/processes/processes.ts";
import { CannotAnswer, ExperimentError } from "../evidence/errors.ts";
import { killProcess } from "./killing.ts";

/** How long orphans may keep forking before the attempt is given up, in milliseconds. */
const PATIENCE = 20_000;

/**
 * How many looks in a row must find no orphan. The child of a process that forks and exits at once
 * is reparented a moment later.
 */
const LOOKS = 3;

/**
 * How many rounds run before the event loop gets a turn. With a turn after each, some processes
 * could fork faster than they are killed.
 */
const ROUNDS = 50;

/** The pids of the children that this process has started itself. */
export const ownChildren = new Set<number>();

let adopts = false;

/**
 * Makes this process the subreaper of its descendants (PR_SET_CHILD_SUBREAPER).
 *
 * @throws {CannotAnswer} If it has children already, started by the program that became this one by
 * execve(2). Their descendants could not be distinguished from those of a child.
 * @throws {SystemError} Where prctl(2) is refused.
 */
export function adoptOrphans(): void {
  if (children().length > 0) {
    throw new CannotAnswer(
      "This process had children before it began, and no PID namespace can be made here: " +
        "processes that a child leaves behind could not be told apart from theirs",
      "Start fdpass by itself, or grant CAP_SYS_ADMIN (in a container: --cap-add)",
    );
  }
  becomeSubreaper();
  adopts = true;
}

/**
 * Kills every adopted orphan, and the orphans that these leave in turn.
 *
 * @returns How many were killed.
 * @throws {ExperimentError} If they keep forking for too long.
 */
export async function endOrphans(): Promise<number> {
  if (!adopts) return 0;
  const killed = new Set<number>();
  const deadline = performance.now() + PATIENCE;
  for (let round = 1, looks = 0; looks < LOOKS; round++) {
    const isLate = performance.now() > deadline;
    const orphans = children().filter((pid) => !ownChildren.has(pid));
    looks = orphans.length === 0 ? looks + 1 : 0;
    for (const pid of orphans) {
      if (reap(pid)) continue; // it had ended, or was killed in the round before
      // unreaped, so its pid is not reused
      killProcess(
        pid,
        "Cannot end the processes that the child left behind",
        () => Deno.kill(pid, "SIGKILL"),
      );
      killed.add(pid);
    }
    if (isLate && orphans.length > 0) {
      throw new ExperimentError("The processes that the child left behind keep forking");
    }
    if (round % ROUNDS === 0) await pause(0);
  }
  return killed.size;
}

/** Lists the pids of all children of this process, whichever thread started them. */
function children(): number[] {
  // no /proc at all: a later read reports that
  const tids = unlessGone(() => readDirectory("/proc/self/task")) ?? [];
  const lists = tids.map((tid) =>
    unlessGone(() => readTextFile(`/proc/self/task/${tid}/children`))
  );
  if (lists.every((list) => list === undefined)) { // a kernel without CONFIG_PROC_CHILDREN
    return childrenOf(Deno.pid).map(({ pid }) => pid);
  }
  return lists.flatMap((list = "") => list.split(" ").filter((word) => word !== "").map(Number));
}
