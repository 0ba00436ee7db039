/**
 * D18: workers die; do packets? A supervisor keeps the sockets of a fanout group and passes each to
 * a hardened worker. During a steady stream of numbered frames it kills workers, adds one and
 * removes one. At the end every frame is accounted for.
 *
 *     1  The stream begins. N workers receive by TPACKET_V3, each from its own socket.
 *     2  SIGKILL at random moments, again and again: a successor gets the same socket.
 *     3  A planned handover: the successor is ready before the predecessor stops.
 *     4  One worker more, then one less.
 *     5  A worker that cannot start is given up, and the others get its share. Later its socket
 *        is served again. The account: every frame exactly once.
 *     6  Control: workers that receive by recvfrom(2) lose the frame that they hold.
 *     7  Control: sockets that are closed and reopened lose the frames of the meantime.
 *
 * @module
 */

import type { PacketRingGeometry } from "../../../ffi/packet/packet_ring.ts";
import { describeAccount, drawUpAccount } from "./account.ts";
import { runChild } from "../../harness/child_main.ts";
import type { Conclusion, SeenBy } from "../../evidence/evidence.ts";
import { CannotLook } from "../../evidence/errors.ts";
import type { Experiment } from "../../harness/experiment.ts";
import { whyNoLargeReceiveBuffer } from "../../packets/socket.ts";
import type { ParentRun } from "../../harness/parent_run.ts";
import { ALL_PROTECTIONS } from "../../confine/protections.ts";
import { requireStimulus } from "../../host/interfaces.ts";
import {
  type Control,
  judgeGaps,
  judgeOnce,
  judgeQueueControl,
  judgeReopened,
  judgeSeats,
  judgeShares,
  type Phase,
  rounded,
  whyAbsent,
} from "./judge.ts";
import { killAtRandom, killUntilGivenUp } from "./kills.ts";
import { pause } from "../../host/pause.ts";
import { backlogAllowed, longestGap, rateOfOneRing } from "./longest_gap.ts";
import { identitiesFor, type Supervision, supervisorOptions } from "./options.ts";
import { SteadyStimulus } from "./stream.ts";
import { work } from "./worker.ts";
import type { Seat } from "./seat.ts";
import { Supervisor, type SupervisorHost, type SupervisorOptions } from "./supervisor.ts";
import { SupervisedWorker } from "./supervised_worker.ts";
import { StreamWitness } from "./witness.ts";
import { requireWorkerMemory } from "./memory.ts";

/**
 * The ring of each socket: 16 MiB in many small blocks. Without a reader the kernel retires a block
 * every 8 ms, however little is in it, so the number of blocks limits how long a gap may be.
 * A frame of others that is longer than a block is cut. Those of the stream are short.
 */
const RING: PacketRingGeometry = { blockSize: 1 << 14, blockCount: 1024, retireTimeout: 8 };

/**
 * How long a worker works on each frame, in microseconds: long enough for kills to fall in the
 * middle of a frame.
 */
const WORK = 50;

/** How many kills each control has, and its highest rate in frames per second. */
const CONTROL_KILLS = 5, CONTROL_RATE = 1000;

/**
 * How long a worker of the recvfrom control works on each frame, in microseconds: half of the time
 * between two frames, so that a kill often finds it with a frame in hand.
 */
const CONTROL_WORK = 500;

/** How long the stream goes on after each change, in milliseconds. */
const PAUSE = 150;

/** Returns how many frames a journal must hold: more than a run can send. */
const capacityFor = (timeout: number, rate: number) => Math.ceil(timeout / 1000 * rate) + 4096;

/**
 * The supervisor knows what it sent and sees each worker from outside. The workers report what they
 * received and when they were ready.
 */
const SEEN_BY = ["parent", "child"] as const satisfies SeenBy[];

