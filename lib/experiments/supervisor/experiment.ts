/**
 * D18: workers die; do packets? A supervisor keeps the sockets of a fanout group and hands each to a hardened worker. Under a steady stream of
 * numbered frames, workers are killed in mid-stream, seats come and go, and in the end every frame is accounted for.
 *
 *     1  the stream begins; N workers receive by TPACKET_V3, each from its own socket
 *     2  SIGKILL, again and again, at random moments: a successor is handed the same socket
 *     3  a planned handover: the successor is ready before the predecessor goes
 *     4  a worker more, and one less
 *     5  a worker that cannot start is given up: the others take its share; then it is served again
 *        the account: every frame once
 *     6  the same with workers that receive by recvfrom(2): what they had in hand is lost
 *     7  the same with sockets that are closed and opened anew: what is sent meanwhile is lost
 *
 * @module
 */

import type { PacketRingGeometry } from "../../../ffi/packet/packet_ring.ts";
import type { Identity } from "../../../ffi/process/credentials.ts";
import { type Account, describeAccount, drawUpAccount } from "./account.ts";
import { runChild } from "../../harness/child_main.ts";
import { type Conclusion, type Finding, judged, type SeenBy } from "../../evidence/evidence.ts";
import type { Experiment } from "../../harness/experiment.ts";
import { counted } from "../../cli/live.ts";
import { UsageError } from "../../evidence/errors.ts";
import { whyNoLargeReceiveBuffer } from "../../packets/socket.ts";
import type { ParentRun } from "../../harness/parent_run.ts";
import { ALL_PROTECTIONS } from "../../confine/protections.ts";
import { FAILURES_TOLERATED } from "./restart_policy.ts";
import { requireStimulus, type Supervision } from "../../harness/setting.ts";
import { STEADY_FRAME, SteadyStimulus } from "./stream.ts";
import { work } from "./worker.ts";
import { type Seat, Supervisor, type SupervisorOptions } from "./supervisor.ts";
import { requireWorkerMemory } from "../../host/memory.ts";

/**
 * The ring of each socket: 16 MiB in many small blocks. While nobody reads, a block is handed over every 8 ms however little is in it, so it is
 * their number that a gap is paid in.
 */
const RING: PacketRingGeometry = { blockSize: 1 << 14, blockCount: 1024, retireTimeout: 8 };

/** How long a worker works on each frame, in microseconds: long enough to be killed in the middle of it. */
const WORK = 50;

/** How far apart kills are on average, in milliseconds. */
const KILL_INTERVAL = 60;

/** How many kills the two controls have, and the most frames per second. */
const CONTROL_KILLS = 5, CONTROL_RATE = 1000;

/** How long a worker of the first control works on each frame, in microseconds: half of the time, so that it can be killed with one in hand. */
const CONTROL_WORK = 500;

/** How long a change is left to show, in milliseconds. */
const PAUSE = 150;

/** How many frames a journal holds: more than a run can send. */
const capacityFor = (timeout: number, rate: number) => Math.ceil(timeout / 1000 * rate) + 4096;

/** The supervisor knows what it sent, and sees each worker from outside. What was received, and when it was ready, is the workers' word. */
const SEEN_BY = ["parent", "child"] as const satisfies SeenBy[];

/** Steps of the parent that a test may override. */
export const parentOverrides = {
  ring: RING as PacketRingGeometry,
  work: WORK,
  makeSupervisor: (...args: ConstructorParameters<typeof Supervisor>) => new Supervisor(...args),
  /** What is read of the workers' progress in the end. */
  journals: (supervisor: Supervisor): Uint32Array[] =>
    supervisor.seats.map(({ progress }) => progress.journal),
};

