/**
 * The relay: how many datagrams a second a hardened worker relays, and what it loses, at several
 * rates and flat out, beside a relay in C that does the same without protections. Needs root, two
 * processors and a C compiler.
 *
 *     scripts/netns.sh deno run -A bench/relay.ts [--repetitions N] [--seconds S]
 *         [--rate N|flat-out]… [--size BYTES]… [--json FILE]
 *
 * The contestants take turns: `ours` under all protections, `plain` without any (the difference is
 * the cost of the system call filter), and `C`. Each ratio compares two results of the same
 * repetition.
 *
 * Datagrams are counted in three places: by the generator, by the worker (with PACKET_STATISTICS),
 * and by a receiver in another network namespace. If one place has more than the next, a counter of
 * losses must account for it; otherwise it is an error. So is a datagram out of order.
 *
 * The generator has one processor, and the worker another, which also does the kernel's work for
 * the output, up to the receiver's socket. The receiver reads at the lowest priority: its socket
 * holds the datagrams of a whole run.
 *
 * @module
 */

// deno-lint-ignore-file no-console -- this program prints

import { parseArgs } from "@std/cli/parse-args";
import { FAR_END, FarNamespace } from "../lib/experiments/relay/namespace.ts";
import { Programs } from "./compile.ts";
import { withSpread, writeJson } from "./json.ts";
import { Listener } from "./listener.ts";
import { spread } from "./spread.ts";

const NEAR = "veth-fdpass", FAR = "veth-fdpass-far";
const FROM = { group: "239.255.70.68", port: "5004" }, TO = "239.255.70.69:5005";
const GENERATOR_CPU = "0", WORKER_CPU = "1";

/**
 * Lengths of frames: the shortest, and that of seven packets of an MPEG transport stream, as in
 * IPTV.
 */
const SIZES = ["64", "1358"];
/** Frames per second, or as many as the generator can send. */
const RATES = ["10000", "50000", "100000", "flat-out"];

const options = parseArgs(Deno.args, {
  string: ["repetitions", "seconds", "rate", "size", "json"],
  collect: ["rate", "size"],
  default: { repetitions: "3", seconds: "1" },
  unknown: (argument: string): never => {
    console.error(`bench/relay.ts: "${argument}" is not understood`);
    Deno.exit(2);
  },
});
const seconds = Number(options.seconds);
const rates: readonly string[] = options.rate.length > 0 ? options.rate : RATES;
const sizes: readonly string[] = options.size.length > 0 ? options.size : SIZES;

/** The counters of a run. */
interface Count {
  readonly sent: number;
  readonly seconds: number;
  readonly worker: {
    readonly received: number;
    readonly relayed: number;
    readonly dropped: Readonly<Record<string, number>>;
    readonly refused: number;
    readonly tp_packets: number;
    readonly tp_drops: number;
    readonly seconds: number;
    readonly cpu_us: number;
  };
  readonly receiver: { readonly received: number; readonly disordered: number };
}

/** A program that reports on its output, and ends by itself. */
class Participant implements AsyncDisposable {
  readonly process: Deno.ChildProcess;
  readonly says: Listener;