/** Steps of the parent that a test may override. */
export const parentOverrides = {
  ring: RING as PacketRingGeometry,
  work: WORK,
  makeSupervisor: (...args: ConstructorParameters<typeof Supervisor>) => new Supervisor(...args),
  /** Reads the workers' journals at the end. */
  journals: (supervisor: Supervisor): Uint32Array[] =>
    supervisor.seats.map(({ progress }) => progress.journal),
};

/** The supervisor's program. */
export async function parent(
  run: ParentRun<Supervision>,
  overrides = parentOverrides,
): Promise<Conclusion> {
  const { link } = run.setting;
  const { workers, kills, rate } = run.options;
  requireWorkerMemory(workers + 1);
  using stream = new SteadyStimulus(requireStimulus(run.setting.stimulus, link), rate);
  using witness = new StreamWitness(link, stream.nonce);
  const identities = identitiesFor(workers + 1, run.setting.identities);
  const phases: Phase[] = [];

  // 1. Each worker has a socket of its own. All protections harden worker and socket.
  run.step(`Starting ${workers} workers, each with a socket of a fanout group...`);
  const options = optionsOf(run, stream, overrides);
  await using supervisor = overrides.makeSupervisor(hostOf(run), options);
  using _unconfined = recordUnconfined(run, supervisor);
  using _counters = run.showCounters(() => describeSeats(supervisor.seats));
  for (const identity of identities.slice(0, workers)) await supervisor.add(identity);
  run.done(`Workers are serving (PIDs: ${supervisor.seats.map(({ pid }) => pid).join(", ")})`);

  // 2. No worker is killed while so much waits that its ring could fill during the restart.
  run.step(`Killing workers ${kills} times while ${rate} frames per second arrive...`);
  const ringRate = rateOfOneRing(run.options);
  const allowed = longestGap(overrides.ring, ringRate);
  const noticed = await during(stream, phases, "kills", async () => {
    stream.start();
    await pause(PAUSE);
    const maxBacklog = backlogAllowed(allowed, ringRate);
    const whyNone = whyNoBusyWorker(stream, witness);
    return await killAtRandom(supervisor, kills, { maxBacklog, whyNone });
  });
  const gaps = supervisor.seats.flatMap((seat) => seat.gaps);
  run.check("SUPER-03", judgeGaps(gaps, noticed, allowed), SEEN_BY);
  run.done(`${kills} workers killed, each succeeded by another`, "SUPER-03");
  run.figure("kills", kills);
  run.figure("noticed_ms_most", rounded(Math.max(0, ...noticed)));
  run.figure("gap_ms_most", rounded(Math.max(0, ...gaps)));
  run.figure("gap_ms_allowed", rounded(allowed));

  // 3. The predecessor goes on until its successor is ready.
  run.step("Replacing a worker in a planned handover...");
  const gap = await during(stream, phases, "handover", async () => {
    const longest = await supervisor.replace(supervisor.seats[0]);
    await pause(PAUSE);
    return longest;
  });
  run.note(`No worker served the socket for ${rounded(gap)} ms`);

  // 4. A worker that is removed empties its socket first.
  run.step("Adding a worker, then removing it...");
  await during(stream, phases, "grow and shrink", async () => {
    const added = await supervisor.add(identities[workers]);
    await pause(PAUSE);
    run.note(`The added worker (PID ${added.pid}) received ${added.progress.count} frames`);
    await supervisor.remove(added);
    await pause(PAUSE);
  });

  // 5. Each worker of the first seat is killed as soon as it is started, before it can do anything.
  run.step("Giving up a worker that cannot start...");
  const shares = await during(stream, phases, "given up", async () => {
    if (workers === 1) await supervisor.add(identities[workers]); // the share needs a taker
    return await killUntilGivenUp(supervisor, 2 * PAUSE);
  });
  run.check("SUPER-06", judgeShares(shares), SEEN_BY);
  run.done("The others received its share until its socket was served again", "SUPER-06");

  run.step("Accounting for every frame...");
  stream.stop();
  await supervisor.settle();
  witness.look();
  const drops = supervisor.seats.map((seat) => seat.statistics().drops);
  const seats = [...supervisor.seats];
  run.check("SUPER-01", judgeSeats(seats), SEEN_BY);
  const account = drawUpAccount(stream.sent, overrides.journals(supervisor), witness);
  for (const [check, name] of EXACTLY_ONCE) {
    const phase = phases.find((each) => each.name === name)!;
    run.check(check, judgeOnce(account, phase, drops), SEEN_BY);
  }
  run.figure("sent", account.sent);
  run.figure("received_once", account.once);
  run.figure("received_twice", account.twice);
  run.figure("lost", account.lost.length);
  run.figure("did_not_arrive", account.absent.length);
  run.figure("of_others", account.others);
  run.figure(
    "resumed_in_mid_block",
    seats.reduce((sum, { progress }) => sum + progress.resumedInBlock, 0),
  );
  seats.forEach(({ number, progress, starts, gaps }, i) => {
    run.figure(`worker ${number}: frames`, progress.count);
    run.figure(`worker ${number}: starts`, starts);
    run.figure(`worker ${number}: gap_ms_most`, rounded(Math.max(0, ...gaps)));
    run.figure(`worker ${number}: drops`, drops[i]);
  });
  await supervisor.stop();
  run.done(describeAccount(account), "SUPER-01", ...EXACTLY_ONCE.map(([check]) => check));

  // 6. and 7. The controls show the losses without a ring, and without keeping the socket.
  run.step("The control: workers that receive by recvfrom...");
  const queue = await control(run, overrides, { ring: null, work: CONTROL_WORK });
  run.check("SUPER-07", judgeQueueControl(queue), SEEN_BY);
  run.done(describeAccount(queue.account), "SUPER-07");
  run.step("The control: sockets that are closed and reopened...");
  const reopened = await control(run, overrides, { keepsSockets: false });
  run.check("SUPER-08", judgeReopened(reopened), SEEN_BY);
  run.done(describeAccount(reopened.account), "SUPER-08");

  return {
    headline: "Workers die, packets do not!",
    points: [
      `${kills} workers were killed; each successor received the same socket`,
      `${account.sent} frames sent, ${account.once} received once, none twice, none lost`,
      `The longest gap without a worker was ${rounded(Math.max(0, ...gaps))} ms; ` +
      `the ring allows ${rounded(allowed)} ms`,
      `The controls lost frames: recvfrom ${queue.account.lost.length}, ` +
      `reopened sockets ${reopened.account.lost.length}`,
    ],
    decision: "D18 (Supervisor) is viable, with kept sockets and rings",
  };
}

