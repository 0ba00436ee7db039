/**
 * The relay: how many datagrams a second a hardened worker passes on, and what it loses, at rates and flat out. Needs root, two processors
 * and a C compiler.
 *
 *     scripts/netns.sh deno run -A bench/relay.ts [--repetitions N] [--seconds S] [--path NAME]… [--plain]
 *
 * Datagrams are counted at three places: by the generator, by the worker (with PACKET_STATISTICS), and by a receiver in another network namespace.
 * What one place has more than the next must be explained by a count of losses, or it is an error; so is a datagram out of order.
 *
 * The generator has a processor, and the worker has one, which does the kernel's work for the output as well, up to the receiver's socket. The
 * receiver reads at the lowest priority: its socket holds all of a run. With --plain the worker is under no protection: the difference
 * is what the filter of system calls costs.
 *
 * @module
 */

// deno-lint-ignore-file no-console -- it is a program that prints

import { parseArgs } from "@std/cli/parse-args";
import { FAR_END, FarNamespace } from "../lib/far_namespace.ts";
import { Programs } from "./compile.ts";
import { Listener } from "./listener.ts";
import { spread } from "./spread.ts";

const NEAR = "veth-fdpass", FAR = "veth-fdpass-far";
const FROM = { group: "239.255.70.68", port: "5004" }, TO = "239.255.70.69:5005";
const GENERATOR_CPU = "0", WORKER_CPU = "1";

/** Lengths of frames: the shortest, and seven packets of an MPEG transport stream, as IPTV has it. */
const SIZES = [64, 1358];
/** Frames per second; `undefined` for as many as the generator can. */
const RATES = [10_000, 50_000, 100_000, undefined];

const options = parseArgs(Deno.args, {
  string: ["repetitions", "seconds", "path"],
  boolean: ["plain"],
  collect: ["path"],
  default: { repetitions: "3", seconds: "1" },
  unknown: (argument: string): never => {
    console.error(`bench/relay.ts: "${argument}" is not understood`);
    Deno.exit(2);
  },
});

/** What is counted of one run. */
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

/** A program that says what it has to say, and ends by itself. */
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

  /** Its last line, as JSON. */
  async report() {
    return JSON.parse((await this.says.all()).trim().split("\n").at(-1)!);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.stdin.close();
    try {
      this.process.kill("SIGKILL");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it has ended
    }
    await this.process.status;
  }
}

const deno = (module: string) => [Deno.execPath(), "run", "-A", module];

async function count(
  generator: string,
  path: string,
  size: number,
  rate: number | undefined,
): Promise<Count> {
  await using receiver = new Participant(
    "unshare",
    ...["--net", "--", "nice", "-n", "19", "taskset", "-c", GENERATOR_CPU],
    ...[...deno("bench/relay_receiver.ts"), "--interface", FAR_END, "--to", TO],
  );
  await receiver.says.hear(/^started\n/);
  using namespace = new FarNamespace(receiver.process.pid);
  const writer = receiver.process.stdin.getWriter();
  await writer.write(Uint8Array.of(10));
  writer.releaseLock();
  await receiver.says.hear(/ready\n/);
  await using worker = new Participant(
    "taskset",
    ...["-c", WORKER_CPU, ...deno("bench/relay_worker.ts"), "--path", path],
    ...["--interface", NEAR, "--out", namespace.near.name],
    ...["--from", `${FROM.group}:${FROM.port}`, "--to", TO],
    ...options.plain ? ["--plain"] : [],
  );
  await worker.says.hear(/^ready\n/);
  const seconds = Number(options.seconds);
  const amount = rate === undefined
    ? ["--seconds", String(seconds)]
    : ["--rate", String(rate), "--count", String(rate * seconds)];
  const { success, stdout } = await new Deno.Command("taskset", {
    args: [
      ...["-c", GENERATOR_CPU, generator, "--interface", FAR, "--size", String(size)],
      ...["--group", FROM.group, "--port", FROM.port, ...amount],
    ],
    stderr: "inherit",
  }).output();
  if (!success) throw new Error("The generator failed");
  const { sent, seconds: took } = JSON.parse(new TextDecoder().decode(stdout));
  return { sent, seconds: took, worker: await worker.report(), receiver: await receiver.report() };
}

/** What does not add up. */
function defects({ sent, worker, receiver }: Count): string[] {
  const dropped = Object.values(worker.dropped).reduce((sum, each) => sum + each, 0);
  const differences = {
    "between generator and worker": sent - worker.received - worker.tp_drops,
    "in PACKET_STATISTICS": worker.tp_packets - worker.received - worker.tp_drops,
    "in the worker": worker.received - worker.relayed - worker.refused - dropped,
    "dropped by reason": dropped,
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

async function main(): Promise<void> {
  using programs = new Programs("generator");
  const paths = options.path.length > 0 ? options.path as string[] : ["tpacket-v3"];
  const columns = Object.keys(MEASURES).map((name) => name.padStart(24)).join("");
  console.log(`${"path".padEnd(20)}${"bytes".padStart(6)}${"rate".padStart(10)}${columns}`);
  for (const path of paths) {
    for (const size of SIZES) {
      for (const rate of RATES) {
        const counts: Count[] = [];
        for (let repetition = 0; repetition < Number(options.repetitions); repetition++) {
          const each = await count(programs.path("generator"), path, size, rate);
          for (const defect of defects(each)) {
            console.error(`!!! ${path}, ${size} bytes, ${rate ?? "flat out"}: ${defect}`);
            Deno.exitCode = 1;
          }
          counts.push(each);
        }
        const row = Object.values(MEASURES).map((measure) => spread(counts.map(measure))).join("");
        const name = `${path.padEnd(20)}${String(size).padStart(6)}`;
        console.log(`${name}${String(rate ?? "flat out").padStart(10)}${row}`);
      }
    }
  }
}

try {
  await main();
} catch (error) {
  console.error(`bench/relay.ts: ${error instanceof Error ? error.message : error}`);
  Deno.exitCode = 4;
}
