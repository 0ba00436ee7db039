/** Every check of an inspection holds, fails and is left open for the right reason, and alone. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  type InspectionCheckId,
  INSPECTIONS,
} from "../../../../lib/commands/inspect/description.ts";
import { judgeProcess, type Seen, worseOf } from "../../../../lib/commands/inspect/judge.ts";
import { judgeOperations } from "../../../../lib/commands/inspect/judge/confinement.ts";
import type { Terms } from "../../../../lib/commands/inspect/options.ts";
import { judged, leftOut, skipped } from "../../../../lib/evidence/evidence.ts";
import { OPERATION_NAMES, type OperationName } from "../../../../lib/evidence/operations.ts";
import {
  asked,
  credentials,
  daemon,
  EPERM,
  packetSocket,
  PID,
  predictions,
  seen,
  withThread,
} from "./subjects.ts";

const NONE: ReadonlySet<number> = new Set();
const DROPPED: Terms = { expect: "dropped", groups: NONE };
const CONFINED: Terms = { expect: "confined", groups: NONE };

/** Judges, and returns the checks that do not hold, as `ID status`. */
function wrong(seen: Seen, terms: Terms = CONFINED): string[] {
  return [...judgeProcess(seen, terms)].filter(([, { status }]) => status !== "pass")
    .map(([id, { status, left_out }]) => `${id} ${left_out ? "left out" : status}`);
}

function observed(seen: Seen, id: InspectionCheckId, terms: Terms = CONFINED): string {
  return judgeProcess(seen, terms).get(id)!.observed;
}

/** What was seen, with another subject. */
const subjectOf = (changes: Partial<Seen["subject"]>): Seen =>
  seen({ subject: { ...seen().subject, ...changes } });

Deno.test("judgeProcess() finds every check of the plan, in its order, for a confined process", () => {
  for (const terms of [DROPPED, CONFINED]) {
    const findings = judgeProcess(seen(), terms);
    assertEquals([...findings.keys()], [...INSPECTIONS[terms.expect].plan]);
    assertEquals(wrong(seen(), terms), []);
  }
});

Deno.test("INSP-01: no_new_privs is left out unless confinement is expected", () => {
  const without = withThread({ noNewPrivs: 0 });
  assertEquals(wrong(without), ["INSP-01 fail"]);
  assertEquals(wrong(without, DROPPED), ["INSP-01 left out"]);
  assertEquals(
    observed(without, "INSP-01", DROPPED),
    "NoNewPrivs is 0 on thread 4712 of 2: a set-uid file is a way back to root",
  );
});

Deno.test("INSP-02: uid 0 in any of four places, on any thread", () => {
  for (const [i, kind] of ["real", "effective", "saved", "filesystem"].entries()) {
    const root = withThread({ uids: [1, 1, 1, 1].with(i, 0) });
    assertEquals(wrong(root), i < 3 ? ["INSP-02 fail", "INSP-06 fail"] : ["INSP-02 fail"]);
    assertStringIncludes(observed(root, "INSP-02"), `uid 0 (${kind}) on thread 4712 of 2`);
  }
  assertEquals(wrong(withThread({ uids: [1, 2, 3, 4] })), []);
  assertEquals(wrong(withThread({ uids: [1, 1, 1] })), ["INSP-02 skip"]);
});

Deno.test("INSP-02, INSP-04: an id that may stand for an unmapped one is left open", () => {
  const doubted = (changes: Partial<Seen["overflow"]>) =>
    seen({ overflow: { uid: undefined, gid: undefined, ...changes } });
  assertEquals(wrong(doubted({ uid: 65534 })), ["INSP-02 skip"]);
  assertEquals(wrong(doubted({ gid: 65534 })), ["INSP-04 skip"]);
  assertEquals(wrong(doubted({ uid: 65533, gid: 65533 })), []);
  const roots = { ...withThread({ uids: [0, 1, 1, 1] }), overflow: { uid: 1, gid: 2 } };
  assertEquals(wrong(roots), ["INSP-02 fail", "INSP-06 fail"], "what is certain stays so");
});

