/**
 * The inspection of several processes, one after another.
 *
 * @module
 */

import { descendants } from "../../inspect/processes/family.ts";
import { type InspectHow, type Inspection, inspectProcess } from "./inspect.ts";
import { findTerms, type InspectOptions } from "./options.ts";

/**
 * Inspects the processes that the options name, with their descendants under `--tree`.
 *
 * @param results Each result is added here at once, so that an error leaves those before it.
 * @throws {UsageError} If a group does not exist.
 * @throws {CannotAnswer} If a process has too many descendants.
 */
export async function inspectAll(
  options: InspectOptions,
  how: Pick<InspectHow, "signal" | "settled">,
  results: Inspection[],
): Promise<void> {
  const { ask, timeout, pids, tree } = options;
  const terms = findTerms(options);
  for (const pid of new Set(tree ? pids.flatMap(familyOf) : pids)) {
    results.push(await inspectProcess(pid, { ...how, terms, ask, timeout: timeout * 1000 }));
  }
}

/** Returns a process and its descendants, without this process, which a shell may have started. */
function familyOf(pid: number): number[] {
  return descendants(pid).filter((each) => each === pid || each !== Deno.pid);
}