/** The supervisor's program. */
export async function parent(run: ParentRun, overrides = parentOverrides): Promise<Conclusion> {
  const { link, supervision } = run.setting;
  const { workers, kills, rate } = supervision;
  requireWorkerMemory(workers + 1);
  using stream = new SteadyStimulus(requireStimulus(run.setting.stimulus, link), rate);
  const identities = identitiesOf(run, workers + 1);
  const ranges: Range[] = [];

  // 1. Each worker has a socket, hardened as all protections together do it.
  run.step(`Starting ${workers} workers, each with a socket of a fanout group...`);
  const options = optionsOf(run, stream, overrides);
  await using supervisor = overrides.makeSupervisor(run, options, ALL_PROTECTIONS);
  using _counters = run.tells(() => inWords(supervisor.seats));
  for (const identity of identities.slice(0, workers)) await supervisor.add(identity);
  run.done(`Workers serve (PIDs: ${supervisor.seats.map(({ pid }) => pid).join(", ")})`);

  // 2.
  run.step(`Killing workers, ${kills} times, while ${rate} frames a second arrive...`);
  const mostRate = rateOfOneRing(supervision);
  const allowed = longestGap(overrides.ring, mostRate);
  const killed = await during(stream, ranges, "kills", async () => {
    stream.start();
    await pause(PAUSE);
    return await killAtRandom(supervisor, kills, { most: framesAllowed(allowed, mostRate) });
  });
  const gaps = supervisor.seats.flatMap((seat) => seat.gaps);
  run.check("SUPER-03", judgeGaps(gaps, allowed, killed), SEEN_BY);
  run.done(`${kills} workers killed, and as many successors`, "SUPER-03");
  run.record.figure("kills", kills);
  run.record.figure("noticed_ms_most", rounded(Math.max(0, ...killed.noticed)));
  run.record.figure("gap_ms_most", rounded(Math.max(0, ...gaps)));
  run.record.figure("gap_ms_allowed", rounded(allowed));

  // 3.
  run.step("Handing over as planned...");
  const gap = await during(stream, ranges, "handover", async () => {
    const longest = await supervisor.replace(supervisor.seats[0]);
    await pause(PAUSE);
    return longest;
  });
  run.note(`Nobody served for ${rounded(gap)} ms`);

  // 4.
  run.step("Adding a worker, and letting one go...");
  await during(stream, ranges, "grow and shrink", async () => {
    const added = await supervisor.add(identities[workers]);
    await pause(PAUSE);
    run.note(`Worker ${added.pid} took ${added.progress.count} frames`);
    await supervisor.remove(added);
    await pause(PAUSE);
  });

  // 5. It is killed as often as it is started, before it can do anything.
  run.step("Giving up a worker that cannot start...");
  const shares = await during(stream, ranges, "given up", async () => {
    if (workers === 1) await supervisor.add(identities[workers]); // or there were no others
    return await giveUp(supervisor);
  });
  run.check("SUPER-06", judgeShares(shares), SEEN_BY);
  run.done("The others took its share, until it was served again", "SUPER-06");

  run.step("Drawing up the account...");
  stream.stop();
  await supervisor.settle();
  const drops = supervisor.seats.map((seat) => seat.statistics().drops);
  const seats = [...supervisor.seats];
  run.check("SUPER-01", judgeSeats(seats), SEEN_BY);
  const account = drawUpAccount(stream.sent, overrides.journals(supervisor));
  for (const [check, name] of EXACTLY_ONCE) {
    run.check(
      check,
      judgeOnce(account, ranges.find((range) => range.name === name)!, drops),
      SEEN_BY,
    );
  }
  run.record.figure("sent", account.sent);
  run.record.figure("received_once", account.once);
  run.record.figure("received_twice", account.twice);
  run.record.figure("lost", account.lost.length);
  run.record.figure(
    "resumed_in_mid_block",
    seats.reduce((sum, { progress }) => sum + progress.resumedInBlock, 0),
  );
  seats.forEach(({ number, progress, starts, gaps }, i) => {
    run.record.figure(`worker ${number}: frames`, progress.count);
    run.record.figure(`worker ${number}: starts`, starts);
    run.record.figure(`worker ${number}: gap_ms_most`, rounded(Math.max(0, ...gaps)));
    run.record.figure(`worker ${number}: drops`, drops[i]);
  });
  await supervisor.stop();
  run.done(describeAccount(account), "SUPER-01", ...EXACTLY_ONCE.map(([check]) => check));

  // 6 and 7. What would be lost otherwise.
  run.step("The control: workers that receive by recvfrom...");
  const queue = await control(run, overrides, { ring: null, work: CONTROL_WORK });
  run.check("SUPER-07", judgeQueue(queue), SEEN_BY);
  run.done(describeAccount(queue.account), "SUPER-07");
  run.step("The control: sockets that are closed and opened anew...");
  const anew = await control(run, overrides, { keepsSockets: false });
  run.check("SUPER-08", judgeAnew(anew), SEEN_BY);
  run.done(describeAccount(anew.account), "SUPER-08");

  return {
    headline: "Workers die, packets do not!",
    points: [
      `${kills} workers were killed; each successor got the same socket`,
      `${account.sent} frames sent, ${account.once} received once, none twice, none lost`,
      `Nobody served for ${rounded(Math.max(0, ...gaps))} ms at most; ` +
      `the ring allows ${rounded(allowed)} ms`,
      `By recvfrom ${queue.account.lost.length} were lost, and by new sockets ${anew.account.lost.length}`,
    ],
    decision: "D18 (Supervisor) is viable, with kept sockets and rings",
  };
}