Deno.test("INSP-03: a capability in each usable set, on one thread", () => {
  for (const set of ["CapInh", "CapPrm", "CapEff", "CapAmb"]) {
    const one = withThread({ capabilities: { [set]: "0000000000002000" } });
    assertEquals(wrong(one), ["INSP-03 fail"], set);
    assertStringIncludes(observed(one, "INSP-03"), `${set} 0000000000002000`);
    assertStringIncludes(observed(one, "INSP-03"), "on thread 4712 of 2");
  }
  assertEquals(wrong(withThread({ capabilities: { CapBnd: "ff" } }), DROPPED), []);
});

Deno.test("INSP-04: a group beyond the gid of the process, unless it is named", () => {
  const cases: [changes: Parameters<typeof withThread>[0], words: string, named: number][] = [
    [{ groups: [42] }, "group 42 on thread 4712 of 2", 42],
    [{ groups: [0] }, "group 0 on thread 4712 of 2", 0],
    [{ gids: [65534, 65534, 7, 65534] }, "gid 7 (saved) on thread 4712 of 2", 7],
    [{ gids: [65534, 65534, 65534, 9] }, "gid 9 (filesystem) on thread 4712 of 2", 9],
  ];
  for (const [changes, words, named] of cases) {
    const beyond = withThread(changes);
    assertEquals(wrong(beyond), ["INSP-04 fail"], words);
    assertEquals(observed(beyond, "INSP-04"), words);
    assertEquals(wrong(beyond, { ...CONFINED, groups: new Set([named]) }), []);
    assertEquals(wrong(beyond, { ...CONFINED, groups: new Set([43]) }), ["INSP-04 fail"]);
  }
  assertEquals(wrong(withThread({ groups: [65534] })), []);
});

Deno.test("INSP-04: all gids must agree, also if the first thread has ended", () => {
  const left = (gid: number) => {
    const threads = [credentials(PID + 1), credentials(PID + 2, { gids: [gid, gid, gid, gid] })];
    const answers = threads.map((thread) => asked(thread));
    return subjectOf({ daemon: daemon(threads), asked: { threads: answers, stopped: 1 } });
  };
  assertEquals(wrong(left(65534)), []);
  assertEquals(wrong(left(42)), ["INSP-04 fail"]);
});

Deno.test("INSP-04: gid 0 is no gid of its own", () => {
  const threads = [credentials(PID, { gids: [0, 0, 0, 0] })];
  const rootsGroup = seen({
    subject: {
      daemon: daemon(threads),
      sockets: [],
      asked: { threads: threads.map((thread) => asked(thread)), stopped: 1 },
    },
  });
  assertEquals(wrong(rootsGroup), ["INSP-04 fail", "INSP-06 fail"]);
  assertEquals(wrong(rootsGroup, { ...CONFINED, groups: new Set([0]) }), []);
});

Deno.test("INSP-05: CAP_NET_RAW on one thread, by the kernel's rule or by its answer", () => {
  const other = PID + 1;
  const netRaw = (value: boolean | undefined) => ({
    netRaw: new Map([[PID, false], [other, value]]),
  });
  assertEquals(wrong(withThread({}, {}, netRaw(true))), ["INSP-05 fail"]);
  assertEquals(wrong(withThread({}, null, netRaw(true)), DROPPED), ["INSP-05 fail"]);
  assertEquals(wrong(withThread({}, {}, netRaw(undefined))), [], "the answer decides");
  assertEquals(wrong(withThread({}, null, netRaw(undefined)), DROPPED), ["INSP-05 skip"]);
  assertEquals(wrong(withThread({}, { asItIs: {}, beneath: {} }, netRaw(undefined))), [
    "INSP-05 skip",
  ]);
});

Deno.test("INSP-05: a thread of root's may get CAP_NET_RAW by executing a program", () => {
  const judged = (changes: Parameters<typeof withThread>[0]) =>
    judgeProcess(withThread(changes), DROPPED).get("INSP-05")!;
  const root = { uids: [0, 1, 1, 1], noNewPrivs: 0, capabilities: { CapBnd: "2000" } };
  assertEquals(judged(root).status, "skip");
  assertStringIncludes(judged(root).observed, "root gets it by execve(2)");
  const setUid = { noNewPrivs: 0, capabilities: { CapPrm: "80", CapBnd: "2000" } };
  assertEquals(judged(setUid).status, "skip");
  assertEquals(judged({ ...root, uids: [1, 1, 1, 1] }).status, "pass");
  assertEquals(judged({ ...root, noNewPrivs: 1 }).status, "pass");
  assertEquals(judged({ ...root, capabilities: { CapBnd: "1fff" } }).status, "pass");
});

