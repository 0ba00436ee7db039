/**
 * The memory of the child beyond an empty Deno process, for each receive path: its peak resident
 * set (VmHWM), as the kernel reports it. The child runs as in the main job, with least permission,
 * control channel and drop. The pages of a ring count, because they are mapped. The printed numbers
 * are differences of two processes of the same run, in turn.
 *
 *     scripts/netns.sh deno run -A bench/memory.ts [RUNS [PACKETS]] [--json FILE]
 *
 * @module
 */

import { RECEIVE_PATHS } from "../lib/receive/mod.ts";
import { numbersAndJson, withSpread, writeJson } from "./json.ts";
import { printMeasurements } from "./spread.ts";

const { numbers: [RUNS, PACKETS], json } = numbersAndJson("bench/memory.ts", 5, 1000);

/** A number in the status of a process; `undefined` if the process has ended. */
function statusOf(pid: string, field: RegExp): number | undefined {
  try {
    const [, value] = Deno.readTextFileSync(`/proc/${pid}/status`).match(field) ?? [];
    return value === undefined ? undefined : Number(value);
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** Whether a process ended before or while it was read (ESRCH). */
function isGone(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound ||
    error instanceof Error && error.message.includes("os error 3)");
}

const PPID = /^PPid:\s+(\d+)$/m;
const PEAK = /^VmHWM:\s+(\d+) kB$/m;

/**
 * The last reading of the peak of a process's child, in MiB. Before exec the child still has its
 * parent's memory.
 */
async function peakOfChild(module: string, ...args: readonly string[]): Promise<number> {
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", module, ...args],
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  let isOver = false;
  const ended = process.status.finally(() => isOver = true);
  let peak = 0;
  while (!isOver) {
    for (const { name } of Deno.readDirSync("/proc")) {
      if (!/^\d+$/.test(name) || statusOf(name, PPID) !== process.pid) continue;
      peak = statusOf(name, PEAK) ?? peak;
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  if (!(await ended).success) throw new Error(`deno run -A ${module} ${args.join(" ")} failed`);
  return peak / 1024;
}

const folder = Deno.makeTempDirSync();
// A child as in the main job that does nothing, and lives long enough to be measured.
const starter = `${folder}/starter.ts`, empty = `${folder}/empty.ts`;
Deno.writeTextFileSync(empty, "setTimeout(() => {}, 200);");
Deno.writeTextFileSync(
  starter,
  `await new Deno.Command(Deno.execPath(), { args: ["run", "${empty}"] }).output();`,
);
try {
  const rows: { [name: string]: number[] } = {};
  const add = (name: string, value: number) => (rows[name] ??= []).push(value);
  for (let run = 0; run < RUNS; run++) {
    const base = await peakOfChild(starter);
    add("MiB: an empty process", base);
    for (const path of Object.keys(RECEIVE_PATHS)) {
      const job = [`-n${PACKETS}`, "-t60", "--receive", path, "veth-fdpass"];
      add(`MiB beyond it: ${path}`, await peakOfChild("main.ts", ...job) - base);
    }
  }
  printMeasurements(`${RUNS} runs of ${PACKETS} packets, in turn`, rows);
  writeJson(json, withSpread(rows));
} finally {
  Deno.removeSync(folder, { recursive: true });
}
