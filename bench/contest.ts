/**
 * One run of a benchmark: one receiver, one generator, and their reports.
 *
 * @module
 */

import type { Contestant } from "./contestants.ts";
import { Listener } from "./listener.ts";

/** The place of a run. */
export interface Arena {
  /** The compiled generator. */
  readonly generator: string;
  /** The interfaces of the receiver and of the generator. */
  readonly near: string;
  readonly far: string;
  readonly receiverCpu: number;
  readonly generatorCpu: number;
}

/** The generator's report. */
interface Sent {
  /** Frames that the kernel accepted. */
  readonly sent: number;
  /** How often the kernel refused a frame, which was then sent again. */
  readonly refused: number;
  readonly seconds: number;
}

/** A receiver's report. */
interface Received {
  readonly received: number;
  /** Frames that the kernel counted as dropped. */
  readonly dropped: number;
  /** The user and system time of its process. */
  readonly cpu_us: number;
  /** From the first frame to the last; a capture tool does not report it. */
  readonly seconds?: number;
  /** Frames whose sequence number is not above that of the frame before. */
  readonly disordered?: number;
  /** Frames that the generator did not send. */
  readonly foreign?: number;
  readonly max_rss_kib?: number;
}

/** The result of a run. */
export interface Result {
  readonly sent: Sent;
  readonly received: Received;
  readonly received_per_second: number;
  readonly loss_percent: number;
  readonly cpu_us_per_frame: number;
  /** Frames that were sent, and neither received nor counted as dropped. */
  readonly unaccounted: number;
}

/** How frames are sent. */
export interface Traffic {
  /** Frames per second; as many as possible by default. */
  readonly rate?: number;
  readonly seconds: number;
}

/**
 * Runs one contestant.
 *
 * @throws {Error} If a program fails, or its report is incomplete.
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

/** Ends a process, unless it has ended. */
function end(process: Deno.ChildProcess): void {
  try {
    process.kill("SIGKILL");
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
}

/** Runs a receiver that ends by itself and reports in JSON. */
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

/** libpcap delivers an incomplete block a second late. */
const CAPTURE_DELAY = 1500;

/** Runs a capture tool, which must be interrupted, and reports in words. */
async function capture(
  process: Deno.ChildProcess,
  stderr: Listener,
  generate: () => Promise<Sent>,
): Promise<[Sent, Received]> {
  await stderr.hear(/listening on .*\n|^File: .*\n/m); // tcpdump and dumpcap
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

/**
 * The processor time of a process's threads, in microseconds. Source: sched-stats.rst,
 * "/proc/<pid>/schedstat".
 */
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
