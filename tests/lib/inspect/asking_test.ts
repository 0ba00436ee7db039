import { assert, assertEquals } from "@std/assert";
import {
  assemble,
  bpfJumpEqual,
  bpfLoad,
  bpfReturn,
  Errno,
  type SyscallName,
  SYSCALLS,
} from "../../../ffi/mod.ts";
import { askDaemon } from "../../../lib/inspect/asking.ts";
import type { AskedThread, SeenDaemon, SeenProcessPart } from "../../../lib/inspect/subject.ts";
import { threadCredentials } from "../../../lib/inspect/threads.ts";
import { startDaemon } from "../../support/daemon.ts";
import { testNeeding } from "../../support/needs.ts";

const compiler = { root: true, programs: { cc: "gcc" } };
const { EPERM } = Errno;
const NOBODY = ["groups=", "gid=65534", "uid=65534"];
const REFUSED = { socket: EPERM, setgroups: EPERM, setresgid: EPERM, setresuid: EPERM };
const CALLS = ["socket", "setgroups", "setresgid", "setresuid"] as const;

/** A process as it is seen from outside, as far as asking needs it. */
function seen(pid: number): SeenDaemon {
  const threads = threadCredentials(pid);
  const has = (set: string, capability: number) =>
    (BigInt(`0x${set}`) >> BigInt(capability) & 1n) === 1n;
  return {
    pid,
    threads,
    netRaw: new Map(threads.map(({ tid, capabilities }) => [tid, has(capabilities.CapEff, 13)])),
    shown: {} as SeenProcessPart,
    descriptorLimit: undefined,
    rings: [],
    descriptors: [],
    mapped: [],
    sharers: [],
    siblings: { dumpable: [], undumpable: [] },
  };
}

const ask = (pid: number) => askDaemon(seen(pid));

/** A filter that answers some calls with an action, and allows all others. */
function filter(action: number, ...calls: readonly SyscallName[]): string {
  const column = Deno.build.arch === "x86_64" ? 0 : 1;
  const rules = calls.flatMap((call) => [
    bpfJumpEqual(SYSCALLS[call][column]!, 0, 1),
    bpfReturn(action),
  ]);
  return `filter=${assemble([bpfLoad(0), ...rules, bpfReturn(0x7fff0000)]).toHex()}`;
}

/** The answers of a thread, without the credentials. */
const answers = ({ asItIs, beneath, notAsked }: AskedThread) => ({ asItIs, beneath, notAsked });

testNeeding(compiler, "askDaemon() gets EPERM from every thread of a dropped daemon", async () => {
  await using daemon = await startDaemon([...NOBODY, "threads=3"]);
  const { threads, stopped } = ask(daemon.pid);
  assertEquals(threads.length, 4);
  for (const thread of threads) {
    assertEquals(answers(thread), { asItIs: REFUSED, beneath: {}, notAsked: [] });
    assertEquals(thread.filters, []);
    assertEquals(thread.credentials.uids, [65534, 65534, 65534, 65534]);
  }
  assertEquals(threads.map(({ parentDeathSignal }) => parentDeathSignal), [
    0,
    undefined,
    undefined,
    undefined,
  ]);
  assert(stopped > 0);
  await daemon.run("open=/dev/null");
});

testNeeding(compiler, "askDaemon() asks nothing that could succeed", async () => {
  await using daemon = await startDaemon([
    ...["thread", "groups=7", "end", "keep-capabilities", ...NOBODY],
    ...["thread", "capabilities=0,0x80,0", "end"], // CAP_SETUID, permitted
    ...["thread", "capabilities=0x40,0x40,0", "end"], // CAP_SETGID
    ...["thread", "capabilities=0x2000,0x2000,0", "end"], // CAP_NET_RAW
    ...["thread", "capabilities=0,0x2000,0", "end"],
    "capabilities=0,0,0",
  ]);
  const before = threadCredentials(daemon.pid);
  const { threads } = ask(daemon.pid);
  assertEquals(threadCredentials(daemon.pid), before);
  const of = (at: number) => ({
    asked: Object.keys(threads[at].asItIs),
    reasons: threads[at].notAsked.map((sentence) =>
      sentence.replace(/\(.*\) was not made: /, ": ")
    ),
  });
  assertEquals(of(0), { asked: [...CALLS], reasons: [] });
  assertEquals(of(1), {
    asked: [],
    reasons: [
      "socket: it has CAP_NET_RAW over its network namespace",
      "setgroups: it has CAP_SETGID",
      "setresgid: it has CAP_SETGID",
      "setresuid: it has CAP_SETUID",
    ],
  });
  assertEquals(of(2), {
    asked: ["socket", "setgroups", "setresgid"],
    reasons: ["setresuid: it has CAP_SETUID"],
  });
  assertEquals(of(3), {
    asked: ["socket", "setresuid"],
    reasons: ["setgroups: it has CAP_SETGID", "setresgid: it has CAP_SETGID"],
  });
  assertEquals(of(4), {
    asked: ["setgroups", "setresgid", "setresuid"],
    reasons: ["socket: it has CAP_NET_RAW over its network namespace"],
  });
  assertEquals(of(5), {
    asked: ["setgroups", "setresgid", "setresuid"],
    reasons: ["socket: it has CAP_NET_RAW in its permitted set"],
  });
});

