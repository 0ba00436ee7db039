/**
 * Runs children where no PID namespace can be made, and prints what each one left behind, and how
 * many descendants this process still has after its end.
 *
 *     without_namespaces.ts SCRIPT…
 *
 * Each SCRIPT is run by sh(1).
 *
 * @module
 */

import { ChildProcess } from "../../../../lib/harness/process.ts";
import { descendantsOf } from "../../../../lib/inspect/processes/processes.ts";
import { adoptOrphans } from "../../../../lib/harness/orphans.ts";
import { canHavePidNamespaces, PidNamespace } from "../../../../lib/harness/pid_namespace.ts";
import { printJson } from "../../../ffi/programs/print_json.ts";

const hasNamespaces = canHavePidNamespaces() || PidNamespace.make() !== undefined;
adoptOrphans();
const ends: { leftBehind: string | null; after: number }[] = [];
for (const script of Deno.args) {
  const command = new Deno.Command("sh", {
    args: ["-c", script],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  const { leftBehind } = await new ChildProcess(command.spawn()).ended();
  ends.push({ leftBehind, after: descendantsOf(Deno.pid).length });
}
printJson({ hasNamespaces, ends });
