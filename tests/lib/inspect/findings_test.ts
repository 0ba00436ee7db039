import { assertEquals, assertStringIncludes } from "@std/assert";
import { Errno } from "../../../ffi/mod.ts";
import {
  judgeAbsence,
  judgeArrival,
  judgeLaunch,
  judgeRefusedRoot,
  judgeRefusedSocket,
  judgeSameSocket,
  judgeStillHeld,
} from "../../../lib/inspect/findings.ts";
import type { View } from "../../../lib/inspect/look.ts";
import type { ThreadAnswers } from "../../../lib/inspect/asking/questions.ts";
import { parseStatus } from "../../../lib/inspect/threads/threads.ts";

const PASSED = "socket:[4711]";
const OTHER = "socket:[4712]";
const { EPERM } = Errno;
const REFUSED = { socket: EPERM, setgroups: EPERM, setresgid: EPERM, setresuid: EPERM };

function status(changes: Record<string, string> = {}): string {
  const lines = {
    Uid: "0\t0\t0\t0",
    Gid: "0\t0\t0\t0",
    Groups: "",
    CapInh: "0000000000000000",
    CapPrm: "00000000000020c0",
    CapEff: "00000000000020c0",
    CapBnd: "00000000000020c0",
    CapAmb: "0000000000000000",
    NoNewPrivs: "1",
    Seccomp: "0",
    Seccomp_filters: "0",
    ...changes,
  };
  return Object.entries(lines).map(([key, value]) => `${key}:\t${value}\n`).join("");
}

function view(changes: Partial<View> = {}): View {
  return {
    processes: [7],
    threads: [parseStatus(7, status())],
    descriptors: [],
    footholds: [],
    packetSockets: [],
    control: null,
    answers: [],
    questioned: 0,
    ...changes,
  };
}

function answers(changes: Partial<ThreadAnswers> = {}): ThreadAnswers {
  return { tid: 7, asItIs: REFUSED, beneath: null, usedRing: false, ...changes };
}

Deno.test("PASS-01 fails for a packet socket, open or hidden, and for a second process", () => {
  assertEquals(judgeAbsence(view()).status, "pass");
  assertEquals(judgeAbsence(view({ packetSockets: [OTHER] })).status, "fail");
  assertEquals(judgeAbsence(view({ processes: [7, 8] })).status, "fail");
});

Deno.test("PASS-02 passes for exactly one packet socket more", () => {
  const cases: [before: string[], after: string[], status: string][] = [
    [[], [PASSED], "pass"],
    [[], [], "fail"],
    [[], [PASSED, PASSED], "fail"],
    [[OTHER], [OTHER, PASSED], "fail"],
  ];
  for (const [before, after, status] of cases) {
    const finding = judgeArrival(view({ packetSockets: before }), view({ packetSockets: after }));
    assertEquals(finding.status, status, `${before} ${after}`);
  }
});

Deno.test("PASS-03 passes only for the same open file description and link, then and at the end", () => {
  const held = view({ packetSockets: [PASSED] });
  assertEquals(judgeSameSocket(true, PASSED, held).status, "pass");
  assertEquals(judgeSameSocket(false, PASSED, held).status, "fail");
  assertEquals(judgeSameSocket(true, PASSED, view()).status, "fail");
  assertEquals(judgeStillHeld(PASSED, held).status, "pass");
  for (const packetSockets of [[], [OTHER], [PASSED, OTHER]]) {
    assertEquals(judgeStillHeld(PASSED, view({ packetSockets })).status, "fail");
    assertEquals(judgeSameSocket(true, PASSED, view({ packetSockets })).status, "fail");
  }
});

Deno.test("DROP-05 fails at launch for a thread without NoNewPrivs, or with one capability more", () => {
  const most = 0x20c0n;
  const judge = (changes: Record<string, string>) =>
    judgeLaunch(view({ threads: [parseStatus(7, status(changes))] }), most).status;
  assertEquals(judge({}), "pass");
  assertEquals(judge({ NoNewPrivs: "0" }), "fail");
  for (const set of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]) {
    assertEquals(judge({ [set]: "00000000000020c1" }), "fail", set);
  }
  assertEquals(judgeLaunch(view({ threads: [] }), most).status, "fail");
  const withBounding = (changes: Record<string, string>, bounding: bigint) =>
    judgeLaunch(view({ threads: [parseStatus(7, status(changes))] }), most, bounding).status;
  assertEquals(withBounding({ CapBnd: "00000000000020c1" }, 0x20c1n), "pass");
  assertEquals(withBounding({ CapBnd: "00000000000020c2" }, 0x20c1n), "fail");
  assertEquals(withBounding({ CapEff: "00000000000020c1" }, 0x20c1n), "fail");
});

Deno.test("DROP-05 fails if one thread gets any answer but EPERM, on either wall, and for a foothold", () => {
  assertEquals(judgeRefusedRoot(view({ answers: [answers()] })).status, "pass");
  assertEquals(judgeRefusedRoot(view()).status, "fail", "no thread was asked");
  for (const call of ["setgroups", "setresgid", "setresuid"] as const) {
    for (const errno of [0, Errno.EINVAL, Errno.ENOSYS]) {
      const odd = { ...REFUSED, [call]: errno };
      for (const changes of [{ asItIs: odd }, { beneath: odd }]) {
        const finding = judgeRefusedRoot(view({ answers: [answers(), answers(changes)] }));
        assertEquals(finding.status, "fail", `${call} ${errno}`);
        assertStringIncludes(finding.observed, call);
      }
    }
  }
  const footholds = ["process 8"];
  const finding = judgeRefusedRoot(view({ answers: [answers()], footholds }));
  assertEquals(finding.status, "fail");
  assertStringIncludes(finding.observed, "process 8");
});

Deno.test("DENY-01 passes only for EPERM on every thread after a success before the drop", () => {
  const asked = view({ answers: [answers()] });
  assertEquals(judgeRefusedSocket(0, asked).status, "pass");
  assertEquals(judgeRefusedSocket(EPERM, asked).status, "fail", "the control was refused");
  assertEquals(judgeRefusedSocket(0, view()).status, "fail", "no thread was asked");
  for (const errno of [0, Errno.ENODEV, Errno.EAFNOSUPPORT]) {
    const odd = answers({ asItIs: { ...REFUSED, socket: errno } });
    assertEquals(judgeRefusedSocket(0, view({ answers: [answers(), odd] })).status, "fail");
  }
});
