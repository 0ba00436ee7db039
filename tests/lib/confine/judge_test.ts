import { assertEquals } from "@std/assert";
import { Errno, PrivilegeError } from "../../../ffi/mod.ts";
import { parseStatus, type ThreadCredentials } from "../../../lib/inspect/threads/threads.ts";
import {
  judgeConfinement,
  judgeCredentials,
  judgeDenial,
  judgeDescriptors,
  judgeFilter,
  judgeFootholds,
  judgeHardened,
  judgeLaterThreads,
  judgeRegaining,
  judgeSecondLine,
  judgeUnstopped,
  LATER_THREADS,
} from "../../../lib/confine/judge.ts";

const STATUS = `Name:\tdeno
Uid:\t65534\t65534\t65534\t65534
Gid:\t65534\t65534\t65534\t65534
Groups:\t
CapInh:\t0000000000000000
CapPrm:\t0000000000000000
CapEff:\t0000000000000000
CapBnd:\t000001ffffffffff
CapAmb:\t0000000000000000
NoNewPrivs:\t0
Seccomp:\t0
`;
const NOBODY = { uid: 65534, gid: 65534 };
const statuses = (status: string) =>
  Object.fromEntries(
    Object.entries(judgeCredentials([parseStatus(1, STATUS), parseStatus(2, status)], NOBODY))
      .map(([id, finding]) => [id, finding.status]),
  );

Deno.test("judgeCredentials() fails for one thread that kept something, and for that check alone", () => {
  const pass = { "DROP-01": "pass", "DROP-02": "pass", "DROP-03": "pass", "DROP-04": "pass" };
  const cases: [change: [from: string, to: string], failing: string[]][] = [
    [["Name", "Name"], []],
    [["Groups:\t", "Groups:\t42 "], ["DROP-01"]],
    [["Gid:\t65534\t65534\t65534\t65534", "Gid:\t65534\t65534\t0\t65534"], ["DROP-02"]],
    [["Uid:\t65534\t65534\t65534\t65534", "Uid:\t65534\t65534\t65534\t0"], ["DROP-03"]],
    [["Uid:\t65534\t65534\t65534\t65534", "Uid:\t65534\t65534"], ["DROP-03"]],
    [["CapPrm:\t0000000000000000", "CapPrm:\t0000000000002000"], ["DROP-04"]],
    [["CapInh:\t0000000000000000", "CapInh:\t0000000000002000"], ["DROP-04"]],
    [["CapAmb:\t0000000000000000", "CapAmb:\t0000000000002000"], ["DROP-04"]],
    [["CapBnd:\t000001ffffffffff", "CapBnd:\t0000000000000000"], []],
  ];
  for (const [[from, to], failing] of cases) {
    const expected = { ...pass, ...Object.fromEntries(failing.map((id) => [id, "fail"])) };
    assertEquals(statuses(STATUS.replace(from, to)), expected, to);
  }
});

Deno.test("judgeCredentials() does not pass when no thread was seen", () => {
  for (const { status } of Object.values(judgeCredentials([], NOBODY))) {
    assertEquals(status, "fail");
  }
});

Deno.test("judgeDenial() accepts EPERM after a success, and nothing else", () => {
  const { EPERM, ENODEV, EMFILE, EAFNOSUPPORT } = Errno;
  const cases: [before: number, after: number, status: string][] = [
    [0, EPERM, "pass"],
    [0, 0, "fail"],
    [0, ENODEV, "fail"],
    [0, EMFILE, "fail"],
    [EPERM, EPERM, "fail"],
    [EAFNOSUPPORT, EAFNOSUPPORT, "fail"],
  ];
  for (const [before, after, status] of cases) {
    assertEquals(judgeDenial(before, after).status, status, `${before}, ${after}`);
  }
});

/** A confined thread, with these changes of its status. */
function thread(tid: number, ...changes: [from: string, to: string][]) {
  const confined = STATUS.replace("CapBnd:\t000001ffffffffff", "CapBnd:\t0000000000000000")
    .replace("NoNewPrivs:\t0", "NoNewPrivs:\t1").replace("Seccomp:\t0", "Seccomp:\t2");
  return parseStatus(tid, changes.reduce((text, [from, to]) => text.replace(from, to), confined));
}

Deno.test("judgeConfinement() fails for one thread that lacks one protection", () => {
  assertEquals(judgeConfinement([thread(1), thread(2)], NOBODY).status, "pass");
  assertEquals(judgeConfinement([], NOBODY).status, "fail");
  const changes: [from: string, to: string][] = [
    ["Uid:\t65534", "Uid:\t0"],
    ["Gid:\t65534\t65534\t65534\t65534", "Gid:\t65534\t65534\t65534\t0"],
    ["Groups:\t", "Groups:\t42 "],
    ...["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"].map((set): [string, string] => [
      `${set}:\t0000000000000000`,
      `${set}:\t0000000000002000`,
    ]),
    ["NoNewPrivs:\t1", "NoNewPrivs:\t0"],
    ["Seccomp:\t2", "Seccomp:\t0"],
    ["Seccomp:\t2", "Seccomp:\t1"],
  ];
  for (const change of changes) {
    const { status, observed } = judgeConfinement([thread(1), thread(2, change)], NOBODY);
    assertEquals([status, observed.startsWith("1 of 2 threads")], ["fail", true], change[1]);
  }
});

