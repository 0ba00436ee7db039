import { assertEquals, assertThrows } from "@std/assert";
import { Errno } from "../../../ffi/mod.ts";
import { parseStatus, threadCredentials } from "../../../lib/inspect/threads.ts";
import { judgeCredentials, judgeDenial } from "../../../lib/confine/judge.ts";

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

Deno.test("parseStatus() throws when a line is missing", () => {
  for (const key of ["Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapAmb"]) {
    assertThrows(() => parseStatus(1, STATUS.replace(`${key}:`, "Other:")), Error, key);
  }
});

Deno.test("threadCredentials() sees every thread of this process", () => {
  const threads = threadCredentials("self");
  assertEquals(threads.length, [...Deno.readDirSync("/proc/self/task")].length);
  for (const { uids } of threads) assertEquals(uids[1], Deno.uid());
});

Deno.test("judgeDenial() takes EPERM after a success, and nothing else, for a denial", () => {
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
