/**
 * The judges of the supervisor experiment: each passes correct evidence, and fails for each single
 * fault.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { drawUpAccount } from "../../../../lib/experiments/supervisor/account.ts";
import {
  judgeGaps,
  judgeOnce,
  judgeQueueControl,
  judgeReopened,
  judgeSeats,
  judgeShares,
  type SeenSeat,
} from "../../../../lib/experiments/supervisor/judge.ts";
import { FAILURES_TOLERATED } from "../../../../lib/experiments/supervisor/restart_policy.ts";

const SEAT: SeenSeat = {
  number: 1,
  starts: 3,
  cookies: new Set(["17"]),
  isConfined: true,
  filterUnread: undefined,
  ends: [{ at: 5, reason: "killed" }],
};
const PHASE = { name: "kills", from: 2, to: 6 };

/** The account of a stream of ten frames, of which `received` came. */
const accountOf = (...received: number[]) => drawUpAccount(10, [Uint32Array.from(received)]);
const ALL = Array.from({ length: 10 }, (_, i) => i);
const without = (...lost: number[]) => accountOf(...ALL.filter((each) => !lost.includes(each)));

Deno.test("judgeSeats() passes confined workers with one socket each, and counts their starts", () => {
  const { status, observed, evidence } = judgeSeats([SEAT, { ...SEAT, number: 2, starts: 1 }]);
  assertEquals(status, "pass");
  assertMatch(observed, /^4 workers, each confined, each with the socket of its seat$/);
  assertEquals((evidence.seats as unknown[])[0], {
    number: 1,
    starts: 3,
    cookies: ["17"],
    isConfined: true,
    filter_unread: null,
    ends: ["killed"],
  });
});

Deno.test("judgeSeats() names the seats with an unconfined worker, a second socket, or none", () => {
  const good = { ...SEAT, number: 9 };
  for (
    const wrong of [
      { ...SEAT, isConfined: false },
      { ...SEAT, cookies: new Set(["17", "18"]) },
      { ...SEAT, cookies: new Set<string>() },
    ]
  ) {
    const { status, observed } = judgeSeats([good, wrong]);
    assertEquals(status, "fail");
    assertMatch(observed, /: 1$/);
  }
  assertEquals(judgeSeats([]).status, "fail");
});

Deno.test("judgeSeats() does not pass where a filter could not be read, and still refutes", () => {
  const unread = { ...SEAT, filterUnread: "EPERM" };
  const { status, observed } = judgeSeats([SEAT, unread]);
  assertEquals([status, observed], ["skip", "EPERM"]);
  assertEquals(judgeSeats([unread, { ...SEAT, isConfined: false }]).status, "fail");
});

Deno.test("judgeOnce() counts lost frames of its phase only, and doubled ones of the whole stream", () => {
  assertEquals(judgeOnce(accountOf(...ALL), PHASE, [0]).status, "pass");
  assertEquals(judgeOnce(without(1, 6), PHASE, [0]).status, "pass", "outside of the phase");
  for (const lost of [2, 5]) assertEquals(judgeOnce(without(lost), PHASE, [0]).status, "fail");
  assertEquals(judgeOnce(accountOf(...ALL, 9), PHASE, [0]).status, "fail", "twice");
});

Deno.test("judgeOnce() fails a phase in which nothing was sent", () => {
  assertEquals(judgeOnce(accountOf(...ALL), { ...PHASE, to: 2 }, [0]).status, "fail");
});

/** The account of ten frames of which the witness saw some, beside frames of others. */
const seenBy = (seen: number[], received: number[], others = 0) =>
  drawUpAccount(10, [Uint32Array.from(received)], {
    times: new Map(seen.map((number) => [number, 1])),
    others,
  });

