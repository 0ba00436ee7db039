/**
 * The judges of the relay experiment: each passes correct evidence, and fails for each single
 * fault.
 */

import { assertEquals, assertMatch } from "@std/assert";
import type { Bounds, Tally } from "../../../../lib/experiments/relay/arrivals.ts";
import { noTally } from "../../../../lib/experiments/relay/arrivals.ts";
import { DROP_REASONS, type DropReason } from "../../../../lib/experiments/relay/datagrams.ts";
import {
  judgeAccount,
  judgeAttempts,
  judgeEgress,
  judgeGroupFilter,
  judgeMembership,
  judgePassage,
  judgeReversePath,
  judgeStrays,
  type Limits,
  total,
} from "../../../../lib/experiments/relay/judge.ts";
import type { Passage } from "../../../../lib/experiments/relay/passage.ts";
import { compare } from "../../../../lib/harness/digests.ts";

const statusOf = ({ status }: { status: string }) => status;

Deno.test("judgeMembership() passes more members than before, whoever else joins", () => {
  const judge = (before: number, after: number) =>
    statusOf(judgeMembership(before, after, "/proc/net/igmp"));
  for (const [before, after] of [[0, 1], [3, 4], [0, 2]]) {
    assertEquals(judge(before, after), "pass");
  }
  for (const [before, after] of [[0, 0], [1, 1], [1, 0]]) {
    assertEquals(judge(before, after), "fail");
  }
});

const TO = { address: "239.1.1.1", port: 5004 };
const EGRESS = {
  interface: "out",
  source: "198.51.100.1:40000",
  peer: "239.1.1.1:5004",
  ttl: 1,
  loop: false,
  fragments: false,
};

Deno.test("judgeEgress() passes an egress that is correct before and after", () => {
  const { status, observed } = judgeEgress([EGRESS, EGRESS], { name: "out" }, TO);
  assertEquals(status, "pass");
  assertEquals(observed, 'connected to 239.1.1.1:5004 via "out", TTL 1, before and after');
});

for (
  const [field, value] of Object.entries({
    interface: "lo",
    peer: "239.1.1.1:5005",
    ttl: 32,
    loop: true,
    fragments: true,
  })
) {
  Deno.test(`judgeEgress() fails for another ${field}, before or after`, () => {
    const other = { ...EGRESS, [field]: value };
    for (const pair of [[other, EGRESS], [EGRESS, other], [other, other]] as const) {
      const { status, observed } = judgeEgress(pair, { name: "out" }, TO);
      assertEquals([status, observed], ["fail", `different: ${field}`]);
    }
  });
}

Deno.test("judgeEgress() fails if the egress sends from another address at the end", () => {
  const moved = { ...EGRESS, source: "198.51.100.1:40001" };
  assertEquals(statusOf(judgeEgress([EGRESS, moved], { name: "out" }, TO)), "fail");
});

Deno.test("judgeAttempts() passes EPERM for every attempt, and names any other outcome", () => {
  const refused = { "sendto": "EPERM", "a UDP socket": "EPERM" };
  assertEquals(judgeAttempts(refused).observed, "2 of 2 attempts refused with EPERM");
  assertEquals(statusOf(judgeAttempts(refused)), "pass");
  for (const outcome of ["allowed", "EACCES", "EBADF", ""]) {
    const { status, observed } = judgeAttempts({ ...refused, sendto: outcome });
    assertEquals([status, observed], ["fail", `sendto: ${outcome}`]);
  }
});

Deno.test("judgeStrays() fails for a stray frame, whatever the controls saw", () => {
  assertEquals(statusOf(judgeStrays([], [1, 2], 0)), "pass");
  for (const controls of [[1, 1], [0, 1], [0, 0]]) {
    assertEquals(statusOf(judgeStrays(["marked: ARP"], controls, 0)), "fail");
  }
  assertEquals(statusOf(judgeStrays(["marked: ARP"], [1, 1], 3)), "fail");
});

Deno.test("judgeStrays() skips if a witness saw no control, or missed frames", () => {
  for (const controls of [[0, 1], [1, 0]]) {
    const { status, observed } = judgeStrays([], controls, 0);
    assertEquals(status, "skip");
    assertMatch(observed, /silence shows nothing: look for rules/);
  }
  const { status, observed } = judgeStrays([], [1, 1], 3);
  assertEquals(status, "skip");
  assertMatch(observed, /no room for 3 frames/);
});