Deno.test("INSP-05, INSP-06: the answer of each thread must be EPERM, beneath its filters", () => {
  const refused = { socket: EPERM, setgroups: EPERM, setresgid: EPERM, setresuid: EPERM };
  for (const call of ["socket", "setgroups", "setresgid", "setresuid"] as const) {
    const id = call === "socket" ? "INSP-05" : "INSP-06";
    const answered = (wall: "asItIs" | "beneath", errno: number) =>
      wrong(withThread({}, { [wall]: { ...refused, [call]: errno } }));
    assertEquals(answered("beneath", 0), [`${id} fail`], `${call} succeeds beneath`);
    assertEquals(answered("asItIs", 0), [`${id} fail`], `${call} succeeds`);
    assertEquals(answered("beneath", 22), [`${id} skip`], `${call}: EINVAL beneath`);
    assertEquals(answered("asItIs", 22), [], `${call}: EINVAL by a filter`);
    const unfiltered = { seccomp: 0, filters: 0 };
    const plain = (errno: number) =>
      wrong(
        withThread(unfiltered, { filters: [], beneath: {}, asItIs: { ...refused, [call]: errno } }),
        DROPPED,
      );
    assertEquals(plain(EPERM), []);
    assertEquals(plain(22), [`${id} skip`], `${call}: EINVAL without a filter`);
    assertEquals(plain(0), [`${id} fail`]);
  }
});

Deno.test("INSP-05, INSP-06: a ring that shows nowhere may keep root's credentials", () => {
  for (const usedRing of [true, undefined]) {
    assertEquals(wrong(withThread({}, { usedRing })), ["INSP-05 skip", "INSP-06 skip"]);
  }
  assertStringIncludes(observed(withThread({}, { usedRing: true }), "INSP-06"), "4712 has used");
});

Deno.test("INSP-05: a network namespace that it may enter counts too", () => {
  const held = (netRaw: boolean | undefined) =>
    wrong(withThread({}, {}, { heldNetworks: [{ fd: 6, link: "net:[7]", netRaw }] }));
  assertEquals([held(true), held(undefined), held(false)], [
    ["INSP-05 fail"],
    ["INSP-05 skip"],
    [],
  ]);
});

Deno.test("INSP-06: a capability over another user namespace gives the ids that are mapped there", () => {
  const threads = [credentials(PID, { capabilities: { CapPrm: "c0" } })];
  const of = (same: boolean) => {
    const plain = daemon(threads);
    const namespaces = [{ kind: "user", link: "user:[1]", same }];
    return subjectOf({ daemon: { ...plain, shown: { ...plain.shown, namespaces } } });
  };
  assertEquals(wrong(of(true)), ["INSP-03 fail", "INSP-06 fail"]);
  assertEquals(wrong(of(false)), ["INSP-03 fail", "INSP-06 skip"]);
});

Deno.test("INSP-06: the memory of another process is a way that may lead back", () => {
  const memories = { writtenMemories: ["descriptor 3 (/proc/1/mem) writes the memory"] };
  assertEquals(wrong(withThread({}, {}, memories)), ["INSP-06 skip"]);
});

Deno.test("INSP-06: saved ids, two capabilities, rings and accomplices lead back", () => {
  const capable = (bit: number) => ({ capabilities: { CapPrm: (1 << bit).toString(16) } });
  assertEquals(wrong(withThread(capable(7))), ["INSP-03 fail", "INSP-06 fail"]);
  assertEquals(wrong(withThread(capable(6))), ["INSP-03 fail", "INSP-06 fail"]);
  assertEquals(wrong(withThread(capable(8))), ["INSP-03 fail"]);
  const ring = (more: { personalities?: number[]; pollingThread?: number }) =>
    wrong(
      withThread({}, {}, {
        rings: [{ fd: 9, files: [], personalities: [], pollingThread: undefined, ...more }],
      }),
    );
  assertEquals(ring({}), []);
  assertEquals(ring({ personalities: [0] }), ["INSP-06 fail"]);
  assertEquals(ring({ personalities: [65534] }), ["INSP-06 skip"]);
  assertEquals(ring({ pollingThread: PID + 1 }), []);
  assertEquals(ring({ pollingThread: 99 }), ["INSP-06 skip"]);
  const accomplices = (found: string[], unseen: string[]) =>
    wrong(seen({ accomplices: { found, unseen } }));
  assertEquals(accomplices(["it shares its memory with process 1"], []), ["INSP-06 fail"]);
  assertEquals(accomplices([], ["whether it shares its memory"]), ["INSP-06 skip"]);
});