Deno.test("judgeOnce() skips a phase of which a frame did not arrive, and nothing that arrived is lost", () => {
  const some = ALL.filter((number) => number !== 3);
  const { status, observed } = judgeOnce(seenBy(some, some), PHASE, [0]);
  assertEquals(status, "skip");
  assertMatch(observed, /^1 of 4 frames did not reach root's own socket .*--stimulus/);
  assertEquals(judgeOnce(seenBy(some, some.slice(0, -6)), PHASE, [0]).status, "fail");
  assertEquals(judgeOnce(seenBy(some, ALL), PHASE, [0]).status, "pass", "the witness lost it");
  assertEquals(judgeOnce(seenBy(some, [...some, 9]), PHASE, [0]).status, "fail", "twice");
});

Deno.test("judgeOnce() skips a phase whose losses others explain, and no more than these", () => {
  const some = ALL.filter((number) => number !== 3 && number !== 8);
  const { status, observed } = judgeOnce(seenBy(ALL, some, 9000), PHASE, [70, 50]);
  assertEquals(status, "skip");
  assertMatch(observed, /^too much traffic of others: the kernel dropped 120 frames/);
  for (
    const [others, drops, why] of [
      [59, [70, 50], "the stream itself was dropped"],
      [9000, [1, 0], "more is lost than was dropped"],
      [9000, [0, 0], "nothing was dropped"],
    ] as const
  ) {
    assertEquals(judgeOnce(seenBy(ALL, some, others), PHASE, drops).status, "fail", why);
  }
});

Deno.test("The controls are skipped where frames did not arrive and none was lost", () => {
  const some = ALL.slice(0, 6);
  const control = { kills: 3, inHand: [], drops: 0, account: seenBy(some, some) };
  for (const judge of [judgeQueueControl, judgeReopened]) {
    assertEquals(judge(control).status, "skip");
    assertEquals(judge({ ...control, account: seenBy(some, some.slice(1)) }).status, "pass");
  }
});

Deno.test("judgeGaps() adds the longest gap and the slowest notice, and compares with the ring", () => {
  assertEquals(judgeGaps([10, 60], [5, 39], 100).status, "pass");
  assertEquals(judgeGaps([10, 60], [5, 40], 100).status, "fail");
  assertEquals(judgeGaps([10], [5, 5], 100).status, "fail", "a death without a successor");
});

Deno.test("judgeShares() fails where any one of its five figures is wrong", () => {
  const good = {
    ...{ isGivenUp: true, failures: FAILURES_TOLERATED },
    ...{ whileGivenUp: 0, afterRevival: 1, others: 1 },
  };
  assertEquals(judgeShares(good).status, "pass");
  for (
    const wrong of [
      { isGivenUp: false },
      { failures: FAILURES_TOLERATED - 1 },
      { whileGivenUp: 1 },
      { afterRevival: 0 },
      { others: 0 },
    ]
  ) {
    assertEquals(judgeShares({ ...good, ...wrong }).status, "fail", JSON.stringify(wrong));
  }
});

Deno.test("judgeQueueControl() passes losses that kills explain: in hand, dropped, or on the way there", () => {
  const control = { kills: 3, inHand: [4, 5], drops: 1 };
  assertEquals(judgeQueueControl({ ...control, account: without(4, 5, 6) }).status, "pass");
  assertEquals(judgeQueueControl({ ...control, account: without(4, 5, 6, 7) }).status, "pass");
  assertEquals(judgeQueueControl({ ...control, account: without(4, 5, 6, 7, 8) }).status, "fail");
});

Deno.test("judgeQueueControl() fails where nothing is lost, or a frame came twice", () => {
  const control = { kills: 3, inHand: [], drops: 0 };
  assertEquals(judgeQueueControl({ ...control, account: accountOf(...ALL) }).status, "fail");
  const doubled = accountOf(...ALL.slice(1), 9);
  assertEquals(judgeQueueControl({ ...control, account: doubled }).status, "fail");
});

Deno.test("judgeReopened() fails where the control loses nothing", () => {
  const control = { kills: 5, inHand: [], drops: 0 };
  assertEquals(judgeReopened({ ...control, account: without(3) }).status, "pass");
  assertEquals(judgeReopened({ ...control, account: accountOf(...ALL) }).status, "fail");
});
