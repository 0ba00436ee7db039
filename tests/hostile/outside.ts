/**
 * Runs fdpass with a hostile child, and looks at it from outside: the report, the exit status, and
 * the processes that it leaves.
 *
 * @module
 */

import type { Evidence } from "../../lib/evidence/evidence.ts";
import { processes } from "../support/left_behind.ts";

/** What was seen of the run. */
export interface Seen {
  readonly evidence: Evidence;
  readonly exit: number;
  readonly stderr: string;
  /** The processes that exist afterwards and did not before. */
  readonly left: readonly string[];
}

/**
 * Runs fdpass to its end, in the namespaces of this process.
 *
 * @param module The child's main module with its query, relative to this module.
 * @param args Arguments of the command line.
 */
export async function runFromOutside(module: string, args: readonly string[]): Promise<Seen> {
  const program = new URL("./run.ts", import.meta.url).pathname;
  const before = processes();
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", program, module, "--json", ...args, "veth-fdpass"],
    stdin: "null",
  }).output();
  const left = [...processes()].filter(([pid]) => !before.has(pid));
  const decoder = new TextDecoder();
  return {
    evidence: JSON.parse(decoder.decode(stdout)),
    exit: code,
    stderr: decoder.decode(stderr),
    left: left.map(([pid, command]) => `${pid} ${command}`),
  };
}
