/**
 * What a receiver takes beyond an empty Deno process, by way of receiving: resident memory at its peak (VmHWM). The pages of a ring count,
 * since they are mapped.
 *
 *     scripts/netns.sh deno run -A bench/memory.ts
 *
 * @module
 */

// deno-lint-ignore-file no-console -- it is a program that prints

import { Programs } from "./compile.ts";
import { contest } from "./contest.ts";
import { PATHS, receiver } from "./contestants.ts";

const OURS = [Deno.execPath(), "run", "-A", "bench/receiver.ts"];
const TRAFFIC = { rate: 200_000, seconds: 2 };

/** The peak of a process that does nothing but say it, in KiB. */
function emptyPeak(): number {
  const code = 'console.log(Deno.readTextFileSync("/proc/self/status"))';
  const { stdout } = new Deno.Command(Deno.execPath(), { args: ["eval", code] }).outputSync();
  return Number(new TextDecoder().decode(stdout).match(/^VmHWM:\s+(\d+) kB/m)![1]);
}

using programs = new Programs("generator");
const arena = {
  generator: programs.path("generator"),
  near: "veth-fdpass",
  far: "veth-fdpass-far",
  generatorCpu: 0,
  receiverCpu: 1,
};
const empty = emptyPeak();
const inMebibytes = (kib: number) => `${(kib / 1024).toFixed(1).padStart(7)} MiB`;
console.log(`an empty process     ${inMebibytes(empty)}`);
for (const path of PATHS) {
  const { received } = await contest(arena, receiver("ours", OURS, path, arena.near), TRAFFIC);
  const beyond = inMebibytes(received.max_rss_kib! - empty);
  console.log(`${path.padEnd(20)} ${beyond} beyond it, after ${received.received} frames`);
}
