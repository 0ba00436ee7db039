/**
 * The cost of starting the main job: its wall time as a ratio to `deno run` of an empty file,
 * measured in turn in one run, and where the time goes. The same for the one-file build.
 *
 *     scripts/netns.sh deno run -A bench/startup.ts [RUNS] [--json FILE]
 *
 * @module
 */

import type { Evidence } from "../lib/evidence/evidence.ts";
import { numbersAndJson, withSpread, writeJson } from "./json.ts";
import { printMeasurements } from "./spread.ts";

const { numbers: [RUNS], json } = numbersAndJson("bench/startup.ts", 20);

interface Timing {
  readonly milliseconds: number;
  readonly stdout: string;
}

function time(args: readonly string[]): Timing {
  const started = performance.now();
  const { success, stdout } = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", ...args],
    stderr: "inherit",
  }).outputSync();
  if (!success) throw new Error(`deno run -A ${args.join(" ")} failed`);
  return {
    milliseconds: performance.now() - started,
    stdout: new TextDecoder().decode(stdout),
  };
}

const folder = Deno.makeTempDirSync();
const empty = `${folder}/empty.ts`;
Deno.writeTextFileSync(empty, "");
const bundle = `${folder}/fdpass.js`;
try {
  time(["scripts/bundle.ts", bundle]);
  const rows: { [name: string]: number[] } = {};
  const add = (name: string, value: number) => (rows[name] ??= []).push(value);
  for (let run = -1; run < RUNS; run++) { // the first run fills the caches, and does not count
    const base = time([empty]).milliseconds;
    const modules = time(["main.ts", "--version"]).milliseconds;
    const job = time(["main.ts", "--json", "veth-fdpass"]);
    const bundled = time([bundle, "--json", "veth-fdpass"]).milliseconds;
    if (run < 0) continue;
    const [{ duration_ms, figures }] = (JSON.parse(job.stdout) as Evidence).experiments;
    add("ratio: main job / empty file", job.milliseconds / base);
    add("ratio: main job of the one-file build / empty file", bundled / base);
    add("ratio: main.ts --version / empty file", modules / base);
    add("ms: empty file", base);
    add("ms: main job", job.milliseconds);
    add("ms:   until the experiment begins, and after it", job.milliseconds - duration_ms);
    add("ms:   until the child has started", figures.started_ms);
    add("ms:   until it has the socket", figures.received_ms - figures.started_ms);
    add("ms:   until it has dropped, and proved it", figures.ready_ms - figures.received_ms);
    add("ms:   until it has received", figures.done_ms - figures.ready_ms);
    add("ms:   until it has ended", duration_ms - figures.done_ms);
  }
  printMeasurements(`${RUNS} runs in turn`, rows);
  writeJson(json, withSpread(rows));
} finally {
  Deno.removeSync(folder, { recursive: true });
}