Deno.test("A thread that only the standstill showed is judged too", () => {
  const { subject } = seen();
  const late = credentials(PID + 2, { uids: [0, 0, 0, 0] });
  const threads = [...subject.asked!.threads, asked(late)];
  const found = wrong(subjectOf({ asked: { threads, stopped: 1 } }));
  assertEquals(found, ["INSP-02 fail", "INSP-06 fail"]);
});

Deno.test("INSP-07: certainly hidden is a fail, and possibly hidden is a skip", () => {
  assertEquals(wrong(seen({ hidden: ["in flight in fd 4"] })), ["INSP-07 fail"]);
  assertEquals(wrong(seen({ possiblyHidden: ["socket:[7]"] })), ["INSP-07 skip"]);
  assertEquals(wrong(seen({ hidden: ["one"], possiblyHidden: ["other"] })), ["INSP-07 fail"]);
  assertEquals(wrong(seen({ missingSockets: ["too many"] })).at(0), "INSP-07 skip");
  assertEquals(wrong(seen({ unseenPlaces: ["a table"] })), ["INSP-07 skip"]);
  assertEquals(wrong(seen({ otherSenders: ["descriptor 4 is a raw socket"] })), ["INSP-09 skip"]);
});

Deno.test("INSP-07: a ring that only asking could find leaves it out, and excuses nothing else", () => {
  const onlyAskingTells = "a ring may use it";
  assertEquals(wrong(seen({ onlyAskingTells })), ["INSP-07 left out"]);
  assertEquals(wrong(seen({ onlyAskingTells, possiblyHidden: ["it"] })), ["INSP-07 skip"]);
  assertEquals(wrong(seen({ onlyAskingTells, hidden: ["it"] })), ["INSP-07 fail"]);
});

Deno.test("INSP-08: a thread without filters, with others, or with unread ones", () => {
  assertEquals(wrong(withThread({ seccomp: 0, filters: 0 })), ["INSP-08 fail"]);
  assertEquals(wrong(withThread({ seccomp: 1, filters: 0 })), ["INSP-08 fail"]);
  const other = Uint8Array.from([6, 0, 0, 0, 0, 0, 0, 0]);
  const different = withThread({}, { filters: [other] });
  assertEquals(wrong(different), ["INSP-08 fail"]);
  assertEquals(wrong(withThread({}, { filters: [] })), ["INSP-08 skip"]);
  assertEquals(wrong(withThread({ filters: 2 })), ["INSP-08 skip"]);
  assertEquals(wrong(withThread({ filters: null })), []);
  const { subject } = seen();
  const one = subject.asked!.threads.slice(0, 1);
  assertEquals(
    wrong(subjectOf({ asked: { threads: one, stopped: 1 } })),
    [],
    "it was started later",
  );
  assertEquals(wrong(subjectOf({ asked: { threads: [], stopped: 1 } })), ["INSP-08 skip"]);
  assertEquals(observed(seen(), "INSP-08"), "one filter of 1 instructions on all 2 threads");
});

Deno.test("INSP-09: every operation must be refused by a wall, and names those that remain", () => {
  const predicted = (name: OperationName, outcome: string, wall: "kernel" | null = null) =>
    seen({ predictions: predictions({ [name]: { outcome, wall, reason: "because" } }) });
  for (const name of OPERATION_NAMES) {
    const { status, observed } = judgeOperations(predicted(name, "allowed").predictions);
    assertEquals([status, observed], ["fail", `allowed: ${name} (fd 5)`]);
  }
  const outcomes: [outcome: string, wall: "kernel" | null, wrong: string[]][] = [
    ["allowed", null, ["INSP-09 fail"]],
    ["EFAULT", null, ["INSP-09 fail"]],
    ["EINVAL", "kernel", []],
    ["no effect", null, []],
    ["cannot tell", null, ["INSP-09 skip"]],
  ];
  for (const [outcome, wall, expected] of outcomes) {
    assertEquals(wrong(predicted("send", outcome, wall)), expected, outcome);
  }
  assertEquals(
    observed(predicted("send", "cannot tell"), "INSP-09"),
    "cannot tell: send: because",
  );
  assertEquals(wrong(seen({ predictions: new Map() })), ["INSP-09 skip"]);
});