  constructor(program: string, ...args: readonly string[]) {
    this.process = new Deno.Command(program, {
      args: [...args],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.says = new Listener(this.process.stdout);
  }

  /** Lets it continue. */
  async goOn(): Promise<void> {
    const writer = this.process.stdin.getWriter();
    await writer.write(Uint8Array.of(10));
    writer.releaseLock();
  }

  /** Its last line, as JSON. */
  async report() {
    return JSON.parse((await this.says.all()).trim().split("\n").at(-1)!);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.stdin.close();
    try {
      this.process.kill("SIGKILL");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // the process has ended
    }
    await this.process.status;
  }
}

const deno = (module: string) => [Deno.execPath(), "run", "-A", module];
const [toGroup, toPort] = TO.split(":");

/** The relays by name; each gets its output interface. */
const contestants = (programs: Programs): Record<string, (out: string) => string[]> => {
  const ours = (out: string) => [
    ...[
      ...deno("bench/relay_worker.ts"),
      "--path",
      "tpacket-v3",
      "--interface",
      NEAR,
      "--out",
      out,
    ],
    ...["--from", `${FROM.group}:${FROM.port}`, "--to", TO],
  ];
  return {
    ours,
    plain: (out) => [...ours(out), "--plain"],
    C: (out) => [
      ...[programs.path("relay"), "--interface", NEAR, "--out", out, "--from-group", FROM.group],
      ...["--from-port", FROM.port, "--to-group", toGroup, "--to-port", toPort],
    ],
  };
};

/** One run: a receiver in another namespace, a worker, then the generator. */
async function count(
  generator: string,
  worker: (out: string) => string[],
  size: string,
  rate: string,
): Promise<Count> {
  await using receiver = new Participant(
    "unshare",
    ...["--net", "--", "nice", "-n", "19", "taskset", "-c", GENERATOR_CPU],
    ...[...deno("bench/relay_receiver.ts"), "--interface", FAR_END, "--to", TO],
  );
  await receiver.says.hear(/^started\n/);
  using namespace = new FarNamespace(receiver.process.pid, 1500);
  await receiver.goOn();
  await receiver.says.hear(/ready\n/);
  const { name } = namespace.near;
  await using working = new Participant("taskset", "-c", WORKER_CPU, ...worker(name));
  await working.says.hear(/^ready\n/);
  const amount = rate === "flat-out"
    ? ["--seconds", String(seconds)]
    : ["--rate", rate, "--count", String(Number(rate) * seconds)];
  const { success, stdout } = await new Deno.Command("taskset", {
    args: [
      ...["-c", GENERATOR_CPU, generator, "--interface", FAR, "--size", size],
      ...["--group", FROM.group, "--port", FROM.port, ...amount],
    ],
    stderr: "inherit",
  }).output();
  if (!success) throw new Error("The generator failed");
  return {
    ...JSON.parse(new TextDecoder().decode(stdout)),
    worker: await working.report(),
    receiver: await receiver.report(),
  };
}

/** The counters that do not add up. */
function defects({ sent, worker, receiver }: Count): string[] {
  const dropped = Object.values(worker.dropped).reduce((sum, each) => sum + each, 0);
  const differences = {
    // the kernel sends a few frames as well
    "between generator and worker": sent - (worker.received - dropped) - worker.tp_drops,
    "in PACKET_STATISTICS": worker.tp_packets - worker.received - worker.tp_drops,
    "in the worker": worker.received - worker.relayed - worker.refused - dropped,
    "between worker and receiver": worker.relayed - receiver.received,
    "out of order": receiver.disordered,
  };
  return Object.entries(differences).filter(([, difference]) => difference !== 0)
    .map(([where, difference]) => `${difference} ${where}`);
}

const MEASURES: { readonly [name: string]: (count: Count) => number } = {
  "sent, 1000/s": ({ sent, seconds }) => sent / seconds / 1000,
  "relayed, 1000/s": ({ worker }) => worker.relayed / worker.seconds / 1000,
  "lost, %": ({ sent, receiver }) => (sent - receiver.received) / sent * 100,
  "CPU, µs/datagram": ({ worker }) => worker.cpu_us / worker.received,
};

/** All repetitions of one size and rate. Returns the counters, and the ratios of processor time. */
async function play(programs: Programs, size: string, rate: string) {
  const entrants = Object.entries(contestants(programs));
  const counts = new Map<string, Count[]>(entrants.map(([name]) => [name, []]));
  for (let repetition = 0; repetition < Number(options.repetitions); repetition++) {
    // The order alternates, so that no contestant always follows the same other one.
    for (const [name, worker] of repetition % 2 === 0 ? entrants : entrants.toReversed()) {
      const each = await count(programs.path("generator"), worker, size, rate);
      for (const defect of defects(each)) {
        console.error(`!!! ${name}, ${size} bytes, ${rate}: ${defect}`);
        Deno.exitCode = 1;
      }
      counts.get(name)!.push(each);
    }
  }
  console.log(`${size} bytes, ${rate}: minimum, median and maximum`);
  console.log(
    " ".repeat(NAME_WIDTH) + Object.keys(MEASURES).map((name) => name.padStart(24)).join(""),
  );
  for (const [name, all] of counts) {
    const columns = Object.values(MEASURES).map((measure) => spread(all.map(measure))).join("");
    console.log(name.padEnd(NAME_WIDTH) + columns);
  }
  const baseline = counts.get("C")!;
  const ratios: { [programs: string]: number[] } = {};
  for (const name of ["ours", "plain"]) {
    const cpu = MEASURES["CPU, µs/datagram"];
    const each = counts.get(name)!.map((each, i) => cpu(each) / cpu(baseline[i]));
    ratios[`${name} / C`] = each;
    console.log(`${`${name} / C`.padEnd(NAME_WIDTH)}${spread(each).padStart(96)}`);
  }
  return { size, rate, counts: Object.fromEntries(counts), cpu_ratios: withSpread(ratios) };
}

const NAME_WIDTH = 12;

async function main(): Promise<void> {
  using programs = new Programs("generator", "relay");
  const cases = [];
  for (const size of sizes) {
    for (const rate of rates) cases.push(await play(programs, size, rate));
  }
  writeJson(options.json, { cases });
}

try {
  await main();
} catch (error) {
  console.error(`bench/relay.ts: ${error instanceof Error ? error.message : error}`);
  Deno.exitCode = 4;
}
