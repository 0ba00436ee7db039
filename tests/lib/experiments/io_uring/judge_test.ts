import { assertEquals } from "@std/assert";
import { ROOTS_FILE } from "../../../../lib/confine/early_rings.ts";
import { judged } from "../../../../lib/evidence/evidence.ts";
import {
  PACKET_SOCKET,
  type SeenOutcome,
} from "../../../../lib/experiments/io_uring/early_outcomes.ts";
import {
  judgeClosed,
  judgeEarly,
  judgeReceiving,
  judgeRestricted,
  judgeRing,
} from "../../../../lib/experiments/io_uring/judge.ts";
import type { ThreadCredentials } from "../../../../lib/inspect/threads/threads.ts";

const UNPRIVILEGED: ThreadCredentials = {
  tid: 7,
  uids: [65534, 65534, 65534, 65534],
  gids: [65534, 65534, 65534, 65534],
  groups: [],
  capabilities: { CapEff: "0000000000000000" },
  noNewPrivs: 1,
  seccomp: 0,
  filters: 0,
};
const RING = "anon_inode:[io_uring]";

Deno.test("URING-01 passes only for a ring, with every thread unprivileged", () => {
  assertEquals(judgeRing([UNPRIVILEGED], RING).status, "pass");
  assertEquals(judgeRing([], RING).status, "fail", "no thread was seen");
  assertEquals(judgeRing([UNPRIVILEGED], "socket:[1]").status, "fail");
  const privileged: Partial<ThreadCredentials>[] = [
    { uids: [65534, 65534, 0, 65534] },
    { capabilities: { CapEff: "0000000000002000" } },
    { noNewPrivs: 0 },
  ];
  for (const changes of privileged) {
    const threads = [UNPRIVILEGED, { ...UNPRIVILEGED, ...changes }];
    assertEquals(judgeRing(threads, RING).status, "fail", JSON.stringify(changes));
  }
});

const seen = (open: [string, string | null], socket: [string, string | null]): SeenOutcome[] => [
  { request: "open", outcome: open[0], link: open[1] },
  { request: "socket", outcome: socket[0], link: socket[1] },
];
const REFUSED = seen(["EACCES", null], ["EPERM", null]);
const OPENED = seen(["opened", ROOTS_FILE], ["opened", PACKET_SOCKET]);

Deno.test("URING-10 passes only if a plain ring was refused both requests, and nothing is open", () => {
  assertEquals(judgeEarly(REFUSED, false).status, "pass");
  const others = [
    OPENED,
    seen(["EPERM", null], ["EPERM", null]),
    seen(["EACCES", null], ["EACCES", null]),
    seen(["no answer", null], ["EPERM", null]),
    seen(["EACCES", ROOTS_FILE], ["EPERM", null]),
  ];
  for (const other of others) assertEquals(judgeEarly(other, false).status, "fail");
});

Deno.test("URING-11 and URING-12 pass only if root's file and a packet socket are open", () => {
  assertEquals(judgeEarly(OPENED, true).status, "pass");
  const others = [
    REFUSED,
    seen(["opened", null], ["opened", null]),
    seen(["opened", "/dev/null"], ["opened", PACKET_SOCKET]),
    seen(["opened", `${ROOTS_FILE}, as a path only`], ["opened", PACKET_SOCKET]),
    seen(["opened", ROOTS_FILE], ["opened", "socket:[1]"]),
  ];
  for (const other of others) assertEquals(judgeEarly(other, true).status, "fail");
});

Deno.test("URING-13 fails for a closed ring that opened something, or a file that is still open", () => {
  assertEquals(judgeClosed(["plain open: EBADF", "polled open: no answer"], []).status, "pass");
  assertEquals(judgeClosed(["plain open: EBADF", "polled open: opened"], []).status, "fail");
  assertEquals(judgeClosed(["plain open: EACCES"], []).status, "fail");
  assertEquals(judgeClosed(["plain open: EBADF"], [ROOTS_FILE]).status, "fail");
});

const QUIET = { up_to: 24, received: 24, witnessed: 24, drops: 0, others: 0 };

Deno.test("A multishot RECV must end if its buffers run out, lose nothing, and not end otherwise", () => {
  const origin = judged(true, "24 frames", QUIET);
  const lossy = judged(true, "23 frames", { ...QUIET, received: 23 });
  assertEquals(judgeReceiving(origin, null, false), origin, "not a multishot submission");
  assertEquals(judgeReceiving(judged(false, "none"), 2, true).status, "fail");
  assertEquals(judgeReceiving(origin, 2, true).status, "pass");
  assertEquals(judgeReceiving(origin, 0, true).status, "fail");
  assertEquals(judgeReceiving(lossy, 2, true).status, "fail");
  assertEquals(judgeReceiving(origin, 0, false).status, "pass");
  assertEquals(judgeReceiving(origin, 1, false).status, "fail");
});

Deno.test("Frames that others displaced, or that never arrived, do not refute a multishot RECV", () => {
  const seen = (figures: Partial<typeof QUIET>, ends: number, runsOut: boolean) => {
    const { status, observed } = judgeReceiving(
      judged(true, "23 frames", { ...QUIET, received: 23, ...figures }),
      ends,
      runsOut,
    );
    return [status, observed.match(/too much traffic|did not reach|used up/)?.[0]];
  };
  assertEquals(seen({ drops: 50, others: 90_000 }, 2, true), ["skip", "too much traffic"]);
  assertEquals(seen({ drops: 50, others: 24 }, 2, true), ["fail", undefined], "its own drops");
  assertEquals(seen({ witnessed: 23 }, 2, true), ["skip", "did not reach"]);
  const whole = { up_to: 23, witnessed: 23 };
  assertEquals(seen({ ...whole, others: 90_000 }, 3, false), ["skip", "used up"]);
  assertEquals(seen({ ...whole, others: 5 }, 3, false), ["fail", undefined]);
  assertEquals(seen({ ...whole, others: 90_000 }, 0, false), ["pass", undefined]);
});

Deno.test("URING-09 passes only if every operation was refused with EACCES", () => {
  assertEquals(judgeRestricted({ SEND: "EACCES", NOP: "EACCES" }).status, "pass");
  for (const other of ["allowed", "no answer", "EPERM"]) {
    const { status, observed } = judgeRestricted({ SEND: other, NOP: "EACCES" });
    assertEquals([status, observed], ["fail", `SEND: ${other}`]);
  }
});
