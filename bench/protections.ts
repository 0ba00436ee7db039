/**
 * What the protections cost per received packet: the time that a hardened worker takes for each, as a ratio to that of a plain one,
 * in turn in one run. The time is that of the main job between "ready" and "done": receiving, and handing on to the parent.
 *
 *     scripts/netns.sh deno run -A bench/protections.ts [RUNS [PACKETS]]
 *
 * @module
 */

// deno-lint-ignore-file no-console -- it is a program that prints

import type { Evidence } from "../lib/evidence.ts";
import { spread } from "./spread.ts";

const [RUNS = 10, PACKETS = 5000] = Deno.args.map(Number);

/** Microseconds per packet. */
function measure(...options: readonly string[]): number {
  const { stdout } = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "main.ts", "--json", `-n${PACKETS}`, "-t60", ...options, "veth-fdpass"],
    stderr: "inherit",
  }).outputSync();
  const { verdict, experiments } = JSON.parse(new TextDecoder().decode(stdout)) as Evidence;
  if (verdict !== "PASS") throw new Error(`The main job ${options.join(" ")} is ${verdict}`);
  const [{ figures }] = experiments;
  return (figures.done_ms - figures.ready_ms) * 1000 / PACKETS;
}

const plain: number[] = [];
const hardened: number[] = [];
for (let run = 0; run < RUNS; run++) {
  plain.push(measure());
  hardened.push(measure("--harden"));
}
console.log(`${RUNS} runs of ${PACKETS} packets, in turn${" ".repeat(14)}minimum  median maximum`);
console.log(
  `ratio: hardened / plain                         ${
    spread(hardened.map((each, i) => each / plain[i]))
  }`,
);
console.log(`µs per packet: plain                            ${spread(plain)}`);
console.log(`µs per packet: hardened                         ${spread(hardened)}`);
