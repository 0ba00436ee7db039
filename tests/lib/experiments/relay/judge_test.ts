/**
 * The judges of the relay experiment: each passes correct evidence, and fails for each single
 * fault.
 */

import { assertEquals, assertMatch } from "@std/assert";
import {
  judgeAccount,
  judgeAttempts,
  judgeComparison,
  judgeEgress,
  judgeGroupFilter,
  judgeMembership,
  judgeReversePath,
  judgeStrays,
} from "../../../../lib/experiments/relay/judge.ts";
import { compare } from "../../../../lib/harness/digests.ts";
import { DROP_REASONS, type DropReason } from "../../../../lib/experiments/relay/datagrams.ts";

const statusOf = ({ status }: { status: string }) => status;

Deno.test("judgeMembership() passes one member more, and nothing else", () => {
  assertEquals(statusOf(judgeMembership(0, 1)), "pass");
  assertEquals(statusOf(judgeMembership(3, 4)), "pass");
  for (const [before, after] of [[0, 0], [1, 1], [0, 2], [1, 0]]) {
    assertEquals(statusOf(judgeMembership(before, after)), "fail", `${before} → ${after}`);
  }
});

const TO = { address: "239.1.1.1", port: 5004 };
const EGRESS = {
  interface: "out",
  source: "198.51.100.1:40000",
  peer: "239.1.1.1:5004",
  ttl: 1,
  loop: false,
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

Deno.test("judgeStrays() fails for a stray frame, and for a witness that saw no control", () => {
  assertEquals(statusOf(judgeStrays([], [1, 2])), "pass");
  assertEquals(statusOf(judgeStrays(["marked: ARP"], [1, 1])), "fail");
  assertEquals(statusOf(judgeStrays([], [0, 1])), "fail");
  assertEquals(statusOf(judgeStrays([], [1, 0])), "fail");
});

const SENT = ["a", "b", "c"];

Deno.test("judgeComparison() passes every datagram once, in order, and nothing foreign", () => {
  assertEquals(statusOf(judgeComparison(compare(SENT, SENT))), "pass");
  for (
    const received of [["a", "b"], ["a", "c", "b"], ["a", "b", "b", "c"], ["a", "b", "c", "x"], []]
  ) {
    assertEquals(statusOf(judgeComparison(compare(SENT, received))), "fail", received.join());
  }
  assertEquals(statusOf(judgeComparison(compare([], []))), "fail");
});

const REASONS = Object.keys(DROP_REASONS) as DropReason[];
const none = () => Object.fromEntries(REASONS.map((reason) => [reason, 0]));
const ACCOUNT = {
  received: 5,
  relayed: 3,
  dropped: { ...none(), "fragment": 2 } as Record<DropReason, number>,
  refused: 0,
  retried: 0,
};
const INJECTED = { sent: SENT, invalid: new Map([["fragment" as const, 2]]), filtered: 4 };
const LEFT = compare(SENT, SENT);

Deno.test("judgeAccount() passes an account that agrees with what was injected and what left", () => {
  const { status, observed } = judgeAccount(ACCOUNT, INJECTED, LEFT);
  assertEquals([status, observed], ["pass", "3 relayed; 2 fragment"]);
});

for (const reason of REASONS) {
  Deno.test(`judgeAccount() fails for one frame too many that was dropped as "${reason}"`, () => {
    const dropped = { ...ACCOUNT.dropped, [reason]: ACCOUNT.dropped[reason] + 1 };
    const { status, observed } = judgeAccount({ ...ACCOUNT, dropped }, INJECTED, LEFT);
    assertEquals(status, "fail");
    assertMatch(observed, new RegExp(`^${reason}: \\d of \\d$`));
  });
}

Deno.test("judgeAccount() fails if fewer or more datagrams are claimed than left, or were sent", () => {
  for (const change of [{ relayed: 2 }, { relayed: 4 }, { refused: 1 }]) {
    assertEquals(statusOf(judgeAccount({ ...ACCOUNT, ...change }, INJECTED, LEFT)), "fail");
  }
  const lost = compare(SENT, ["a", "b"]);
  assertEquals(statusOf(judgeAccount(ACCOUNT, INJECTED, lost)), "fail");
  const admitted = { ...ACCOUNT, relayed: 2, refused: 1 };
  assertEquals(statusOf(judgeAccount(admitted, INJECTED, lost)), "pass"); // RELAY-05 fails then
});

Deno.test("judgeAccount() fails if no invalid frame was injected, since it then shows nothing", () => {
  const account = { ...ACCOUNT, dropped: none() as Record<DropReason, number> };
  assertEquals(statusOf(judgeAccount(account, { ...INJECTED, invalid: new Map() }, LEFT)), "fail");
});

Deno.test("judgeGroupFilter() passes if the filter let through exactly what it should", () => {
  assertEquals(statusOf(judgeGroupFilter({ packets: 5, drops: 0 }, INJECTED)), "pass");
  assertEquals(statusOf(judgeGroupFilter({ packets: 4, drops: 0 }, INJECTED)), "fail");
  assertEquals(statusOf(judgeGroupFilter({ packets: 6, drops: 0 }, INJECTED)), "fail");
  assertEquals(statusOf(judgeGroupFilter({ packets: 5, drops: 1 }, INJECTED)), "fail");
  const unfiltered = { ...INJECTED, filtered: 0 };
  assertEquals(statusOf(judgeGroupFilter({ packets: 5, drops: 0 }, unfiltered)), "fail");
});

Deno.test("judgeReversePath() passes if the filter takes all from AF_INET and none from the relay", () => {
  const control = compare(["a"], ["a"]), nothing = compare(["a"], []);
  const off = { ordinary: control, relay: control };
  const { status, observed } = judgeReversePath(off, 0, LEFT);
  assertEquals(status, "pass");
  assertEquals(observed, "rp_filter off: AF_INET 1 of 1, relay 1; strict: AF_INET 0 of 2, relay 2");
  assertEquals(statusOf(judgeReversePath({ ...off, ordinary: nothing }, 0, LEFT)), "fail");
  assertEquals(statusOf(judgeReversePath({ ...off, relay: nothing }, 0, LEFT)), "fail");
  assertEquals(statusOf(judgeReversePath(off, 1, LEFT)), "fail");
  assertEquals(statusOf(judgeReversePath(off, 0, compare(SENT, ["a", "b"]))), "fail");
});
