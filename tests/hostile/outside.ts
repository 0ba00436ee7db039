/**
 * fdpass with a hostile child, seen from outside: what it printed, its exit status, and the processes that are left.
 *
 * @module
 */

import type { Evidence } from "../../lib/evidence/evidence.ts";

/** What came of it. */
export interface Seen {
  readonly evidence: Evidence;
  readonly exit: number;
  readonly stderr: string;
  /** The processes that are there afterwards, and were not before. */
  readonly left: readonly string[];
}

/**
 * Runs fdpass to its end, in the namespaces of this process.
 *
 * @param module What the child runs, with its query; beside this module.
 * @param args Of its command line.
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
    left: left.map(([pid, name]) => `${pid} ${name}`),
  };
}

/** Those of this PID namespace but for threads of the kernel's, which run nothing of ours. */
function processes(): Map<string, string> {
  const found = new Map<string, string>();
  for (const { name: pid } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    try {
      found.set(pid, Deno.readTextFileSync(`/proc/${pid}/comm`).trimEnd());
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error; // it has ended
    }
  }
  return found;
}