Deno.test("judgeConfinement() accepts a bounding set that the parent cannot take away, and no other", () => {
  const withBounding = thread(1, ["CapBnd:\t0000000000000000", "CapBnd:\t0000000000002000"]);
  const status = (bounding: bigint) => judgeConfinement([withBounding], NOBODY, bounding).status;
  assertEquals([status(0n), status(0x1000n), status(0x3000n)], ["fail", "fail", "pass"]);
  const effective = thread(1, ["CapEff:\t0000000000000000", "CapEff:\t0000000000002000"]);
  assertEquals(judgeConfinement([effective], NOBODY, ~0n).status, "fail");
});

Deno.test("judgeUnstopped() refutes what was seen, and shows nothing otherwise", () => {
  const statuses = (...threads: ThreadCredentials[]) =>
    Object.values(judgeUnstopped(threads, NOBODY)).map(({ status }) => status);
  assertEquals(statuses(thread(1)), ["skip", "skip", "skip", "skip"]);
  assertEquals(
    statuses(thread(1), thread(2, ["CapEff:\t0000000000000000", "CapEff:\t0000000000002000"])),
    ["skip", "skip", "skip", "fail"],
  );
  assertEquals(statuses(thread(1, ["Uid:\t65534", "Uid:\t0"])), ["skip", "skip", "fail", "skip"]);
});

const threads = (count: number) => Array.from({ length: count }, (_, i) => thread(i + 1));

Deno.test("judgeLaterThreads() wants enough new threads, and all of them confined", () => {
  const status = (before: number, after: number) =>
    judgeLaterThreads(threads(before), threads(after), NOBODY).status;
  assertEquals(status(2, 2 + LATER_THREADS), "pass");
  assertEquals(status(2, 2 + LATER_THREADS - 1), "fail");
  assertEquals(status(9, 9), "fail");
  const loose = [...threads(9), thread(10, ["Seccomp:\t2", "Seccomp:\t0"])];
  assertEquals(judgeLaterThreads(threads(2), loose, NOBODY).status, "fail");
});

Deno.test("judgeRegaining() wants every way back refused with EPERM, and no doubt", () => {
  const attempts = (...errnos: number[]) => errnos.map((errno) => ({ call: "setresuid", errno }));
  const { EPERM, EINVAL } = Errno;
  assertEquals(judgeRegaining(attempts(EPERM, EPERM)).status, "pass");
  for (const errnos of [[], [EPERM, 0], [EINVAL, EPERM]]) {
    assertEquals(judgeRegaining(attempts(...errnos)).status, "fail", errnos.join());
  }
  const { status, observed } = judgeRegaining(attempts(EPERM), new PrivilegeError("a group"));
  assertEquals([status, observed.endsWith("the drop: a group")], ["fail", true]);
});

const SECOND_LINE = {
  "locked-filter": true,
  "fanout-pin": true,
  "undumpable": true,
  "resource-limits": true,
};

Deno.test("judgeSecondLine() names each protection that is missing", () => {
  assertEquals(judgeSecondLine(SECOND_LINE).status, "pass");
  for (const name of Object.keys(SECOND_LINE)) {
    const { status, observed } = judgeSecondLine({ ...SECOND_LINE, [name]: false });
    assertEquals([status, observed], ["fail", `missing: ${name}`]);
  }
});

Deno.test("judgeDescriptors() and judgeFootholds() name each thing that is not explained", () => {
  const known = { fd: 3, refersTo: "socket:[1]", access: "rw", why: "the passed socket" } as const;
  const unknown = { fd: 4, refersTo: "/etc/passwd", access: "r", why: undefined } as const;
  assertEquals(judgeDescriptors([known]).status, "pass");
  const { status, observed } = judgeDescriptors([known, unknown]);
  assertEquals([status, observed], ["fail", "unexpected: 4 (/etc/passwd)"]);
  assertEquals(judgeFootholds({ descriptors: [], footholds: [] }).status, "pass");
  assertEquals(judgeFootholds({ descriptors: [], footholds: ["a ring"] }).status, "fail");
});

Deno.test("judgeFilter() fails without an expected filter, and skips if none can be read", () => {
  const expected = new Uint8Array(8);
  assertEquals(judgeFilter({ expected: undefined, found: [expected] }).status, "fail");
  assertEquals(judgeFilter({ expected, found: "another tracer is there" }).status, "skip");
});

Deno.test("judgeHardened() fails for each thing that is wrong, and for that check alone", () => {
  const filter = new Uint8Array(8);
  const view = (count: number, footholds: string[] = []) => ({
    processes: [1],
    threads: threads(count),
    descriptors: [],
    footholds,
    packetSockets: [],
    control: null,
    answers: [],
    questioned: 0,
  });
  const right = {
    view: view(9),
    before: view(2),
    secondLine: SECOND_LINE,
    filters: { expected: filter, found: [filter] },
  };
  const failing = (wrong: Partial<typeof right>) =>
    Object.entries(judgeHardened({ ...right, ...wrong }, NOBODY))
      .flatMap(([id, { status }]) => status === "pass" ? [] : [id]);
  assertEquals(failing({}), []);
  const loose = {
    ...view(9),
    threads: [...threads(8), thread(9, ["NoNewPrivs:\t1", "NoNewPrivs:\t0"])],
  };
  assertEquals(failing({ view: loose }), ["HARD-01", "HARD-02"]);
  assertEquals(failing({ before: view(9) }), ["HARD-02"]);
  assertEquals(failing({ view: view(9, ["a ring"]) }), ["HARD-03"]);
  assertEquals(failing({ secondLine: { ...SECOND_LINE, undumpable: false } }), ["HARD-04"]);
  assertEquals(failing({ filters: { expected: filter, found: [] } }), ["HARD-05"]);
  const { before: _, ...withoutBefore } = right;
  assertEquals(judgeHardened(withoutBefore, NOBODY)["HARD-02"].status, "pass");
});