/** What the workers of each seat have done, for somebody who waits. */
function inWords(seats: readonly Seat[]): string {
  return seats.map(({ number, progress, starts, state, hasLeft }) => {
    const remark = hasLeft ? ", let go" : state === "serving" ? "" : `, ${state}`;
    return `worker ${number}: ${progress.count} frames, ${counted(starts, "start")}${remark}`;
  }).join("; ");
}

/** The claims about the one stream, each about a part of it. */
const EXACTLY_ONCE = [
  ["SUPER-02", "kills"],
  ["SUPER-04", "handover"],
  ["SUPER-05", "grow and shrink"],
  ["SUPER-09", "given up"],
] as const;

/** The experiment. */
export const supervisor: Experiment = {
  module: import.meta.url,
  name: "supervisor",
  title: "Supervisor",
  question: "When workers die, are packets lost, if the supervisor keeps the sockets?",
  decisions: ["D18", "D24"],
  capabilities: ["CAP_NET_ADMIN"],
  whyNoAnswer: whyNoLargeReceiveBuffer,
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

/** The frames that were sent while something was done: those numbered from `from` up to, and without, `to`. */
interface Range {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

async function during<T>(
  stream: SteadyStimulus,
  ranges: Range[],
  name: string,
  step: () => Promise<T>,
): Promise<T> {
  const from = stream.sent;
  const result = await step();
  ranges.push({ name, from, to: stream.sent });
  return result;
}

function optionsOf(
  run: ParentRun,
  stream: SteadyStimulus,
  { ring, work }: typeof parentOverrides,
): SupervisorOptions {
  const { fanout } = run.setting.supervision;
  const capacity = capacityFor(run.context.deadline - Date.now(), stream.rate);
  return { ring, mode: fanout, keepsSockets: true, capacity, nonce: stream.nonce, work };
}

/** Whom each worker becomes: one of a range, or all the same. */
function identitiesOf({ setting: { identity, identities } }: ParentRun, count: number): Identity[] {
  if (identities.length > 1 && identities.length < count) {
    throw new UsageError(
      `--user: ${count} users are wanted, for ${
        count - 1
      } workers and one more, not ${identities.length}`,
    );
  }
  return Array.from({ length: count }, (_, i) => identities[i] ?? identity);
}

const pause = (time: number) => new Promise<void>((resolve) => setTimeout(resolve, time));
const rounded = (number: number) => Math.round(number * 10) / 10;
const anyOf = <T>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)];

/** What was seen of kills. */
interface Kills {
  /** How long the supervisor took to notice each, in milliseconds. */
  readonly noticed: readonly number[];
}

/** Whom to kill. */
interface Victims {
  /** Only one with a frame in hand, as far as that can be seen. */
  readonly inHand?: boolean;
  /** Only where no more frames than these wait. */
  readonly most?: number;
}

/** Kills a worker in mid-stream at a time, and waits until each has a successor. */
async function killAtRandom(
  supervisor: Supervisor,
  kills: number,
  { inHand = false, most = Infinity }: Victims = {},
): Promise<Kills> {
  const noticed: number[] = [];
  for (let killed = 0; killed < kills; killed++) {
    await pause(Math.random() * 2 * KILL_INTERVAL);
    const seat = await someAtWork(supervisor, most);
    const ends = seat.ends.length;
    if (inHand) await supervisor.until(() => seat.progress.isInHand);
    const at = performance.now();
    supervisor.kill(seat);
    await supervisor.until(() => seat.ends.length > ends);
    noticed.push(seat.ends[ends].at - at);
  }
  await supervisor.until(() => supervisor.seats.every(({ state }) => state === "serving"));
  return { noticed };
}