const NO_LIMITS: Limits = {
  whyNoOutput: undefined,
  missedInput: 0,
  missedOutput: 0,
  drops: 0,
  others: 0,
  ours: 3,
};
const LIMITS = {
  "no output": { ...NO_LIMITS, whyNoOutput: "root cannot send either" },
  "a crowd": { ...NO_LIMITS, drops: 5, others: 4 },
  "a busy output": { ...NO_LIMITS, missedOutput: 1 },
  "a busy input": { ...NO_LIMITS, missedInput: 1 },
};
const WHOLE: Passage = {
  sent: 3,
  reached: 3,
  arrived: 3,
  lost: 0,
  again: 0,
  disordered: 0,
  others: 0,
  foreign: 0,
};
const LOST = { ...WHOLE, arrived: 2, lost: 1 };

Deno.test("judgePassage() passes every datagram once, in order, beside others' or not", () => {
  assertEquals(judgePassage(WHOLE, NO_LIMITS), {
    status: "pass",
    observed: "3 of 3 datagrams; 0 duplicated, 0 out of order, 0 foreign",
    evidence: { ...WHOLE, ...NO_LIMITS },
  });
  const beside = judgePassage({ ...WHOLE, others: 7 }, NO_LIMITS);
  assertMatch(beside.observed, /; 7 of others relayed$/);
  for (const limits of Object.values(LIMITS)) {
    assertEquals(statusOf(judgePassage(WHOLE, limits)), "pass");
  }
});

Deno.test("judgePassage() fails for each single fault", () => {
  for (
    const wrong of [LOST, { ...WHOLE, again: 1 }, { ...WHOLE, disordered: 1 }, {
      ...WHOLE,
      foreign: 1,
    }]
  ) {
    assertEquals(statusOf(judgePassage(wrong, NO_LIMITS)), "fail", JSON.stringify(wrong));
  }
  assertEquals(
    statusOf(judgePassage({ ...WHOLE, sent: 0, reached: 0, arrived: 0 }, NO_LIMITS)),
    "fail",
  );
  const few = { ...NO_LIMITS, drops: 5, others: 3 }; // no crowd: the worker was too slow for ours
  assertEquals(statusOf(judgePassage(LOST, few)), "fail");
  assertEquals(statusOf(judgePassage(LOST, LIMITS["a busy input"])), "fail");
});

for (const name of ["no output", "a crowd", "a busy output"] as const) {
  Deno.test(`judgePassage() skips what ${name} may have lost, and nothing else`, () => {
    assertEquals(statusOf(judgePassage(LOST, LIMITS[name])), "skip");
    for (
      const wrong of [{ ...LOST, again: 1 }, { ...LOST, disordered: 1 }, { ...LOST, foreign: 1 }]
    ) {
      assertEquals(statusOf(judgePassage(wrong, LIMITS[name])), "fail");
    }
  });
}

Deno.test("judgePassage() skips what never arrived, and judges what did", () => {
  const { status, observed } = judgePassage({ ...WHOLE, reached: 2, arrived: 2 }, NO_LIMITS);
  assertEquals(status, "skip");
  assertMatch(observed, /^only 2 of the 3 datagrams .* arrived .*--stimulus$/);
  const lost = { ...WHOLE, reached: 2, arrived: 1, lost: 1 };
  assertEquals(statusOf(judgePassage(lost, NO_LIMITS)), "fail");
  assertEquals(
    statusOf(judgePassage({ ...WHOLE, reached: 2, arrived: 2, foreign: 1 }, NO_LIMITS)),
    "fail",
  );
});

Deno.test("judgePassage() skips a datagram that a busy witness may have missed", () => {
  const unseen = judgePassage({ ...WHOLE, foreign: 1 }, LIMITS["a busy input"]);
  assertEquals(statusOf(unseen), "skip");
  const few = { ...WHOLE, reached: 2, arrived: 2 };
  assertEquals(statusOf(judgePassage(few, LIMITS["a busy input"])), "skip");
});