/**
 * Repeats the stream and the kills with other options and one worker, so that no other worker can
 * receive what it loses.
 */
async function control(
  run: ParentRun<Supervision>,
  overrides: typeof parentOverrides,
  changed: Partial<SupervisorOptions>,
): Promise<Control> {
  const { link, identity } = run.setting;
  const kills = CONTROL_KILLS;
  using stream = new SteadyStimulus(
    requireStimulus(run.setting.stimulus, link),
    Math.min(CONTROL_RATE, run.options.rate / run.options.workers),
  );
  using witness = new StreamWitness(link, stream.nonce);
  const options = { ...optionsOf(run, stream, overrides), ...changed };
  await using supervisor = overrides.makeSupervisor(hostOf(run), options);
  using _counters = run.showCounters(() => `control: ${describeSeats(supervisor.seats)}`);
  const seat = await supervisor.add(identity);
  stream.start();
  const whyNone = whyNoBusyWorker(stream, witness);
  await killAtRandom(supervisor, kills, { inHand: options.ring === null, whyNone });
  await pause(PAUSE);
  stream.stop();
  await supervisor.settle();
  witness.look();
  const { drops } = seat.statistics();
  const account = drawUpAccount(stream.sent, overrides.journals(supervisor), witness);
  await supervisor.stop();
  return { account, kills, inHand: seat.lostInHand, drops };
}