testNeeding(
  compiler,
  "askDaemon() asks for no id that the thread has, saved ones included",
  async () => {
    await using daemon = await startDaemon([
      ...["groups=", "thread", "gid=65534", "uids=65534,65534,0", "capabilities=0,0,0", "end"],
      ...["thread", "uid=65534", "end"],
    ]);
    const { threads: [, uid, gid] } = ask(daemon.pid);
    assertEquals(Object.keys(uid.asItIs), ["socket", "setgroups", "setresgid"]);
    assertEquals(uid.notAsked, ["setresuid(0, 0, 0) was not made: it has uid 0"]);
    assertEquals(Object.keys(gid.asItIs), ["socket", "setgroups", "setresuid"]);
    assertEquals(gid.notAsked, ["setresgid(0, 0, 0) was not made: it has gid 0"]);
  },
);

/** Actions of a filter, and what is known of each call through it. */
const ACTIONS: readonly [name: string, action: number, through: number | string][] = [
  ["allow", 0x7fff0000, EPERM],
  ["log", 0x7ffc0000, EPERM],
  ["errno 42", 0x0005002a, 42],
  ["errno 0", 0x00050000, "they answer it with a success without effect"],
  ["kill-process", 0x80000000, "they end the process for it"],
  ["kill-thread", 0x00000000, "they end the thread for it"],
  ["trap", 0x00030000, "they answer it with a signal"],
  ["trace", 0x7ff00000, "they leave it to a tracer"],
  ["notify", 0x7fc00000, "they leave it to a supervisor"],
  ["unknown", 0x00040000, "they end the process for it"],
];

for (const [name, action, through] of ACTIONS) {
  testNeeding(compiler, `askDaemon() asks a daemon whose filter answers: ${name}`, async () => {
    await using daemon = await startDaemon([
      ...[...NOBODY, "no-new-privs", "thread", filter(action, ...CALLS), "end"],
    ]);
    for (let i = 0; i < 3; i++) {
      const { threads: [first, filtered] } = ask(daemon.pid);
      assertEquals(answers(first), { asItIs: REFUSED, beneath: {}, notAsked: [] });
      assertEquals(filtered.filters?.map(({ length }) => length), [8 * 10]);
      assertEquals(filtered.beneath, REFUSED);
      const isAsked = typeof through === "number";
      assertEquals(
        filtered.asItIs,
        isAsked ? Object.fromEntries(CALLS.map((call) => [call, through])) : {},
      );
      assertEquals(
        filtered.notAsked.map((sentence) => sentence.split(" through its filters: ")[1]),
        isAsked ? [] : CALLS.map(() => through),
      );
    }
    await daemon.run("copies=0,1"); // it runs, and still has its standard input
  });
}

testNeeding(compiler, "askDaemon() asks each thread through its own filters", async () => {
  await using daemon = await startDaemon([
    ...[...NOBODY, "no-new-privs", filter(0x00050007, "socket")],
    ...["thread", filter(0x80000000, "setresuid"), "end"],
    ...["thread", filter(0x00050009, "socket", "setgroups"), "end"],
  ]);
  const { threads } = ask(daemon.pid);
  const [first, second, third] = threads;
  assertEquals(first.asItIs, { ...REFUSED, socket: 7 });
  const { setresuid: _, ...others } = REFUSED;
  assertEquals(second.asItIs, { ...others, socket: 7 });
  assertEquals(third.asItIs, { ...REFUSED, socket: 9, setgroups: 9 }); // the last filter decides
  assertEquals(threads.map(({ filters }) => filters?.length), [1, 2, 2]);
  assertEquals(second.filters?.[0], first.filters?.[0]);
  assertEquals(threads.map(({ beneath }) => beneath), [REFUSED, REFUSED, REFUSED]);
});