const REASONS = Object.keys(DROP_REASONS) as DropReason[];
const tally = (relayed: number, dropped: Partial<Tally["dropped"]>): Tally => ({
  frames: relayed + total(dropped),
  relayed,
  dropped: { ...noTally().dropped, ...dropped },
});
const exactly = (same: Tally): Bounds => ({ atLeast: same, atMost: same });
const ARRIVED = exactly(tally(3, { fragment: 2 }));
const ACCOUNT = { received: 5, ...tally(3, { fragment: 2 }), refused: 0, retried: 0 };
const INJECTED = { invalid: new Map([["fragment" as const, 2]]), filtered: 4 };
const accountOf = (
  change: Partial<typeof ACCOUNT>,
  bounds = ARRIVED,
  left = 3,
  limits = NO_LIMITS,
) => judgeAccount({ ...ACCOUNT, ...change }, INJECTED, bounds, left, limits);

Deno.test("judgeAccount() passes an account that agrees with what arrived and what left", () => {
  const { status, observed } = accountOf({});
  assertEquals([status, observed], ["pass", "3 relayed; 2 fragment"]);
});

for (const reason of REASONS) {
  Deno.test(`judgeAccount() fails for one frame too many or too few dropped as "${reason}"`, () => {
    const count = ACCOUNT.dropped[reason];
    const { status, observed } = accountOf({
      dropped: { ...ACCOUNT.dropped, [reason]: count + 1 },
    });
    assertEquals([status, observed], ["fail", `${reason}: ${count + 1} of ${count}`]);
    const more = exactly({
      ...ARRIVED.atMost,
      dropped: { ...ACCOUNT.dropped, [reason]: count + 1 },
    });
    assertEquals(statusOf(accountOf({}, more)), "fail");
  });
}

Deno.test("judgeAccount() allows what others sent at the start and the end, and no more", () => {
  const bounds = {
    atLeast: tally(3, { fragment: 2 }),
    atMost: tally(5, { fragment: 4, "not the port": 1 }),
  };
  const dropped = (change: Partial<Tally["dropped"]>) => ({
    dropped: { ...ACCOUNT.dropped, ...change },
  });
  for (const some of [{}, { fragment: 4 }, { "not the port": 1 }]) {
    assertEquals(statusOf(accountOf(dropped(some), bounds)), "pass");
  }
  for (const some of [{ fragment: 1 }, { fragment: 5 }, { "not the port": 2 }]) {
    assertEquals(statusOf(accountOf(dropped(some), bounds)), "fail");
  }
  assertEquals(statusOf(accountOf({ relayed: 5 }, bounds, 5)), "pass");
  assertEquals(statusOf(accountOf({ relayed: 6 }, bounds, 6)), "fail");
});

Deno.test("judgeAccount() fails if fewer or more datagrams are claimed than left, or arrived", () => {
  for (const change of [{ relayed: 2 }, { relayed: 4 }, { refused: 1 }]) {
    assertEquals(statusOf(accountOf(change)), "fail");
  }
  assertEquals(statusOf(accountOf({}, ARRIVED, 2)), "fail");
  assertEquals(statusOf(accountOf({ relayed: 2, refused: 1 }, ARRIVED, 2)), "pass");
});

Deno.test("judgeAccount() skips what its limits explain", () => {
  const fewer = { dropped: { ...ACCOUNT.dropped, fragment: 1 } };
  const more = { dropped: { ...ACCOUNT.dropped, fragment: 3 } };
  assertEquals(statusOf(accountOf(fewer, ARRIVED, 3, LIMITS["a crowd"])), "skip");
  assertEquals(statusOf(accountOf(more, ARRIVED, 3, LIMITS["a crowd"])), "fail");
  assertEquals(statusOf(accountOf(more, ARRIVED, 3, LIMITS["a busy input"])), "skip");
  assertEquals(statusOf(accountOf(fewer, ARRIVED, 3, LIMITS["a busy input"])), "fail");
  assertEquals(statusOf(accountOf({}, ARRIVED, 2, LIMITS["a busy output"])), "skip");
});