Deno.test("INSP-10: names what is missing behind the filters", () => {
  const cases: [seen: Seen, words: string][] = [
    [
      subjectOf({ sockets: [packetSocket(), packetSocket({ fd: 6, isLocked: false })] }),
      "the filter of fd 6 is not locked",
    ],
    [subjectOf({ sockets: [packetSocket({ isPinned: false })] }), "fd 5 is in no fanout group"],
    [subjectOf({ daemon: daemon(seen().subject.daemon.threads, {}, true) }), "it is dumpable"],
    [
      withThread({ capabilities: { CapBnd: "0000000000002000" } }),
      "the bounding set is not empty on thread 4712 of 2",
    ],
  ];
  for (const [each, words] of cases) {
    assertEquals(wrong(each), ["INSP-10 fail"]);
    assertEquals(observed(each, "INSP-10"), words);
  }
  const unread = subjectOf({ daemon: daemon(seen().subject.daemon.threads, {}, null) });
  assertEquals(wrong(unread), ["INSP-10 skip"]);
  const unknown = subjectOf({ sockets: [packetSocket({ isPinned: undefined })] });
  assertEquals(wrong(unknown), ["INSP-10 skip"]);
});

Deno.test("Whatever was not seen turns a pass to a skip, and leaves a fail", () => {
  const plan = INSPECTIONS.confined.plan.filter((id) => id !== "INSP-07");
  const unseenThreads = ["the credentials of 9 threads"];
  assertEquals(
    wrong(withThread({}, {}, { unseenThreads })),
    plan.filter((id) => !["INSP-06", "INSP-09"].includes(id)).map((id) => `${id} skip`),
  );
  const { daemon } = seen().subject;
  const unseen = ["whether 1 process shares its memory"];
  assertEquals(
    wrong(subjectOf({ daemon: { ...daemon, shown: { ...daemon.shown, unseen } } })),
    ["INSP-06 skip", "INSP-09 skip"],
  );
  assertEquals(wrong(seen({ unseenPlaces: ["no PACKET_DIAG"] })), ["INSP-07 skip"]);
  assertEquals(
    wrong(seen({ missingSockets: ["a thousand more descriptors"] })),
    ["INSP-07 skip", "INSP-09 skip", "INSP-10 skip"],
  );
  assertEquals(
    wrong(seen({ unasked: ["it has a tracer"] })),
    ["INSP-05 skip", "INSP-06 skip", "INSP-08 skip", "INSP-09 skip"],
  );
  const found = wrong(withThread({ uids: [0, 0, 0, 0] }, {}, { unseenThreads }), DROPPED);
  assert(found.includes("INSP-02 fail") && found.includes("INSP-03 skip"), found.join());
});

Deno.test("A process without threads, and one without packet sockets", () => {
  const nothing = subjectOf({ daemon: daemon([]), asked: { threads: [], stopped: 0 } });
  assertEquals(wrong(nothing, DROPPED).filter((each) => !/skip$/.test(each)), []);
  assertEquals(wrong(nothing, DROPPED).length, 6, "all but INSP-07");
  assertEquals(wrong(subjectOf({ sockets: [] })), []);
});

Deno.test("worseOf() prefers fail to skip, skip to left out, left out to pass, then the later", () => {
  const ranked = [judged(true, ""), leftOut(""), skipped(""), judged(false, "")];
  for (const [i, one] of ranked.entries()) {
    for (const [j, other] of ranked.entries()) {
      assertEquals(worseOf(one, other), i > j ? one : other);
    }
  }
  assertEquals(worseOf(judged(true, "earlier"), judged(true, "later")).observed, "later");
});
