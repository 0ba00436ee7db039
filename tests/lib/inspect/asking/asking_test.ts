import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  AF_UNIX,
  assemble,
  bpfJumpEqual,
  bpfLoad,
  bpfReturn,
  Errno,
  OwnedFd,
  pollAsync,
  readDirectory,
  readTextFile,
  setCloseOnExec,
  SOCK_DGRAM,
  socketpair,
  StoppedThread,
  type SyscallName,
  SYSCALLS,
  unlessGone,
  write,
} from "../../../../ffi/mod.ts";
import { CannotLook } from "../../../../lib/evidence/errors.ts";
import { askDaemon } from "../../../../lib/inspect/asking/asking.ts";
import type { AskedThread, SeenDaemon } from "../../../../lib/inspect/subject.ts";
import { threadCredentials } from "../../../../lib/inspect/threads/threads.ts";
import { command, resultOf } from "../../../ffi/programs.ts";
import { end, nextWords, sendLine, start, withCompiled } from "../../../ffi/talking.ts";
import { until } from "../../../e2e/processes.ts";
import { startDaemon } from "../../../support/daemon.ts";
import { testNeeding } from "../../../support/needs.ts";
import { daemon as daemonWith } from "../../../support/subjects.ts";

const compiler = { root: true, programs: { cc: "gcc" } };
const { EPERM } = Errno;
const NOBODY = ["groups=", "gid=65534", "uid=65534"];
const REFUSED = { socket: EPERM, setgroups: EPERM, setresgid: EPERM, setresuid: EPERM };
const CALLS = ["socket", "setgroups", "setresgid", "setresuid"] as const;

/** The longest wait for a state of a daemon, in milliseconds. */
const PATIENCE = 10_000;

