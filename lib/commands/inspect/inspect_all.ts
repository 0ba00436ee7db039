/**
 * The inspection of several processes, one after another.
 *
 * @module
 */

import { descendants } from "../../inspect/family.ts";
import { type InspectHow, type Inspection, inspectProcess } from "./inspect.ts";
import { findTerms, type InspectOptions } from "./options.ts";

/**
 * Inspects the processes that the options name, with their descendants under `--tree`.
 *
 * @param results Each result is added here at once, so that an error leaves those before it.
 * @throws {UsageError} If a group does not exist.
 */
export async function inspectAll(
  options: InspectOptions,
  how: Pick<InspectHow, "signal" | "settled">,
  results: Inspection[],
): Promise<void> {
  const { ask, timeout, pids, tree } = options;
  const terms = findTerms(options);
  const all = tree ? new Set(pids.flatMap((pid) => [pid, ...descendants(pid)])) : new Set(pids);
  for (const pid of all) {
    results.push(await inspectProcess(pid, { ...how, terms, ask, timeout: timeout * 1000 }));
  }
}
