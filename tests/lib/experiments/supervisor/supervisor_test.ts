/**
 * The supervisor without a run: real sockets on the loopback interface, and workers that follow a
 * script or only sleep.
 */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  Errno,
  if_nametoindex,
  openDescriptors,
  OwnedFd,
  PACKET_QDISC_BYPASS,
  send,
  setsockopt,
  SOL_PACKET,
  SystemError,
} from "../../../../ffi/mod.ts";
import { CutShort, ExperimentError } from "../../../../lib/evidence/errors.ts";
import { FAILURES_TOLERATED } from "../../../../lib/experiments/supervisor/restart_policy.ts";
import type { Assignment, Seat, TendedSeat } from "../../../../lib/experiments/supervisor/seat.ts";
import { boundPacketSocket, describePacketSocket } from "../../../../lib/packets/socket.ts";
import { takeFrame } from "../../../../lib/packets/queue.ts";
import { numberOf, other, OURS } from "../../../support/flows.ts";
import { testNeeding } from "../../../support/needs.ts";
import { Supervisor } from "../../../../lib/experiments/supervisor/supervisor.ts";
import {
  failing,
  forever,
  loopbackOptions,
  type Script,
  ScriptedSupervisor,
} from "./scripted_workers.ts";
import { SleepingProcess } from "./sleeping_process.ts";

const USER = { uid: 65534, gid: 65534 };
/** The time between two questions for a sign of life, in milliseconds. */
const ASK_INTERVAL = 250;

const socketOf = (seat: Seat): OwnedFd => (seat as TendedSeat).socket;
const pause = (time: number) => new Promise<void>((resolve) => setTimeout(resolve, time));

/** Registers a test that must leave no descriptor open. */
function supervisorTest(name: string, test: () => Promise<void>): void {
  testNeeding({ root: true }, name, async () => {
    const before = openDescriptors("self");
    await test();
    assertEquals(openDescriptors("self"), before);
  });
}

/**
 * Sends numbered frames of our own by the loopback interface. They bypass the queueing discipline,
 * where the kernel would also copy outgoing frames to packet sockets: packet(7).
 */
function sendFrames(...numbers: number[]): void {
  using socket = boundPacketSocket(if_nametoindex("lo"), 0);
  setsockopt(socket.fd, SOL_PACKET, PACKET_QDISC_BYPASS, 1);
  for (const number of numbers) send(socket.fd, other(0x88b5, number), 0);
}

/** Reads our own frames from a socket, and returns their numbers. */
function readFrames(fd: number): number[] {
  const numbers: number[] = [];
  for (let frame; (frame = takeFrame(fd)) !== undefined;) {
    const { head } = frame;
    if (OURS.every((byte, i) => head[6 + i] === byte)) numbers.push(numberOf(head));
  }
  return numbers;
}

const NUMBERS = Array.from({ length: 200 }, (_, i) => i);

/** Sends all numbers and returns, for each seat, those that its socket got. */
async function shareOut(supervisor: ScriptedSupervisor): Promise<number[][]> {
  const got = supervisor.seats.map(() => [] as number[]);
  sendFrames(...NUMBERS);
  const total = () => got.reduce((sum, each) => sum + each.length, 0);
  await supervisor.until(() => {
    supervisor.seats.forEach((seat, i) => got[i].push(...readFrames(socketOf(seat).fd)));
    return total() >= NUMBERS.length;
  });
  assertEquals(got.flat().sort((a, b) => a - b), NUMBERS, "every frame once");
  return got;
}

// ── Seats ──

supervisorTest(
  "Supervisor.add() returns a seat whose worker was ready before it began",
  async () => {
    await using supervisor = new ScriptedSupervisor();
    const seat = await supervisor.add(USER);
    const { number, state, pid, starts, identity, ends, gaps } = seat;
    assertEquals({ number, state, pid, starts, identity, ends, gaps }, {
      number: 1,
      state: "serving",
      pid: 1,
      starts: 1,
      identity: USER,
      ends: [],
      gaps: [],
    });
    assertEquals(supervisor.log, ["1 ready", "1 begin"]);
    assertEquals([seat.cookies.size, seat.isConfined, seat.filterUnread], [1, true, undefined]);
  },
);