/** A process as it is seen from outside, as far as asking needs it. */
function seen(pid: number): SeenDaemon {
  const threads = threadCredentials(pid);
  const has = (set: string, capability: number) =>
    (BigInt(`0x${set}`) >> BigInt(capability) & 1n) === 1n;
  const netRaw = threads.map(({ tid, capabilities }) =>
    [tid, has(capabilities.CapEff, 13)] as const
  );
  return daemonWith({ pid, threads, netRaw: new Map(netRaw) });
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

testNeeding(compiler, "askDaemon() asks threads that are new or have changed", async () => {
  await using daemon = await startDaemon(["keep-capabilities", ...NOBODY, "capabilities=0,0,0"]);
  const before = seen(daemon.pid);
  await daemon.run("threads=1");
  assertEquals(askDaemon(before).threads.map(({ asItIs }) => asItIs), [REFUSED, REFUSED]);
  const { socket: _, ...others } = REFUSED;
  const changed = before.threads.map((thread) => ({ ...thread, uids: [1, 1, 1, 1] }));
  const { threads } = askDaemon({ ...before, threads: changed });
  assertEquals(threads.map(({ asItIs }) => asItIs), [others, others]);
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

const threadsOf = (pid: number) => readDirectory(`/proc/${pid}/task`).map(Number);
const stateOf = (tid: number) =>
  unlessGone(() => readTextFile(`/proc/${tid}/stat`))?.match(/\) (\S)/)?.[1];
const tracerOf = (tid: number) =>
  Number(readTextFile(`/proc/${tid}/status`).match(/^TracerPid:\s*(\d+)/m)?.[1]);

/** Starts a program and waits until it is ready. */
async function started(words: readonly string[]): Promise<Deno.ChildProcess> {
  const child = start(words);
  assert((await nextWords(child)).includes("ready"));
  return child;
}

testNeeding(
  compiler,
  "askDaemon() asks a thread in strict mode only beneath it",
  () =>
    withCompiled("asked.c", async (program) => {
      const child = await started([program, "strict"]);
      const { threads: [thread] } = ask(child.pid);
      assertEquals([thread.credentials.seccomp, thread.asItIs, thread.filters], [1, {}, []]);
      assertEquals(thread.beneath, REFUSED);
      assertEquals(thread.parentDeathSignal, 0);
      assertEquals(
        thread.notAsked[0],
        "socket(AF_PACKET, SOCK_RAW|SOCK_CLOEXEC, 0) was not made through its filters: " +
          "strict mode (seccomp) ends the thread for it",
      );
      await sendLine(child);
      assertEquals(await end(child), 7);
    }),
);

/** Sends `interrupted.c` a line, and checks the result of its call. */
async function returnsAndEnds(child: Deno.ChildProcess, result: string): Promise<void> {
  await Deno.writeTextFile(`/proc/${child.pid}/fd/0`, "\n").catch(() => {}); // it may be gone
  // On aarch64 a call in whose middle a thread was asked is made again as it was.
  if (Deno.build.arch === "x86_64") assertEquals((await nextWords(child)).trim(), result);
  assertEquals(await end(child), 7);
}

testNeeding(
  compiler,
  "a filter that kills for restart_syscall(2) does not end an asked daemon",
  () =>
    withCompiled("interrupted.c", async (program) => {
      const { restart_syscall: [restart], read: [read] } = SYSCALLS;
      const cases: [words: (string | number)[], result: string][] = [
        [["poll", restart, "80000000"], "-1 4"],
        [["nanosleep", restart, "30000"], "-1 4"],
        [["futex", restart, "50001"], "-1 4"],
        [["read", read, "80000000", "late"], "-1 4"],
        [["poll", restart, "7ffc0000"], "0 0"],
        [["nanosleep", 9999, "80000000"], "0 0"],
        [["read", restart, "80000000"], "1 0"],
      ];
      const results: Promise<void>[] = [];
      for (const [words, result] of cases) {
        const child = await started([program, ...words.map(String)]);
        await until("it sleeps", () => stateOf(child.pid) === "S", PATIENCE);
        await pollAsync([], 0, 20);
        ask(child.pid);
        results.push(returnsAndEnds(child, result));
      }
      await Promise.all(results);
    }),
);

testNeeding(compiler, "askDaemon() leaves a stopped daemon stopped", async () => {
  await using daemon = await startDaemon([...NOBODY, "threads=2"]);
  Deno.kill(daemon.pid, "SIGSTOP");
  const allStopped = () => threadsOf(daemon.pid).every((tid) => stateOf(tid) === "T");
  await until("all have stopped", allStopped, PATIENCE);
  for (let i = 0; i < 3; i++) {
    const { threads } = ask(daemon.pid);
    assertEquals(threads.map(({ asItIs }) => asItIs), [REFUSED, REFUSED, REFUSED]);
    await until("all have stopped", allStopped, PATIENCE);
  }
  Deno.kill(daemon.pid, "SIGCONT");
  await daemon.run("threads=1");
});

testNeeding(compiler, "askDaemon() refuses a daemon that has a tracer, and names it", async () => {
  await using daemon = await startDaemon([...NOBODY, "threads=2"]);
  {
    const tid = threadsOf(daemon.pid)[1];
    using _stopped = StoppedThread.stop(tid, 5000);
    const error = assertThrows(() => ask(daemon.pid), CannotLook);
    assertEquals(
      error.message,
      `Cannot ask process ${daemon.pid}: ptrace: Operation not permitted (EPERM): ` +
        `process ${tracerOf(tid)} traces it already, such as gdb or strace`,
    );
  }
  for (const tid of threadsOf(daemon.pid)) assertEquals(tracerOf(tid), 0);
  assertEquals(ask(daemon.pid).threads.length, 3);
  assertThrows(() => ask(Deno.pid), CannotLook, "a process cannot trace itself");
});

testNeeding(
  compiler,
  "askDaemon() refuses a daemon with a thread in vfork(2), without stopping it",
  async () => {
    await using daemon = await startDaemon([...NOBODY, "threads=1", "thread", "vfork", "end"]);
    const error = assertThrows(() => ask(daemon.pid), CannotLook);
    assertEquals(
      error.message,
      `Cannot ask process ${daemon.pid}: a thread does not stop: it waits in the kernel, for a disk ` +
        "or in vfork(2)",
    );
    for (const tid of threadsOf(daemon.pid)) assertEquals(tracerOf(tid), 0);
    await daemon.run("threads=1");
  },
);

testNeeding(
  compiler,
  "askDaemon() asks the threads that are left when the first one has ended",
  async () => {
    await using daemon = await startDaemon([...NOBODY, "threads=1", "end-leader"]);
    await until("its first thread has ended", () => stateOf(daemon.pid) === "Z", PATIENCE);
    const { threads } = ask(daemon.pid);
    assertEquals(threads.map(({ tid }) => tid), threadsOf(daemon.pid).slice(1));
    assertEquals(threads.map(({ asItIs }) => asItIs), [REFUSED, REFUSED]);
    await daemon.run("threads=1");
  },
);

testNeeding(compiler, "askDaemon() refuses a process that has ended", async () => {
  const daemon = await startDaemon(NOBODY);
  const before = seen(daemon.pid);
  await daemon[Symbol.asyncDispose]();
  assertThrows(() => askDaemon(before), CannotLook, "it has ended");
});

testNeeding(
  compiler,
  "askDaemon() never holds up a process that executes programs",
  () =>
    withCompiled("executing.c", async (program) => {
      const words = ["--reuid=65534", "--regid=65534", "--clear-groups", program, "400"];
      const child = start(["setpriv", ...words]);
      let hasEnded = false, answered = 0;
      const status = child.status.finally(() => hasEnded = true);
      const hasBegun = () => {
        const status = readTextFile(`/proc/${child.pid}/status`);
        return /^Name:\t(?!setpriv$)/m.test(status) && /^Uid:\t65534\t/m.test(status);
      };
      await until("setpriv has executed it", hasBegun, PATIENCE);
      while (!hasEnded) {
        try {
          for (const { asItIs } of ask(child.pid).threads) assertEquals(asItIs.setresuid, EPERM);
          answered++;
        } catch (error) {
          const state = hasEnded ? "Z" : unlessGone(() => stateOf(child.pid)) ?? "Z";
          if (state !== "Z" && !(error instanceof CannotLook)) throw error;
        }
        await pollAsync([], 0, 1);
      }
      assert(answered > 0);
      assertEquals((await status).code, 7);
      await end(child);
    }),
);

testNeeding(
  compiler,
  "askDaemon() refuses a 32-bit program",
  () =>
    withCompiled("bare32.S", async (program) => {
      const child = await started([program]);
      assertThrows(() => ask(child.pid), CannotLook, "it runs a 32-bit program");
      await sendLine(child);
      assertEquals(await end(child), 7);
    }, ["-m32", "-nostdlib", "-static", "-no-pie"]),
);

testNeeding(compiler, "askDaemon() knows root of a user namespace by its uid outside", async () => {
  const through = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    .concat(["unshare", "--user", "--map-root-user"]);
  await using daemon = await startDaemon(["capabilities=0,0,0"], { through });
  const { threads: [{ asItIs, notAsked }] } = ask(daemon.pid);
  assertEquals(asItIs, { socket: EPERM, setgroups: EPERM });
  assertEquals(notAsked, [
    "setresgid(0, 0, 0) was not made: it has gid 65534, 0 in its user namespace",
    "setresuid(0, 0, 0) was not made: it has uid 65534, 0 in its user namespace",
  ]);
});

testNeeding(
  compiler,
  "askDaemon() reports the kernel thread of an io_uring, and does not ask it",
  async () => {
    await using daemon = await startDaemon(["io-uring=2", ...NOBODY]);
    const { threads } = ask(daemon.pid);
    assertEquals(threads.map(({ asItIs }) => asItIs), [REFUSED, {}]);
    assertEquals(threads[1].credentials.uids, [0, 0, 0, 0]);
    assertEquals(threads[1].notAsked, [
      "It is a kernel thread of an io_uring, which makes no system calls",
    ]);
  },
);

testNeeding(
  compiler,
  "askDaemon() reports the parent-death signal, and leaves no memory behind",
  async () => {
    const words = ["--pdeathsig", "SIGUSR1", "--reuid=65534", "--regid=65534", "--clear-groups"];
    const child = start(["setpriv", ...words, "sh", "-c", "echo ready; read line; exit 7"]);
    await nextWords(child);
    const maps = () => readTextFile(`/proc/${child.pid}/maps`);
    const before = maps();
    assertEquals(ask(child.pid).threads[0].parentDeathSignal, 10);
    assertEquals(maps(), before);
    await sendLine(child);
    assertEquals(await end(child), 7);
  },
);

testNeeding(
  compiler,
  "askDaemon() loses and duplicates no signal",
  () =>
    withCompiled("asked.c", async (program) => {
      const child = await started([program, "signals", "2000"]);
      let asked = 0;
      for (; stateOf(child.pid) !== "Z"; asked++) {
        try {
          ask(child.pid);
        } catch (error) {
          if (stateOf(child.pid) !== "Z") throw error;
        }
      }
      assert(asked > 3, `${asked}`);
      assertEquals(await end(child), 7);
    }),
);

testNeeding({ root: true }, "askDaemon() loses no datagram of a loaded daemon", async () => {
  const [here, there] = socketpair(AF_UNIX, SOCK_DGRAM, 0).map((fd) => new OwnedFd(fd));
  setCloseOnExec(there.fd, false);
  const words = command("ffi/ptrace/programs/asked.ts", ["datagrams", `${there.fd}`]);
  const child = await started(words);
  there.close();
  const count = 2000;
  for (let i = 0; i < count; i++) {
    write(here.fd, new Uint8Array(Uint32Array.of(i).buffer));
    if (i % 100 === 0) ask(child.pid);
  }
  write(here.fd, new Uint8Array(0));
  assertEquals(await nextWords(child), `${count}`);
  assertEquals(await end(child), 0);
  here.close();
});

testNeeding(
  { root: true, programs: { cc: "gcc", strace: "strace" } },
  "a daemon makes the same system calls after it was asked as before",
  async () => {
    await using daemon = await startDaemon([...NOBODY, "threads=2"]);
    /** The calls in which the threads wait, as strace sees them when it attaches. */
    const calls = async () => {
      const trace = start(["strace", "-qq", "-f", "-p", `${daemon.pid}`, "-o", "/dev/stdout"]);
      let lines = "";
      while (lines.match(/^\d+ +\w+\(/gm)?.length !== 3) lines += await nextWords(trace);
      trace.kill("SIGINT");
      await end(trace);
      return lines.split("\n").map((line) => line.match(/^\d+ +\w+\(/)?.[0]).filter(Boolean).sort();
    };
    const before = await calls();
    ask(daemon.pid);
    assertEquals(await calls(), before);
  },
);

testNeeding(
  compiler,
  "askDaemon() asks nothing through filters that it may not read, or beneath them",
  async () => {
    await using daemon = await startDaemon([
      ...[...NOBODY, "no-new-privs", "threads=1", "thread", filter(0x80000000, "socket"), "end"],
    ]);
    // A process with a filter itself may not read filters: PTRACE_SECCOMP_GET_FILTER.
    const program = command("lib/inspect/programs/ask.ts", [`${daemon.pid}`]);
    const restricted = command("support/refuse_syscall.ts", ["add_key", "EPERM", "--", ...program]);
    const { threads } = await resultOf(restricted);
    assertEquals(threads.map(({ asItIs }: AskedThread) => asItIs), [REFUSED, REFUSED, {}]);
    assertEquals(threads[2].notAsked.map((sentence: string) => sentence.split(": ")[0]), [
      "Its filters cannot be read",
      ...["socket(AF_PACKET, SOCK_RAW|SOCK_CLOEXEC, 0)", "setgroups(0)", "setresgid(0, 0, 0)"]
        .concat("setresuid(0, 0, 0)").map((call) => `${call} was not made through its filters`),
      "No call was made beneath its filters",
    ]);
    assertEquals([threads[2].filters, threads[2].beneath], [[], {}]);
    await daemon.run("threads=1");
  },
);
