/**
 * The cost of the protections per received packet, for each receive path: the processor time of a
 * hardened worker as a ratio to that of a plain one, in turn in one run. Frames come as fast as the
 * generator can send, so a worker does nothing but receive. Needs root, two processors and a C
 * compiler.
 *
 *     scripts/netns.sh deno run -A bench/protections.ts [RUNS [SECONDS]] [--json FILE]
 *
 * @module
 */

import { Programs } from "./compile.ts";
import { contest } from "./contest.ts";
import { PATHS, receiver } from "./contestants.ts";
import { numbersAndJson, withSpread, writeJson } from "./json.ts";
import { printMeasurements } from "./spread.ts";

const { numbers: [RUNS, SECONDS], json } = numbersAndJson("bench/protections.ts", 10, 1);
const NEAR = "veth-fdpass";
const PLAIN = [Deno.execPath(), "run", "-A", "bench/receiver.ts"];
const HARDENED = [...PLAIN, "--harden"];

using programs = new Programs("generator");
const arena = {
  generator: programs.path("generator"),
  near: NEAR,
  far: "veth-fdpass-far",
  generatorCpu: 0,
  receiverCpu: 1,
};

const rows: { [name: string]: number[] } = {};
for (const path of PATHS) {
  const times: { [program: string]: number[] } = { plain: [], hardened: [] };
  for (let run = 0; run < RUNS; run++) {
    const entrants = [
      receiver("plain", PLAIN, path, NEAR),
      receiver("hardened", HARDENED, path, NEAR),
    ];
    // The order alternates, so that no contestant always follows the same other one.
    for (const entrant of run % 2 === 0 ? entrants : entrants.toReversed()) {
      const { cpu_us_per_frame } = await contest(arena, entrant, { seconds: SECONDS });
      times[entrant.program].push(cpu_us_per_frame);
    }
  }
  const { plain, hardened } = times;
  rows[`ratio: hardened / plain, ${path}`] = hardened.map((each, i) => each / plain[i]);
  rows[`µs per packet: plain, ${path}`] = plain;
  rows[`µs per packet: hardened, ${path}`] = hardened;
}
printMeasurements(`${RUNS} runs in turn`, rows);
writeJson(json, withSpread(rows));