supervisorTest("Supervisor.add() gives a seat its share only once its worker serves", async () => {
  const slow = Promise.withResolvers<void>();
  const scriptOf = (number: number): Script => number === 2 ? { ready: () => slow.promise } : {};
  await using supervisor = new ScriptedSupervisor(scriptOf);
  await supervisor.add(USER);
  const adding = supervisor.add(USER);
  const [one, two] = await shareOut(supervisor);
  assertEquals([one.length, two.length], [NUMBERS.length, 0]);
  slow.resolve();
  assertEquals((await adding).number, 2);
  const shares = await shareOut(supervisor);
  assert(shares.every(({ length }) => length > 20), `shares of ${shares.map((s) => s.length)}`);
});

supervisorTest("Supervisor.add() passes each seat's own socket and memory", async () => {
  await using supervisor = new ScriptedSupervisor();
  const [first, second] = [await supervisor.add(USER), await supervisor.add(USER)];
  supervisor.workers[1].do(7, 8);
  assertEquals([first.progress.count, [...second.progress.journal]], [0, [7, 8]]);
  const fds = supervisor.workers.map(({ assignment }) => assignment.packetFd);
  assertEquals(fds, [first, second].map((seat) => socketOf(seat).fd));
  assertEquals([first.doneByWorker, second.doneByWorker], [0, 2]);
});

supervisorTest(
  "Supervisor.remove() loses no frame: first the share, then the socket, then the worker",
  async () => {
    await using supervisor = new ScriptedSupervisor();
    const [staying, leaving] = [await supervisor.add(USER), await supervisor.add(USER)];
    sendFrames(...NUMBERS);
    const removing = supervisor.remove(leaving);
    await pause(150);
    assertEquals(supervisor.log.includes("2 stop"), false, "frames wait in its socket");
    const later = NUMBERS.map((number) => 1000 + number);
    sendFrames(...later); // the share is the other's already
    const [left, received] = [leaving, staying].map((seat) => readFrames(socketOf(seat).fd));
    await removing;
    assertEquals(left.filter((number) => number >= 1000), []);
    assertEquals([...left, ...received].sort((a, b) => a - b), [...NUMBERS, ...later]);
    assertEquals(supervisor.workers[1].calls.slice(-3), ["stop", "ended", "disposed"]);
    assertEquals([leaving.hasLeft, leaving.pid, leaving.ends], [true, undefined, []]);
  },
);

supervisorTest("Supervisor throws RangeError for a seat of another supervisor", async () => {
  await using supervisor = new ScriptedSupervisor();
  await using another = new ScriptedSupervisor();
  const seat = await another.add(USER);
  assertThrows(() => supervisor.kill(seat), RangeError);
  await assertRejects(() => supervisor.remove(seat), RangeError);
  assertEquals(another.workers[0].isDead, false);
});

// ── Ends are noticed ──

supervisorTest(
  "A worker that is killed is noticed at once, and a successor gets its socket",
  async () => {
    await using supervisor = new ScriptedSupervisor();
    const seat = await supervisor.add(USER);
    supervisor.workers[0].do(1);
    const at = performance.now();
    supervisor.kill(seat);
    await supervisor.until(() => seat.starts === 2 && seat.state === "serving");
    assertEquals(seat.ends.map(({ reason }) => reason), ["The child ended early"]);
    const noticed = seat.ends[0].at - at;
    assert(noticed < ASK_INTERVAL * 0.8, `before it was asked again, but after ${noticed} ms`);
    const fds = supervisor.workers.map(({ assignment }) => assignment.packetFd);
    assertEquals([seat.pid, seat.gaps.length, fds[1]], [2, 1, fds[0]]);
    assertEquals(seat.cookies.size, 1);
    assert(supervisor.workers[0].calls.includes("disposed"));
  },
);

