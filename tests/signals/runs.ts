/**
 * Runs of fdpass that get a signal at a message boundary, observed from outside.
 *
 * Each run has a network namespace of its own, by which its processes are found after its end. It
 * has no PID namespace, whose end would kill an orphan.
 *
 * @module
 */

import { assertSchema } from "../support/schema.ts";
import { ROOT } from "../support/programs.ts";
import { isStopped, NetworkNamespace, Running } from "../e2e/processes.ts";
import { signalText } from "./boundaries.ts";
import { OUTPUT, type SignalCase, type SignalRecord, SLACK } from "./judge.ts";
import type { Evidence } from "../../lib/evidence/evidence.ts";
import { pause } from "../support/pause.ts";

/** How long a stopped process stays stopped, in milliseconds. */
const STOP = 150;
/** How long the processes of a run may take to end after it, in milliseconds. */
const FAREWELL = 10_000;

/** Neighbour discovery is off, so that two runs exchange the same messages. */
const SET_UP = [
  "echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6 2>/dev/null",
  "echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6 2>/dev/null",
  "ip link add veth-fdpass type veth peer name veth-fdpass-far || exit 99",
  "ip link set veth-fdpass up; ip link set veth-fdpass-far up",
  'exec "$0" "$@"',
].join("\n");

/** A folder for the files of one run, removed on disposal. */
class Folder implements Disposable {
  readonly path = Deno.makeTempDirSync();

  constructor() {
    for (const name of ["out", "tmp"]) Deno.mkdirSync(`${this.path}/${name}`);
  }

  get files(): string[] {
    return ["out", "tmp"].flatMap((name) =>
      [...Deno.readDirSync(`${this.path}/${name}`)].map(({ name }) => name)
    );
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

function start(folder: Folder, planned: string, args: readonly string[]): Running {
  const program = [Deno.execPath(), "run", "-A", `${ROOT}/tests/signals/signalled_run.ts`];
  return new Running([
    ...["env", `TMPDIR=${folder.path}/tmp`, "unshare", "--net", "sh", "-c", SET_UP],
    ...[...program, planned, `${folder.path}/count`],
    ...[...args, "--json", "--report", `${folder.path}/out/${OUTPUT}`, "veth-fdpass"],
  ]);
}

/** The number of message boundaries that the parent of an undisturbed run reaches. */
export async function boundariesOf(args: readonly string[]): Promise<number> {
  using folder = new Folder();
  await using run = start(folder, "", args);
  const { code, stderr } = await run.ended();
  if (code !== 0) throw new Error(`An undisturbed run ended with ${code}: ${stderr}`);
  return Number(Deno.readTextFileSync(`${folder.path}/count`));
}

/** Runs a case. */
export async function runCase(
  { args, ...signalCase }: SignalCase & { readonly args: readonly string[] },
): Promise<SignalRecord> {
  const { event, timeout } = signalCase;
  const signal = event === "SIGSTOP+SIGCONT" ? "SIGSTOP" : event;
  using folder = new Folder();
  await using run = start(folder, signalText({ ...signalCase, signal }), [
    ...args,
    "-t",
    String(timeout),
  ]);
  const started = performance.now();
  let isOver = false;
  using place = new NetworkNamespace(run.pid);
  const outcome = run.ended().finally(() => isOver = true);
  const limit = 1000 * timeout + SLACK;
  while (!isOver && performance.now() - started < limit) {
    place.find();
    if (event === "SIGSTOP+SIGCONT") await goOn(place);
    await pause(10);
  }
  const took = performance.now() - started;
  const hung = !isOver;
  if (hung) Deno.kill(run.pid, "SIGKILL");
  const orphans = await leftIn(place);
  for (const pid of orphans) Deno.kill(pid, "SIGKILL");
  const { code, signal: end, stdout, stderr } = await outcome;
  return {
    ...signalCase,
    end: hung ? null : { code, signal: end },
    took,
    report: reportIn(stdout),
    stderr,
    orphans,
    files: folder.files,
  };
}

/** Continues the stopped processes of a run, after a while. */
async function goOn(place: NetworkNamespace): Promise<void> {
  const stopped = place.processes.filter(isStopped);
  if (stopped.length === 0) return;
  await pause(STOP);
  for (const pid of stopped) Deno.kill(pid, "SIGCONT");
}

async function leftIn(place: NetworkNamespace): Promise<number[]> {
  const deadline = performance.now() + FAREWELL;
  for (;;) {
    const left = place.processes;
    if (left.length === 0 || performance.now() > deadline) return left;
    await pause(10);
  }
}

function reportIn(stdout: string): SignalRecord["report"] {
  if (stdout === "") return null;
  const evidence: Evidence = JSON.parse(stdout);
  assertSchema(evidence);
  const [{ error, steps }] = evidence.experiments;
  return {
    verdict: evidence.verdict,
    exit: evidence.exit,
    error: error ?? evidence.error?.message ?? null,
    steps: steps.length,
  };
}