/** A seat whose worker is in mid-stream: it has done something, and not too much is left. */
async function someAtWork(supervisor: Supervisor, most: number): Promise<Seat> {
  const atWork = () =>
    supervisor.seats.filter((seat) =>
      seat.state === "serving" && seat.doneByWorker > 0 && seat.backlog() <= most
    );
  await supervisor.until(() => atWork().length > 0);
  return anyOf(atWork());
}

/** How many frames may wait when a worker is killed: half of what the ring takes at that rate, or what one block does. */
function framesAllowed(milliseconds: number, framesPerSecond: number): number {
  return Math.max(FRAMES_IN_HASTE, milliseconds / 2 * framesPerSecond / 1000);
}

/** What waits in any case: the frames of a block that is not handed over yet, and a burst after a pause of the stream. */
const FRAMES_IN_HASTE = 100;

/**
 * How many frames a second one ring has to take: its share where a stream is dealt out evenly, all where one processor sends them, or one queue has them.
 */
export function rateOfOneRing({ fanout, rate, workers }: Supervision): number {
  return fanout === "cpu" || fanout === "qm" ? rate : rate / workers;
}

/** How long nobody may serve a ring before it is full, in milliseconds. */
export function longestGap(
  { blockSize, blockCount, retireTimeout }: PacketRingGeometry,
  framesPerSecond: number,
): number {
  const framesPerBlock = Math.floor((blockSize - BLOCK_HEAD) / FRAME_IN_RING);
  const filled = framesPerBlock / framesPerSecond * 1000;
  return (blockCount - 1) * Math.min(retireTimeout, filled);
}

/** What a block and a frame of the stream take in a ring, in bytes: their heads, the address, and alignment. Source: net/packet/af_packet.c. */
const BLOCK_HEAD = 48;
const FRAME_IN_RING = Math.ceil((82 + STEADY_FRAME) / 8) * 8;

/** What became of a seat's frames while it was given up, and of the others'. */
interface Shares {
  readonly failures: number;
  /** Frames that the kernel put into the seat's socket while it was given up, and that its worker took after. */
  readonly whileGivenUp: number;
  readonly afterRevival: number;
  readonly others: number;
}

async function giveUp(supervisor: Supervisor): Promise<Shares> {
  const [seat] = supervisor.seats;
  const ends = seat.ends.length;
  let killed: number | undefined;
  while (seat.state !== "given up") {
    await supervisor.until(() => seat.state === "given up" || (seat.pid ?? killed) !== killed);
    killed = seat.pid;
    supervisor.kill(seat);
  }
  const others = () =>
    supervisor.seats.reduce((sum, each) => sum + (each === seat ? 0 : each.progress.count), 0);
  const [before, othersBefore] = [seat.progress.count, others()];
  const { packets } = seat.statistics();
  await pause(2 * PAUSE);
  const whileGivenUp = seat.statistics().packets - packets;
  const othersMeanwhile = others() - othersBefore;
  await supervisor.revive(seat);
  await pause(2 * PAUSE);
  return {
    failures: seat.ends.length - ends,
    whileGivenUp,
    afterRevival: seat.progress.count - before,
    others: othersMeanwhile,
  };
}

/** What came of a control. */
interface Control {
  readonly account: Account;
  readonly kills: number;
  readonly inHand: readonly number[];
  readonly drops: number;
}