supervisorTest("Frames that come while no worker serves wait for the successor", async () => {
  const late = Promise.withResolvers<void>();
  const scriptOf = (number: number): Script => number === 2 ? { ready: () => late.promise } : {};
  await using supervisor = new ScriptedSupervisor(scriptOf);
  const seat = await supervisor.add(USER);
  supervisor.kill(seat);
  await supervisor.until(() => seat.ends.length === 1);
  sendFrames(...NUMBERS);
  assertEquals(seat.state === "serving", false);
  late.resolve();
  await supervisor.until(() => seat.state === "serving");
  assertEquals(seat.backlog() >= NUMBERS.length, true);
  assertEquals(readFrames(supervisor.workers[1].assignment.packetFd), NUMBERS);
});

supervisorTest(
  "A worker that does not answer is killed and replaced, with the reason",
  async () => {
    const scriptOf = (number: number): Script =>
      number === 1 ? { answer: failing('The worker was not "alive" within 5 ms') } : {};
    await using supervisor = new ScriptedSupervisor(scriptOf);
    const seat = await supervisor.add(USER);
    await supervisor.until(() => seat.starts === 2);
    assertEquals(seat.ends.map(({ reason }) => reason), ['The worker was not "alive" within 5 ms']);
    assert(supervisor.workers[0].isDead);
  },
);

supervisorTest("A worker is asked for a sign of life again and again while it serves", async () => {
  await using supervisor = new ScriptedSupervisor();
  await supervisor.add(USER);
  const asked = () => supervisor.workers[0].calls.filter((call) => call === "answer").length;
  const began = performance.now();
  await supervisor.until(() => asked() === 3);
  const took = performance.now() - began;
  assert(took > 2.5 * ASK_INTERVAL && took < 20 * ASK_INTERVAL, `3 questions in ${took} ms`);
});

supervisorTest("A hung worker of one seat does not delay another seat", async () => {
  const scriptOf = (number: number): Script => number === 1 ? { answer: forever } : {};
  await using supervisor = new ScriptedSupervisor(scriptOf);
  const [hung, other] = [await supervisor.add(USER), await supervisor.add(USER)];
  await supervisor.until(() => supervisor.workers[0].calls.includes("answer"));
  supervisor.kill(other);
  await supervisor.until(() => other.starts === 2);
  assertEquals([hung.state, hung.starts, hung.ends], ["serving", 1, []]);
});

supervisorTest("The frame that a worker held when it died is noted, once", async () => {
  await using supervisor = new ScriptedSupervisor();
  const seat = await supervisor.add(USER);
  supervisor.workers[0].hold(7);
  supervisor.kill(seat);
  await supervisor.until(() => seat.starts === 2);
  supervisor.kill(seat);
  await supervisor.until(() => seat.starts === 3);
  assertEquals(seat.lostInHand, [7]);
});

supervisorTest(
  "A process that is killed from outside is noticed, and the last one ends with the scope",
  async () => {
    const processes: SleepingProcess[] = [];
    const host = {
      signal: new AbortController().signal,
      deadline: performance.now() + 20_000,
      startWorker(assignment: Assignment) {
        processes.push(new SleepingProcess(assignment));
        return processes.at(-1)!;
      },
    };
    {
      await using supervisor = new Supervisor(host, loopbackOptions());
      const seat = await supervisor.add(USER);
      const [first] = processes;
      Deno.kill(first.pid, "SIGKILL");
      await supervisor.until(() => seat.starts === 2);
      assertEquals([seat.ends.length, seat.pid, first.pid === seat.pid], [
        1,
        processes[1].pid,
        false,
      ]);
      assertEquals(processes.map(({ hasEnded }) => hasEnded), [true, false]);
    }
    assertEquals(processes.map(({ hasEnded }) => hasEnded), [true, true]);
  },
);

// ── Workers are examined ──

