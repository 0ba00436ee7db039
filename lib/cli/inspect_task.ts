/**
 * Runs the task of `inspect`: from its options to the evidence.
 *
 * @module
 */

import { blockSignals } from "../../ffi/process/signals.ts";
import type { Inspection } from "../commands/inspect/inspect.ts";
import { inspectAll } from "../commands/inspect/inspect_all.ts";
import type { Evidence } from "../evidence/evidence.ts";
import { interruption } from "../harness/interruption.ts";
import { environment, evidenceOf, evidenceOfFailure } from "../harness/run.ts";
import { requireProc } from "../host/proc.ts";
import { write } from "../host/streams.ts";
import { renderFailure } from "../report/text.ts";
import type { InspectTask } from "./inspect_line.ts";
import { ViewFiles } from "./view_files.ts";

/**
 * Inspects the processes. A process that cannot be inspected gets a message on standard error, and
 * the others are inspected nevertheless.
 */
export async function runInspection(
  { inspect, files, force }: InspectTask,
  args: readonly string[],
): Promise<Evidence> {
  const where = environment(null, null, args);
  const results: Inspection[] = [];
  const evidences = () => results.map(({ evidence }) => evidence);
  try {
    blockSignals();
    requireProc();
    using views = new ViewFiles(files, { force });
    const { signal, settled } = interruption();
    await inspectAll(inspect, { signal, settled }, results);
    const evidence = evidenceOf(where, evidences());
    views.write(evidence);
    const failures = results.flatMap(({ failure }) => failure ?? []);
    const messages = new Set(failures.map(({ message, remedy }) => renderFailure(message, remedy)));
    for (const message of messages) write(Deno.stderr, message);
    return evidence;
  } catch (error) {
    return evidenceOfFailure(where, error, evidences());
  }
}
