/**
 * fdpass with a hostile child. Its results go where they go; afterwards it tells what it still holds, and how much memory it took.
 *
 *     abuse_run.ts NAME FILE [ARG…]
 *
 * FILE is for what it tells.
 *
 * @module
 */

import { main } from "../../main.ts";
import { ownDescriptors } from "./own_descriptors.ts";

const [name, file, ...args] = Deno.args;

/** The processes in this network namespace but this one, its parents, and the kernel's. */
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
      return undefined; // it has ended
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