for (
  const [what, examination, reason, isConfined] of [
    ["unconfined", { unconfined: "1 of 7 threads" }, /is not confined: 1 of 7 threads$/, false],
    ["with another socket", { cookie: "4711" }, /^The worker has socket 4711, not \d+$/, true],
  ] as const
) {
  supervisorTest(`A worker that is ${what} never receives, and is replaced`, async () => {
    const scriptOf = (number: number): Script => number === 1 ? { examination } : {};
    await using supervisor = new ScriptedSupervisor(scriptOf);
    const seat = await supervisor.add(USER);
    assertEquals(supervisor.workers[0].calls, ["ready", "disposed"]);
    assert(reason.test(seat.ends[0].reason), seat.ends[0].reason);
    assertEquals([seat.isConfined, seat.cookies.size], [isConfined, isConfined ? 2 : 1]);
    assertEquals([seat.state, seat.starts, seat.pid], ["serving", 1, 2]);
  });
}

supervisorTest(
  "A worker whose filter cannot be read serves, and the seat keeps the reason",
  async () => {
    const examination = { filterUnread: "EPERM" };
    await using supervisor = new ScriptedSupervisor((number) =>
      number === 1 ? { examination } : {}
    );
    const seat = await supervisor.add(USER);
    supervisor.kill(seat);
    await supervisor.until(() => seat.starts === 2);
    assertEquals([seat.filterUnread, seat.isConfined], ["EPERM", true]);
  },
);

// ── Restart policy ──

supervisorTest(
  "A worker that had received something is replaced at once, however often",
  async () => {
    await using supervisor = new ScriptedSupervisor(() => ({ begin: (worker) => worker.do(1) }));
    const seat = await supervisor.add(USER);
    for (let kills = 1; kills <= 2 * FAILURES_TOLERATED; kills++) {
      supervisor.kill(seat);
      await supervisor.until(() => seat.starts === kills + 1);
    }
    assertEquals(seat.progress.count, 2 * FAILURES_TOLERATED + 1);
    const longest = Math.max(...seat.gaps);
    assert(longest < 50, `no delay, but ${longest} ms`);
  },
);

supervisorTest("A worker that had received nothing is replaced later and later", async () => {
  const scriptOf = (number: number): Script => number < 4 ? { ready: failing("no memory") } : {};
  await using supervisor = new ScriptedSupervisor(scriptOf);
  const seat = await supervisor.add(USER);
  const starts = supervisor.workers.map(({ startedAt }) => startedAt);
  const delays = starts.slice(1).map((at, i) => at - starts[i]);
  assertEquals(delays.map((delay, i) => delay >= 50 * 2 ** i - 1), [true, true, true], `${delays}`);
  assertEquals([seat.state, seat.ends.length, seat.starts], ["serving", 3, 1]);
});

// ── Giving up ──

const NEVER_READY: Script = { ready: failing("no memory") };

supervisorTest(
  "A seat whose workers cannot start is given up, and the others get its share",
  async () => {
    await using supervisor = new ScriptedSupervisor((number) => number === 1 ? {} : NEVER_READY);
    await supervisor.add(USER);
    const bad = await supervisor.add(USER);
    assertEquals([bad.state, bad.starts, bad.pid], ["given up", 0, undefined]);
    assertEquals(bad.ends.map(({ reason }) => reason), Array(FAILURES_TOLERATED).fill("no memory"));
    const [good, none] = await shareOut(supervisor);
    assertEquals([good.length, none.length], [NUMBERS.length, 0]);
    await pause(ASK_INTERVAL);
    assertEquals(supervisor.workers.length, 1 + FAILURES_TOLERATED, "no more is started");
  },
);

supervisorTest("A seat that is given up while it serves no longer collects its share", async () => {
  await using supervisor = new ScriptedSupervisor();
  const [good, bad] = [await supervisor.add(USER), await supervisor.add(USER)];
  let killed: number | undefined;
  while (bad.state !== "given up") {
    await supervisor.until(() => bad.state === "given up" || (bad.pid ?? killed) !== killed);
    killed = bad.pid;
    supervisor.kill(bad);
  }
  const [share, none] = await shareOut(supervisor);
  assertEquals([share.length, none.length, good.ends], [NUMBERS.length, 0, []]);
});

