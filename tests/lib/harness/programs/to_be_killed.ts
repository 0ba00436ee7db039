/**
 * A parent that the test kills. It starts a child in a PID namespace, and the child starts two
 * processes in sessions of their own. Then it prints the pids in the namespace, and waits.
 *
 * @module
 */

import { processesIn } from "../../../../lib/inspect/processes/processes.ts";
import { PidNamespace } from "../../../../lib/harness/pid_namespace.ts";
import { printJson } from "../../../ffi/programs/print_json.ts";

const namespace = PidNamespace.make()!;
const command = new Deno.Command("sh", {
  args: ["-c", "setsid --fork sleep 600; setsid --fork sleep 600; echo ready; exec sleep 600"],
  stdin: "null",
  stdout: "piped",
});
const child = namespace.start(() => command.spawn());
await child.stdout.getReader().read();
printJson(processesIn(namespace.name).map(({ pid }) => pid));
await new Promise((resolve) => setTimeout(resolve, 600_000));
