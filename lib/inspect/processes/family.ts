/**
 * A process and the processes that it has started.
 *
 * @module
 */

import { CannotAnswer } from "../../evidence/errors.ts";
import { descendantsOf } from "./processes.ts";

/** The most processes of a family. */
const FAMILY_LIMIT = 1000;

/**
 * Returns a process and all its descendants that run, sorted by id, the process itself first.
 *
 * A process is found through its parents. So one whose parent has ended is not found: it belongs to
 * init or to a subreaper. If the process itself is one of these (prctl(2),
 * `PR_SET_CHILD_SUBREAPER`) or the first of its PID namespace, its orphans are its children, and
 * found. Nor is one found that was started with `CLONE_PARENT` (clone(2)): it is a child of the
 * parent.
 *
 * @throws {CannotAnswer} If there are too many.
 * @throws {SystemError} If /proc cannot be read.
 */
export function descendants(pid: number): number[] {
  const running = descendantsOf(pid).filter(({ isAlive }) => isAlive);
  if (running.length >= FAMILY_LIMIT) {
    throw new CannotAnswer(
      `Process ${pid} has ${running.length} descendants, more than ${FAMILY_LIMIT - 1}`,
      "Inspect some of them by their ids",
    );
  }
  return [pid, ...running.map(({ pid }) => pid)];
}