supervisorTest(
  "Supervisor.add() throws where no seat is served any more, with the reason",
  async () => {
    await using supervisor = new ScriptedSupervisor(() => NEVER_READY);
    const message = "No worker is left to receive: no memory";
    await assertRejects(() => supervisor.add(USER), ExperimentError, message);
    assertEquals(supervisor.seats.map(({ state }) => state), ["given up"]);
  },
);

supervisorTest(
  "Supervisor.revive() serves a seat again, its share and all failures forgiven",
  async () => {
    const scriptOf = (number: number): Script =>
      number > 1 && number <= 1 + FAILURES_TOLERATED + 4 ? NEVER_READY : {};
    await using supervisor = new ScriptedSupervisor(scriptOf);
    await supervisor.add(USER);
    const seat = await supervisor.add(USER);
    assertEquals(seat.state, "given up");
    await supervisor.revive(seat); // four more failures, then one that serves
    assertEquals([seat.state, seat.starts, seat.ends.length], [
      "serving",
      1,
      FAILURES_TOLERATED + 4,
    ]);
    const shares = await shareOut(supervisor);
    assert(shares.every(({ length }) => length > 20), `shares of ${shares.map((s) => s.length)}`);
  },
);

// ── Replacement ──

supervisorTest(
  "Supervisor.replace() has the successor ready before the predecessor stops",
  async () => {
    await using supervisor = new ScriptedSupervisor();
    const seat = await supervisor.add(USER);
    const gap = await supervisor.replace(seat);
    const steps = supervisor.log.filter((step) => !step.endsWith("answer"));
    assertEquals(steps, [
      "1 ready",
      "1 begin",
      "2 ready",
      "1 stop",
      "1 ended",
      "1 disposed",
      "2 begin",
    ]);
    assertEquals([seat.gaps, seat.ends, seat.pid], [[gap], [], 2], "no failure");
    assert(gap < ASK_INTERVAL, `${gap} ms`);
  },
);

supervisorTest(
  "Supervisor.replace() throws if the successor fails, and the predecessor continues",
  async () => {
    await using supervisor = new ScriptedSupervisor((number) => number === 2 ? NEVER_READY : {});
    const seat = await supervisor.add(USER);
    await assertRejects(() => supervisor.replace(seat), ExperimentError, "no memory");
    const [predecessor, successor] = supervisor.workers;
    assertEquals([predecessor.isDead, successor.calls], [false, ["ready", "disposed"]]);
    assertEquals([seat.state, seat.pid, seat.starts, seat.gaps], ["serving", 1, 1, []]);
    await supervisor.replace(seat);
    assertEquals(seat.pid, 3);
  },
);

supervisorTest(
  "A predecessor that does not stop is killed, and its successor serves all the same",
  async () => {
    const scriptOf = (number: number): Script => number === 1 ? { stop: failing("hung") } : {};
    await using supervisor = new ScriptedSupervisor(scriptOf);
    const seat = await supervisor.add(USER);
    await supervisor.replace(seat);
    assertEquals([supervisor.workers[0].isDead, seat.pid, seat.starts], [true, 2, 2]);
  },
);

// ── Sockets that are not kept: the control ──

supervisorTest(
  "Without kept sockets a successor gets a new one, and waiting frames are lost",
  async () => {
    await using supervisor = new ScriptedSupervisor(() => ({}), { keepsSockets: false });
    const seat = await supervisor.add(USER);
    const before = describePacketSocket(socketOf(seat).fd).cookie;
    sendFrames(...NUMBERS);
    supervisor.workers[0].do(1);
    supervisor.kill(seat);
    await supervisor.until(() => seat.starts === 2);
    const { packetFd } = supervisor.workers[1].assignment;
    assertEquals([describePacketSocket(packetFd).cookie === before, seat.cookies.size], [false, 2]);
    assertEquals([readFrames(packetFd), seat.backlog()], [[], 0]);
  },
);

// ── The end ──