/**
 * Returns a function that finds out why no worker is in mid-stream. It returns `undefined` if the
 * stream arrives and is nearly all that does: then the workers need more time.
 */
function whyNoBusyWorker(
  stream: SteadyStimulus,
  witness: StreamWitness,
): () => CannotLook | undefined {
  return () => {
    witness.look();
    const { times: { size }, others } = witness;
    if (size === 0) return new CannotLook(whyAbsent(stream.sent, stream.sent));
    return others > size
      ? new CannotLook(
        `the workers do not keep up with ${others} frames of others in the group of the stream: ` +
          "end that traffic, or use an interface with less",
      )
      : undefined;
  };
}

/**
 * Records at its disposal that a worker was not confined, also if the run ends before the account.
 */
function recordUnconfined(run: ParentRun<Supervision>, { seats }: Supervisor): Disposable {
  return {
    [Symbol.dispose]() {
      if (seats.some(({ isConfined }) => !isConfined)) {
        run.check("SUPER-01", judgeSeats(seats), SEEN_BY);
      }
    },
  };
}

/** Describes the progress of each worker in a line, for the display while the run goes on. */
function describeSeats(seats: readonly Seat[]): string {
  return seats.map(({ number, progress, starts, state, hasLeft }) => {
    const remark = hasLeft ? ", removed" : state === "serving" ? "" : `, ${state}`;
    const times = `${starts} start${starts === 1 ? "" : "s"}`;
    return `worker ${number}: ${progress.count} frames, ${times}${remark}`;
  }).join("; ");
}

/** The checks that every frame of a phase was received exactly once, each with its phase. */
const EXACTLY_ONCE = [
  ["SUPER-02", "kills"],
  ["SUPER-04", "handover"],
  ["SUPER-05", "grow and shrink"],
  ["SUPER-09", "given up"],
] as const;

/** The experiment. */
export const supervisor: Experiment<Supervision> = {
  module: import.meta.url,
  name: "supervisor",
  title: "Supervisor",
  question: "When workers die, are packets lost, if the supervisor keeps the sockets?",
  decisions: ["D18", "D24"],
  capabilities: ["CAP_NET_ADMIN", "CAP_SYS_PTRACE"],
  whyNoAnswer: whyNoLargeReceiveBuffer,
  options: supervisorOptions,
  alwaysHardens: true,
  timeout: 60,
  plan: [
    "SUPER-01",
    "SUPER-02",
    "SUPER-03",
    "SUPER-04",
    "SUPER-05",
    "SUPER-06",
    "SUPER-07",
    "SUPER-08",
    "SUPER-09",
  ],
  parent,
  child: work,
};

/** Runs `step` while the stream flows, and remembers which frames were sent meanwhile. */
async function during<T>(
  stream: SteadyStimulus,
  phases: Phase[],
  name: string,
  step: () => Promise<T>,
): Promise<T> {
  const from = stream.sent;
  const result = await step();
  phases.push({ name, from, to: stream.sent });
  return result;
}

function optionsOf(
  run: ParentRun<Supervision>,
  stream: SteadyStimulus,
  { ring, work }: typeof parentOverrides,
): SupervisorOptions {
  const { ifindex, layer } = run.setting.link;
  const { fanout: mode } = run.options;
  const protections = ALL_PROTECTIONS;
  const capacity = capacityFor(run.context.deadline - performance.now(), stream.rate);
  const { nonce } = stream;
  return { ifindex, layer, mode, protections, ring, keepsSockets: true, capacity, nonce, work };
}

/** Returns the part of a run that a supervisor uses: its end, and a child process per worker. */
export function hostOf(run: ParentRun): SupervisorHost {
  const { signal, deadline } = run.context;
  return {
    signal,
    deadline,
    startWorker: (assignment, options) => new SupervisedWorker(run, assignment, options),
  };
}

if (import.meta.main) Deno.exit(await runChild([supervisor], Deno.args));
