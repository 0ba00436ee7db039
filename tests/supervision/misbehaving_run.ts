/**
 * Supervises two seats under a steady stream. The workers of one misbehave. Prints what became of
 * each seat.
 *
 *     misbehaving_run.ts MISBEHAVIOUR
 *
 * @module
 */

import { PacketRing } from "../../ffi/mod.ts";
import { drawUpAccount } from "../../lib/experiments/supervisor/account.ts";
import { parseCommandLine } from "../../lib/cli/command_line.ts";
import type { Conclusion } from "../../lib/evidence/evidence.ts";
import { hostOf, supervisor as experiment } from "../../lib/experiments/supervisor/experiment.ts";
import type { ParentRun } from "../../lib/harness/parent_run.ts";
import { FOREIGN } from "../../lib/experiments/supervisor/progress.ts";
import { ALL_PROTECTIONS } from "../../lib/confine/protections.ts";
import { runExperiment } from "../../lib/harness/run.ts";
import { requireStimulus } from "../../lib/host/interfaces.ts";
import { findSetting } from "../../lib/harness/setting.ts";
import { steadySequence, SteadyStimulus } from "../../lib/experiments/supervisor/stream.ts";
import type { Seat, TendedSeat } from "../../lib/experiments/supervisor/seat.ts";
import { Supervisor } from "../../lib/experiments/supervisor/supervisor.ts";
import { printJson } from "../ffi/programs/print_json.ts";
import { MISBEHAVING } from "./misbehaviours.ts";
import { ownDescriptors } from "../hostile/own_descriptors.ts";
import { pause } from "../support/pause.ts";

const [name] = Deno.args;
const RING = { blockSize: 1 << 14, blockCount: 1024, retireTimeout: 8 };
const PATIENCE = { start: 2500, answer: 1000, stop: 2000 };
const RATE = 1000, TIMEOUT = 60;
/** How many workers of the misbehaving seat must end before the run stops. */
const ENOUGH = 3;

let seen: unknown;

/** Returns the numbers of the frames that the seat's next worker would receive. */
function waiting(seat: Seat, nonce: Uint8Array): number[] {
  const { socket } = seat as TendedSeat;
  using ring = new PacketRing(socket.fd, RING);
  ring.resume(seat.progress.sequence, seat.progress.doneInBlock);
  const numbers: number[] = [];
  while (ring.next()) {
    const number = steadySequence(ring.bytes, ring.offset, ring.captured, nonce);
    if (number !== undefined) numbers.push(number);
  }
  return numbers;
}

async function parent(run: ParentRun): Promise<Conclusion> {
  const { link, stimulus } = run.setting;
  using stream = new SteadyStimulus(requireStimulus(stimulus, link), RATE);
  const { nonce } = stream;
  const options = {
    ifindex: link.ifindex,
    layer: link.layer,
    protections: ALL_PROTECTIONS,
    ring: RING,
    mode: "hash",
    keepsSockets: true,
    capacity: 200_000,
    nonce,
    work: 0,
    patience: PATIENCE,
  } as const;
  const before = { descriptors: ownDescriptors(), rss: Deno.memoryUsage().rss };
  {
    await using supervisor = new Supervisor(hostOf(run), options);
    const good = await supervisor.add({ uid: MISBEHAVING - 1, gid: 65534 });
    const adding = supervisor.add({ uid: MISBEHAVING, gid: 65534 });
    stream.start();
    const bad = await adding;
    while (bad.state !== "given up" && bad.ends.length < ENOUGH) {
      run.context.signal.throwIfAborted();
      await pause(10);
    }
    await pause(300);
    stream.stop();
    await supervisor.settle();
    const { once, twice, lost } = drawUpAccount(
      stream.sent,
      supervisor.seats.map(({ progress }) => progress.journal),
    );
    const { packets, drops } = good.statistics();
    const numbers = [...good.progress.journal].filter((number) => number !== FOREIGN);
    const left = waiting(bad, nonce);
    seen = {
      sent: stream.sent,
      once,
      twice,
      lost,
      good: {
        packets,
        drops,
        done: good.progress.count,
        numbers,
      },
      bad: {
        state: bad.state,
        reasons: bad.ends.map(({ reason }) => reason),
        waiting: left,
        drops: bad.statistics().drops,
      },
    };
  }
  const after = { descriptors: ownDescriptors(), rss: Deno.memoryUsage().rss };
  seen = { ...seen as object, before, after };
  return { headline: "", points: [], decision: "" };
}

const task = parseCommandLine(["-t", String(TIMEOUT), "veth-fdpass"], [experiment]);
if (task.task !== "run") throw new Error(`Nothing to run: ${task.task}`);
const { error } = await runExperiment({ ...experiment, plan: [], parent }, {
  setting: findSetting(task.run, "", [experiment]),
  signal: new AbortController().signal,
  childModule: new URL(`./misbehaving_child.ts?${name}`, import.meta.url).href,
});
printJson({ ...seen as object, error });