supervisorTest("Supervisor.stop() asks every worker to stop, and starts no other", async () => {
  await using supervisor = new ScriptedSupervisor();
  const seats = [await supervisor.add(USER), await supervisor.add(USER)];
  await supervisor.stop();
  for (const { calls } of supervisor.workers) {
    assertEquals(calls.slice(-3), ["stop", "ended", "disposed"]);
  }
  assertEquals(seats.map(({ ends, pid }) => [ends, pid]), [[[], undefined], [[], undefined]]);
  assertEquals(supervisor.workers.length, 2);
});

supervisorTest("Leaving the scope kills workers that start, hang and take over", async () => {
  let workers;
  {
    const scriptOf = (number: number): Script =>
      [{ answer: forever, stop: forever }, {}, { ready: forever }][number - 1];
    await using supervisor = new ScriptedSupervisor(scriptOf);
    workers = supervisor.workers;
    const seat = await supervisor.add(USER);
    await supervisor.until(() => workers[0].calls.includes("answer"));
    supervisor.replace(seat).catch(() => {}); // its wait has no end
    await pause(20); // the successor is ready
    supervisor.add(USER).catch(() => {});
    assertEquals(workers.length, 3);
  }
  assertEquals(workers.map(({ isDead }) => isDead), [true, true, true]);
});

supervisorTest(
  "Supervisor.settle() waits while frames wait in a socket",
  async () => {
    await using supervisor = new ScriptedSupervisor();
    const seat = await supervisor.add(USER);
    sendFrames(1, 2, 3);
    let isSettled = false;
    const settling = supervisor.settle().then(() => isSettled = true);
    await pause(100);
    assertEquals(isSettled, false, "frames wait");
    supervisor.workers[0].do(...readFrames(socketOf(seat).fd));
    await settling;
    assertEquals(seat.progress.count, 3);
  },
);

supervisorTest("Supervisor.settle() waits while workers count, with empty sockets", async () => {
  await using supervisor = new ScriptedSupervisor();
  const seat = await supervisor.add(USER);
  const [worker] = supervisor.workers;
  let count = 0;
  const counting = setInterval(() => {
    worker.do(count++);
    if (count === 20) clearInterval(counting);
  }, 10);
  await supervisor.settle();
  assertEquals([count, seat.progress.count], [20, 20]);
});

supervisorTest("Supervisor.until() ends with the run's reason, or when time runs out", async () => {
  {
    await using supervisor = new ScriptedSupervisor();
    const reason = new ExperimentError("SIGINT");
    setTimeout(() => supervisor.run.abort(reason), 20);
    assertEquals(await supervisor.until(() => false).catch((error) => error), reason);
  }
  await using supervisor = new ScriptedSupervisor(() => ({}), {}, 50);
  await assertRejects(() => supervisor.until(() => false), CutShort, "Time ran out");
});

supervisorTest("Supervisor.until() asks for a reason to end, until there is one", async () => {
  await using supervisor = new ScriptedSupervisor();
  const reasons = [undefined, undefined, new CutShort("a flood")];
  const limit = { patience: 10, whyNot: () => reasons.shift() };
  await assertRejects(() => supervisor.until(() => false, limit), CutShort, "a flood");
  assertEquals(reasons.length, 0);
  await supervisor.until(() => true, limit);
});

supervisorTest("An error that no worker can cause ends the supervisor", async () => {
  const broken: Script = {
    ready() {
      throw new TypeError("a defect");
    },
  };
  await using supervisor = new ScriptedSupervisor((number) => number === 2 ? broken : {});
  const seat = await supervisor.add(USER);
  supervisor.kill(seat);
  await assertRejects(() => supervisor.until(() => false), TypeError, "a defect");
  await assertRejects(() => supervisor.stop(), TypeError, "a defect");
  assertEquals(supervisor.workers.length, 2, "no other is started");
});

supervisorTest("A refused system call counts as a worker's end", async () => {
  const refused: Script = {
    ready() {
      throw new SystemError("clone", Errno.EAGAIN);
    },
  };
  await using supervisor = new ScriptedSupervisor((number) => number === 1 ? refused : {});
  const seat = await supervisor.add(USER);
  assertEquals([seat.state, seat.ends.length], ["serving", 1]);
});