Deno.test("judgeAccount() judges by what arrived, and skips if no invalid frame did", () => {
  const fewer = exactly(tally(3, { fragment: 1 }));
  const account = { dropped: { ...ACCOUNT.dropped, fragment: 1 } };
  const { status, observed } = accountOf(account, fewer);
  assertEquals(status, "pass");
  assertEquals(observed, "3 relayed; 1 fragment; the link let through only 1 of 2 fragment");
  assertEquals(statusOf(accountOf({}, fewer)), "fail");
  const none = accountOf({ dropped: noTally().dropped }, exactly(tally(3, {})));
  assertEquals(none.status, "skip");
  assertMatch(none.observed, /^no invalid frame arrived/);
});

const filterOf = (packets: number, drops = 0, bounds = ARRIVED, limits = NO_LIMITS, filtered = 4) =>
  statusOf(judgeGroupFilter({ packets, drops }, { filtered }, bounds, limits));

Deno.test("judgeGroupFilter() passes if the filter let through exactly what it should", () => {
  assertEquals([4, 5, 6].map((packets) => filterOf(packets)), ["fail", "pass", "fail"]);
  assertEquals(filterOf(5, 1), "fail");
  assertEquals(filterOf(5, 0, ARRIVED, NO_LIMITS, 0), "fail");
});

Deno.test("judgeGroupFilter() fails if a frame passes that is not UDP to the group", () => {
  for (const reason of ["not IPv4", "not the group", "not the source", "not UDP"] as const) {
    assertEquals(filterOf(6, 0, exactly(tally(3, { fragment: 2, [reason]: 1 }))), "fail", reason);
  }
});

Deno.test("judgeGroupFilter() allows what others sent, and skips what its limits explain", () => {
  const bounds = { atLeast: tally(3, {}), atMost: tally(3, { fragment: 2 }) };
  assertEquals([2, 3, 4, 5, 6].map((packets) => filterOf(packets, 0, bounds)), [
    "fail",
    "pass",
    "pass",
    "pass",
    "fail",
  ]);
  assertEquals(filterOf(5, 5, ARRIVED, LIMITS["a crowd"]), "skip");
  assertEquals(filterOf(6, 0, ARRIVED, LIMITS["a crowd"]), "fail");
  assertEquals(filterOf(6, 0, ARRIVED, LIMITS["a busy input"]), "skip");
});

const ONE = ["a"], TWO = ["b", "c"];
const part = (sent: string[], ordinary: string[], relay: string[]) => ({
  ordinary: compare(sent, ordinary),
  relay: compare(sent, relay),
});
const OFF = part(ONE, ONE, ONE), STRICT = part(TWO, [], TWO);

Deno.test("judgeReversePath() passes if the filter takes all from AF_INET and none from the relay", () => {
  const { status, observed } = judgeReversePath({ off: OFF, strict: STRICT }, NO_LIMITS);
  assertEquals(status, "pass");
  assertEquals(
    observed,
    "rp_filter off: AF_INET 1 of 1, relay 1; strict: AF_INET 0 of 2, relay 2",
  );
});

Deno.test("judgeReversePath() fails if the relay misses a datagram", () => {
  const late = { off: OFF, strict: part(TWO, [], ["b"]) };
  const early = { off: part(ONE, ONE, []), strict: STRICT };
  for (const parts of [late, early]) {
    assertEquals(statusOf(judgeReversePath(parts, NO_LIMITS)), "fail");
    assertEquals(statusOf(judgeReversePath(parts, LIMITS["a crowd"])), "skip");
  }
});

Deno.test("judgeReversePath() skips if something other than the filter decides", () => {
  const withheld = judgeReversePath({ off: part(ONE, [], ONE), strict: STRICT }, NO_LIMITS);
  assertEquals(withheld.status, "skip");
  assertMatch(withheld.observed, /kept from the datagrams by something else: look for an nft/);
  const routed = judgeReversePath({ off: OFF, strict: part(TWO, ["c"], TWO) }, NO_LIMITS);
  assertEquals(routed.status, "skip");
  assertMatch(routed.observed, /routed back by this interface/);
  assertEquals(
    statusOf(judgeReversePath({ off: OFF, strict: part([], [], []) }, NO_LIMITS)),
    "skip",
  );
});
