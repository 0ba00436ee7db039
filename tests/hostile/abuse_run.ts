/**
 * Runs fdpass with an abusive child. Prints what fdpass prints, then writes to FILE what the
 * process still holds and how much memory it used.
 *
 *     abuse_run.ts NAME FILE [ARG…]
 *
 * @module
 */

import { main } from "../../main.ts";
import { ownDescriptors } from "./own_descriptors.ts";

const [name, file, ...args] = Deno.args;

/** The processes in this network namespace, except this one, its ancestors and kernel threads. */
function others(): string[] {
  const read = (path: string) => {
    try {
      return Deno.readTextFileSync(path);
    } catch {
      return "";
    }
  };
  const place = (pid: string | number) => {
    try {
      return Deno.readLinkSync(`/proc/${pid}/ns/net`);
    } catch {
      return undefined; // the process has ended
    }
  };
  const parents = new Set<string>();
  for (let pid = "self"; pid !== "0" && pid !== "";) {
    const status = read(`/proc/${pid}/status`);
    parents.add(status.match(/^Pid:\s*(\d+)/m)?.[1] ?? "");
    pid = status.match(/^PPid:\s*(\d+)/m)?.[1] ?? "";
  }
  const here = place("self");
  return [...Deno.readDirSync("/proc")].map(({ name }) => name)
    .filter((pid) => /^\d+$/.test(pid) && !parents.has(pid) && place(pid) === here)
    .map((pid) => `${pid} ${read(`/proc/${pid}/cmdline`).replaceAll("\0", " ")}`);
}

const before = ownDescriptors();
const started = performance.now();
const code = await main(args, new URL(`./abuse_child.ts?${name}`, import.meta.url).href);
const took = performance.now() - started;
const after = ownDescriptors();
const [, peak] = Deno.readTextFileSync("/proc/self/status").match(/^VmHWM:\s*(\d+) kB/m)!;
Deno.writeTextFileSync(
  file,
  JSON.stringify({ before, after, took, peak: Number(peak) * 1024, others: others() }),
);
Deno.exit(code);