/** The same stream and kills, with something done otherwise; with one worker, so that what it loses nobody else could get. */
async function control(
  run: ParentRun,
  overrides: typeof parentOverrides,
  otherwise: Partial<SupervisorOptions>,
): Promise<Control> {
  const { link, supervision, identity } = run.setting;
  const kills = CONTROL_KILLS;
  using stream = new SteadyStimulus(
    requireStimulus(run.setting.stimulus, link),
    Math.min(CONTROL_RATE, supervision.rate / supervision.workers),
  );
  const options = { ...optionsOf(run, stream, overrides), ...otherwise };
  await using supervisor = overrides.makeSupervisor(run, options, ALL_PROTECTIONS);
  using _counters = run.tells(() => `control: ${inWords(supervisor.seats)}`);
  const seat = await supervisor.add(identity);
  stream.start();
  await killAtRandom(supervisor, kills, { inHand: options.ring === null });
  await pause(PAUSE);
  stream.stop();
  await supervisor.settle();
  const { drops } = seat.statistics();
  const account = drawUpAccount(stream.sent, overrides.journals(supervisor));
  await supervisor.stop();
  return { account, kills, inHand: seat.lostInHand, drops };
}

function judgeSeats(seats: readonly Seat[]): Finding {
  const strange = seats.filter(({ cookies, isConfined }) => cookies.size !== 1 || !isConfined);
  const starts = seats.reduce((sum, seat) => sum + seat.starts, 0);
  const unread = seats.find(({ filterUnread }) => filterUnread !== undefined)?.filterUnread;
  return judged(
    seats.length > 0 && strange.length === 0,
    strange.length === 0
      ? `${starts} workers, each confined, with the one socket of its seat${
        unread === undefined ? "" : `, as far as can be seen: ${unread}`
      }`
      : `seats ${strange.map(({ number }) => number).join(", ")} are not so`,
    {
      seats: seats.map(({ number, starts, cookies, isConfined, filterUnread, ends }) => ({
        number,
        starts,
        cookies: [...cookies],
        isConfined,
        filter_unread: filterUnread ?? null,
        ends: ends.map(({ reason }) => reason),
      })),
    },
  );
}

function judgeOnce(account: Account, { from, to }: Range, drops: readonly number[]): Finding {
  const lost = account.lost.filter((number) => number >= from && number < to);
  return judged(
    to > from && lost.length === 0 && account.twice === 0,
    `${to - from} frames: ${lost.length} lost, ${account.twice} twice in the whole stream`,
    { from, to, lost: lost.slice(0, 100), twice: account.twice, tp_drops: drops },
  );
}

function judgeGaps(gaps: readonly number[], allowed: number, { noticed }: Kills): Finding {
  const longest = Math.max(0, ...gaps);
  const latest = Math.max(0, ...noticed);
  return judged(
    gaps.length >= noticed.length && longest + latest < allowed,
    `${rounded(longest)} ms at most, of ${rounded(allowed)} ms; ` +
      `noticed after ${rounded(latest)} ms at most`,
    { gaps_ms: gaps.map(rounded), noticed_ms: noticed.map(rounded), allowed_ms: rounded(allowed) },
  );
}

function judgeShares({ failures, whileGivenUp, afterRevival, others }: Shares): Finding {
  return judged(
    failures >= FAILURES_TOLERATED && whileGivenUp === 0 && others > 0 && afterRevival > 0,
    `given up after ${failures} ends; meanwhile the others took ${others} frames, it ${whileGivenUp}; ` +
      `served again, ${afterRevival}`,
    { failures, whileGivenUp, afterRevival, others },
  );
}

/** By recvfrom: what is lost was in the hand of a worker that was killed, or had no room. */
function judgeQueue({ account, kills, inHand, drops }: Control): Finding {
  const { lost, twice } = account;
  const unexplained = lost.filter((number) => !inHand.includes(number)).length - drops;
  return judged(
    twice === 0 && lost.length > 0 && unexplained <= kills - inHand.length,
    `${lost.length} lost in ${kills} kills: ${inHand.length} in hand, ${drops} dropped by the kernel, ` +
      `${Math.max(0, unexplained)} between the kernel and the hand`,
    { lost, in_hand: inHand, tp_drops: drops, kills },
  );
}

/** By new sockets: what was sent while there was none, or was queued in one that was closed, is lost. */
function judgeAnew({ account, kills }: Control): Finding {
  const { lost } = account;
  return judged(
    lost.length > 0,
    `${lost.length} of ${account.sent} lost in ${kills} kills`,
    { lost: lost.length, sent: account.sent, kills },
  );
}

if (import.meta.main) Deno.exit(await runChild([supervisor], Deno.args));
