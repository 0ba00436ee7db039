/**
 * One run: one receiver, one generator, and what each of them says of it.
 *
 * @module
 */

import type { Contestant } from "./contestants.ts";
import { Listener } from "./listener.ts";

/** Where everything is. */
export interface Arena {
  /** The compiled generator. */
  readonly generator: string;
  /** The interfaces of the receiver and of the generator. */
  readonly near: string;
  readonly far: string;
  readonly receiverCpu: number;
  readonly generatorCpu: number;
}

/** What the generator says. */
interface Sent {
  /** Frames that the kernel took. */
  readonly sent: number;
  /** How often it refused one, which was then sent again. */
  readonly refused: number;
  readonly seconds: number;
}

/** What a receiver says. */
interface Received {
  readonly received: number;
  /** Frames that the kernel says that it dropped. */
  readonly dropped: number;
  /** User and system time of its process. */
  readonly cpu_us: number;
  /** From the first frame to the last; a capture tool does not say. */
  readonly seconds?: number;
  /** Frames with a sequence number not above that of the frame before. */
  readonly disordered?: number;
  /** Frames that are not the generator's. */
  readonly foreign?: number;
  readonly max_rss_kib?: number;
}

/** What came of a run. */
export interface Result {
  readonly sent: Sent;
  readonly received: Received;
  readonly received_per_second: number;
  readonly loss_percent: number;
  readonly cpu_us_per_frame: number;
  /** Frames that were sent, and neither received nor counted as dropped. */
  readonly unaccounted: number;
}

/** How frames are to come. */
export interface Traffic {
  /** Frames per second; as many as the generator can if it is not there. */
  readonly rate?: number;
  readonly seconds: number;
}

/**
 * Has one contestant receive.
 *
 * @throws {Error} If one of the programs fails, or does not say what it should.
 */
export async function contest(
  arena: Arena,
  contestant: Contestant,
  traffic: Traffic,
): Promise<Result> {
  const process = new Deno.Command("taskset", {
    args: ["-c", String(arena.receiverCpu), ...contestant.command],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const stdout = new Listener(process.stdout);
  const stderr = new Listener(process.stderr);
  const generate = () => runGenerator(arena, traffic);
  try {
    const [sent, received] = contestant.report === "json"
      ? await receive(stdout, generate)
      : await capture(process, stderr, generate);
    return judge(sent, received);
  } catch (error) {
    end(process);
    const reason = error instanceof Error ? error.message : error;
    throw new Error(`${contestant.command.join(" ")}: ${reason} ${await stderr.all()}`.trim());
  } finally {
    await process.status;
  }
}

/** Ends a process that may have ended already. */
function end(process: Deno.ChildProcess): void {
  try {
    process.kill("SIGKILL");
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
}

/** With a receiver that ends by itself, and tells what it received as JSON. */
async function receive(
  stdout: Listener,
  generate: () => Promise<Sent>,
): Promise<[Sent, Received]> {
  await stdout.hear(/^ready\n/);
  const sent = await generate();
  const { tp_packets: _, tp_drops, user_us, system_us, ...rest } = JSON.parse(
    (await stdout.all()).slice("ready\n".length),
  );
  return [sent, { dropped: tp_drops, cpu_us: user_us + system_us, ...rest }];
}

/** libpcap hands over a block that is not full a second late. */
const CAPTURE_DELAY = 1500;

/** With a capture tool, which has to be told to end, and whose own report is in words. */
async function capture(
  process: Deno.ChildProcess,
  stderr: Listener,
  generate: () => Promise<Sent>,
): Promise<[Sent, Received]> {
  await stderr.hear(/listening on .*\n|^File: .*\n/m); // tcpdump, dumpcap
  const before = cpuTime(process.pid);
  const sent = await generate();
  await new Promise((resolve) => setTimeout(resolve, CAPTURE_DELAY));
  const cpu_us = cpuTime(process.pid) - before;
  process.kill("SIGINT");
  const report = await stderr.all();
  const [, received] = /^(?:Packets captured: )?(\d+)(?: packets captured)?$/m.exec(report) ?? [];
  const [, tcpdump, dumpcap] =
    /^(?:(\d+) packets dropped by kernel|Packets received\/dropped .*: \d+\/(\d+) .*)$/m
      .exec(report) ?? [];
  const dropped = tcpdump ?? dumpcap;
  if (received === undefined || dropped === undefined) {
    throw new Error(`Its report is not understood: ${report}`);
  }
  return [sent, { received: Number(received), dropped: Number(dropped), cpu_us }];
}

/** The processor time that a process's threads have had, in microseconds. Source: sched-stats.rst, "/proc/<pid>/schedstat". */
function cpuTime(pid: number): number {
  const threads = Array.from(Deno.readDirSync(`/proc/${pid}/task`), ({ name }) => name);
  return threads.reduce((sum, thread) => {
    const [nanoseconds] = Deno.readTextFileSync(`/proc/${pid}/task/${thread}/schedstat`).split(" ");
    return sum + Number(nanoseconds) / 1000;
  }, 0);
}

async function runGenerator(arena: Arena, { rate, seconds }: Traffic): Promise<Sent> {
  const amount = rate === undefined
    ? ["--seconds", String(seconds)]
    : ["--rate", String(rate), "--count", String(rate * seconds)];
  const { success, stdout } = await new Deno.Command("taskset", {
    args: [
      ...["-c", String(arena.generatorCpu), arena.generator],
      ...["--interface", arena.far, ...amount],
    ],
    stderr: "inherit",
  }).output();
  if (!success) throw new Error("The generator failed");
  return JSON.parse(new TextDecoder().decode(stdout));
}

function judge(sent: Sent, received: Received): Result {
  return {
    sent,
    received,
    received_per_second: received.received / (received.seconds ?? sent.seconds),
    loss_percent: (sent.sent - received.received) / sent.sent * 100,
    cpu_us_per_frame: received.cpu_us / received.received,
    unaccounted: sent.sent - received.received - received.dropped,
  };
}
