/**
 * Every receive path: ours beside C, and beside tcpdump and dumpcap if they are installed. Reports
 * frames per second, loss and processor time, as ratios. Needs root, two processors and a C
 * compiler.
 *
 *     scripts/netns.sh deno run -A bench/receive.ts [--repetitions N] [--seconds S]
 *         [--scenario NAME]… [--path NAME]… [--json FILE] [--control]
 *
 * Contestants take turns on the same processor; the generator has another one. Each runs once a
 * repetition, and a ratio compares two results of the same repetition. With --control, C takes our
 * place, so the ratios show what no difference looks like.
 *
 * Frames are counted at both ends. A frame that was sent, and neither received nor counted by the
 * kernel as dropped, is an error; so is a frame out of order.
 *
 * Processor time is what the kernel charges to the receiver's process. Under RPS this includes the
 * work of receiving that interrupts the process.
 *
 * @module
 */

// deno-lint-ignore-file no-console -- this program prints

import { parseArgs } from "@std/cli/parse-args";
import { Programs } from "./compile.ts";
import { type Arena, contest, type Result } from "./contest.ts";
import { captures, type Contestant, PATHS, receiver } from "./contestants.ts";
import { writeJson } from "./json.ts";
import { type Scenario, SCENARIOS } from "./scenarios.ts";
import { Steering } from "./steering.ts";
import { type Ratio, ratiosOf, ratioTable, resultTable, type Run } from "./table.ts";

const NEAR = "veth-fdpass";
const FAR = "veth-fdpass-far";
const OURS = [Deno.execPath(), "run", "-A", "bench/receiver.ts"];

interface Options {
  readonly repetitions: number;
  readonly seconds: number;
  readonly scenarios: readonly Scenario[];
  readonly paths: readonly string[];
  readonly json: string | undefined;
  readonly control: boolean;
}

function parse(args: readonly string[]): Options {
  const { repetitions, seconds, scenario, path, json, control } = parseArgs(args, {
    string: ["repetitions", "seconds", "scenario", "path", "json"],
    boolean: ["control"],
    collect: ["scenario", "path"],
    default: { repetitions: "5", seconds: "1", scenario: [], path: [] },
    unknown: (argument: string) => usage(`"${argument}" is not understood`),
  });
  const scenarios = choose("scenario", scenario, SCENARIOS.map(({ name }) => name));
  return {
    repetitions: positive("repetitions", repetitions),
    seconds: positive("seconds", seconds),
    scenarios: SCENARIOS.filter(({ name }) => scenarios.includes(name)),
    paths: choose("path", path, PATHS),
    json,
    control,
  };
}

function usage(message: string): never {
  console.error(`bench/receive.ts: ${message}`);
  Deno.exit(2);
}

function positive(name: string, text: string): number {
  const value = Number(text);
  return value > 0 ? value : usage(`--${name} must be a number above 0, not "${text}"`);
}

/** The requested names, or all. */
function choose(name: string, wanted: readonly string[], known: readonly string[]) {
  const unknown = wanted.find((each) => !known.includes(each));
  if (unknown !== undefined) usage(`There is no --${name} ${unknown}, only ${known.join(", ")}`);
  return wanted.length > 0 ? wanted : known;
}

/** Throws if this machine lacks something. */
function requireArena(): void {
  const interfaces = Deno.readTextFileSync("/proc/net/dev").split("\n")
    .map((line) => line.split(":")[0].trim());
  if (![NEAR, FAR].every((name) => interfaces.includes(name))) {
    throw new Error(`There is no ${NEAR}; run this through scripts/netns.sh`);
  }
  if (navigator.hardwareConcurrency < 2) {
    throw new Error("The receiver and the generator each need a processor; there is one");
  }
}

/** Stops the kernel from sending on an interface by itself. */
function silence(interfaceName: string): void {
  try {
    Deno.writeTextFileSync(`/proc/sys/net/ipv6/conf/${interfaceName}/disable_ipv6`, "1");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error; // no IPv6 on this machine
  }
}

/** The errors in a result. */
function defects({ unaccounted, received }: Result): string[] {
  return [
    ...unaccounted === 0
      ? []
      : [`${unaccounted} frames were sent, but neither received nor counted as dropped`],
    ...received.disordered ? [`${received.disordered} frames are out of order`] : [],
  ];
}

/** Runs all contestants of a scenario, in turn. */
async function play(
  scenario: Scenario,
  contestants: readonly Contestant[],
  arena: Arena,
  { repetitions, seconds }: Options,
): Promise<Run[]> {
  const runs: Run[] = [];
  using steering = scenario.steered ? new Steering(arena.near, arena.receiverCpu) : undefined;
  for (let repetition = 0; repetition < repetitions; repetition++) {
    // The order alternates, so that no contestant always follows the same other one.
    const order = repetition % 2 === 0 ? contestants : contestants.toReversed();
    for (const contestant of order) {
      const result = await contest(arena, contestant, { ...scenario, seconds });
      const { path, program } = contestant;
      runs.push({ scenario: scenario.name, repetition, path, program, result });
      for (const defect of defects(result)) {
        console.error(`!!! ${scenario.name}, ${path}, ${program}: ${defect}`);
      }
    }
    if (steering?.works === false) throw new Error("rps_cpus is set, but nothing was steered");
  }
  return runs.toSorted((a, b) => contestants.findIndex(is(a)) - contestants.findIndex(is(b)));
}

const is = (run: Run) => ({ path, program }: Contestant) =>
  path === run.path && program === run.program;

function print(scenario: Scenario, runs: readonly Run[], ratios: readonly Ratio[]): void {
  console.log(`${scenario.title}: minimum, median and maximum`);
  console.log([...resultTable(runs), ...ratioTable(ratios), ""].join("\n"));
}

async function main(options: Options): Promise<void> {
  requireArena();
  using programs = new Programs("generator", "receiver");
  const arena: Arena = {
    generator: programs.path("generator"),
    near: NEAR,
    far: FAR,
    generatorCpu: 0,
    receiverCpu: 1,
  };
  const c = [programs.path("receiver")];
  const contestants = options.paths.flatMap((path) => [
    receiver("C", c, path, NEAR),
    receiver("ours", options.control ? c : OURS, path, NEAR),
  ]);
  const tools = captures(NEAR);
  [NEAR, FAR].forEach(silence);

  const allRuns: Run[] = [];
  const allRatios: Ratio[] = [];
  for (const scenario of options.scenarios) {
    const entrants = [...contestants, ...scenario.captures ? tools : []];
    const runs = await play(scenario, entrants, arena, options);
    const ratios = ratiosOf(runs);
    print(scenario, runs, ratios);
    allRuns.push(...runs);
    allRatios.push(...ratios);
  }
  if (allRuns.some(({ result }) => defects(result).length > 0)) Deno.exitCode = 1;
  const { repetitions, seconds, control } = options;
  const settings = { repetitions, seconds, control };
  writeJson(options.json, { ...settings, runs: allRuns, ratios: allRatios });
}

try {
  await main(parse(Deno.args));
} catch (error) {
  console.error(`bench/receive.ts: ${error instanceof Error ? error.message : error}`);
  Deno.exitCode = 4;
}
