/** Every process that a child has started ends with the child, and with the parent. */

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import {
  CAP_NET_RAW,
  CAP_SETGID,
  CAP_SETUID,
  CLONE_PARENT,
  readLink,
  SIGCHLD,
  syscallNumber,
} from "../../../ffi/mod.ts";
import { ChildProcess, spawnChild } from "../../../lib/harness/process.ts";
import { awaitMessage, controlChannelPair, sendMessage } from "../../../lib/harness/channel.ts";
import { ownPidOf, pidNamespaceOf, processesIn } from "../../../lib/inspect/processes/processes.ts";
import { PidNamespace } from "../../../lib/harness/pid_namespace.ts";
import { threadCredentials } from "../../../lib/inspect/threads/threads.ts";
import { defaultLauncher } from "../../../lib/confine/launcher.ts";
import { hasEnded, until } from "../../e2e/processes.ts";
import { command } from "../../ffi/programs.ts";
import { testNeeding } from "../../support/needs.ts";
import { ROOT, runProgram } from "../../support/programs.ts";

/** The longest that any step may take, in milliseconds: the machine may be busy. */
const LIMIT = 30_000;

const NEEDS = { root: true, programs: { setsid: "util-linux", perl: "perl" } };

function makeNamespace(): PidNamespace {
  const namespace = PidNamespace.make();
  if (namespace === undefined) throw new Error("No PID namespace can be had");
  return namespace;
}

/** Starts a program as a child with a PID namespace of its own. */
function start(program: string, ...args: string[]): ChildProcess {
  const namespace = makeNamespace();
  const command = new Deno.Command(program, {
    args,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  return new ChildProcess(namespace.start(() => command.spawn()), namespace);
}

/**
 * Waits for the end of a child, asserts that nothing is left in its namespace, not even a zombie,
 * and returns what the child left behind.
 */
async function leftBy(child: ChildProcess): Promise<string | null> {
  const { leftBehind } = await child.ended();
  assertEquals(processesIn(child.namespace!.name), []);
  return leftBehind;
}

const LEFT_SOME = /^it left \d+ process(es)? behind, now killed$/;

/** Starts three processes in sessions of their own. */
const SLEEPERS = "for i in 1 2 3; do setsid --fork sleep 600 >/dev/null 2>&1; done";

/** Doubles seven times: at most 255 shells, of which the last generation sleeps. */
const BOMB = `
  double() { test "$1" = 0 && exec sleep 600; double $(($1 - 1)) & double $(($1 - 1)) & wait; }
  double 7 >/dev/null 2>&1 & sleep 0.1`;

/**
 * Four chains of processes. Each process forks the next, in a process group of its own, and exits.
 * The chains outlast every test.
 */
const CHAINS = `
  my $end = time + ${LIMIT / 1000};
  for (1 .. 4) {
    next if fork;
    close STDOUT; close STDERR;
    while (time < $end) {
      my $next = fork;
      exit 0 if $next;
      setpgrp; select undef, undef, undef, 0.001;
    }
    exit 0;
  }
  select undef, undef, undef, 0.1;`;

/** Whether a process has executed `program`. */
function hasBecome(pid: number, program: string): boolean {
  return Deno.readTextFileSync(`/proc/${pid}/cmdline`).startsWith(`${program}\0`);
}

testNeeding(NEEDS, "A zombie does not count as left behind", async () => {
  const child = start("perl", "-e", "fork or exit 0; sleep 600");
  await until(
    "the second process has ended",
    () => child.processes.some(({ isAlive }) => !isAlive),
    LIMIT,
  );
  assertEquals(child.processes.map(({ isAlive }) => isAlive), [true, false]);
  child.kill();
  assertEquals(await leftBy(child), null);
});

testNeeding(NEEDS, "Processes in sessions of their own end with the child", async () => {
  assertEquals(await leftBy(start("sh", "-c", SLEEPERS)), "it left 3 processes behind, now killed");
});

testNeeding(NEEDS, "A fork bomb ends with the child", async () => {
  assertMatch(await leftBy(start("sh", "-c", BOMB)) ?? "", LEFT_SOME);
});

testNeeding(NEEDS, "Processes that fork and exit at once end with the child", async () => {
  assertMatch(await leftBy(start("perl", "-e", CHAINS)) ?? "", LEFT_SOME);
});

testNeeding(
  NEEDS,
  "A process that the child makes a child of its parent ends with the child",
  async () => {
    const clone = `syscall(${syscallNumber("clone")}, ${CLONE_PARENT | SIGCHLD}, 0, 0, 0, 0)`;
    const script = `${clone} == 0 or exit 0; close STDOUT; close STDERR; sleep 600`;
    assertEquals(await leftBy(start("perl", "-e", script)), "it left 1 process behind, now killed");
  },
);

testNeeding(NEEDS, "A child that is killed leaves nothing running", async () => {
  const child = start("sh", "-c", `${SLEEPERS}; exec sleep 600`);
  await until("all have started", () => hasBecome(child.pid, "sleep"), LIMIT);
  assertEquals(child.processes.length, 4);
  child.kill();
  assertEquals(await leftBy(child), "it left 3 processes behind, now killed");
});

testNeeding(
  NEEDS,
  "A process that hides in a nested namespace is seen, and ends with the child",
  async () => {
    const child = start("unshare", "--pid", "--fork", "sleep", "600");
    const hidden = () =>
      child.processes.filter(({ pid }) => pidNamespaceOf(pid) !== child.namespace?.name);
    await until(
      "the process hides",
      () => hidden().some(({ pid }) => hasBecome(pid, "sleep")),
      LIMIT,
    );
    assertEquals(child.processes.length, 2);
    child.kill();
    assertEquals(await leftBy(child), "it left 1 process behind, now killed");
  },
);

testNeeding(
  { root: true, programs: { python3: "python3" } },
  "A process whose first thread has ended counts as alive",
  async () => {
    const child = start(
      "python3",
      "-c",
      "import ctypes, threading, time\n" +
        "threading.Thread(target=time.sleep, args=(600,)).start()\n" +
        "ctypes.CDLL(None).pthread_exit(None)",
    );
    await until("its first thread has ended", () => hasEnded(child.pid), LIMIT);
    assertEquals(child.processes.map(({ isAlive }) => isAlive), [true]);
    child.kill();
    assertEquals(await leftBy(child), null);
  },
);

testNeeding(
  NEEDS,
  "Children that share a namespace are counted separately, and it ends with the last",
  async () => {
    const one = start("sleep", "600");
    const namespace = one.namespace!;
    const script = new Deno.Command("sh", {
      args: ["-c", SLEEPERS],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    });
    const other = new ChildProcess(namespace.start(() => script.spawn()), namespace);
    assertEquals((await other.ended()).leftBehind, "it left 3 processes behind, now killed");
    assertEquals(hasEnded(one.pid), false);
    one.kill();
    await leftBy(one);
  },
);

testNeeding(
  NEEDS,
  "This thread returns to its own namespace, whether a start succeeds or fails",
  async () => {
    const forChildren = () => readLink("/proc/thread-self/ns/pid_for_children");
    const before = forChildren();
    const namespace = makeNamespace();
    assertEquals(forChildren(), before);
    const failingStart = () => namespace.start(() => new Deno.Command("/nowhere").spawn());
    assertThrows(failingStart, Deno.errors.NotFound);
    assertEquals(forChildren(), before);
    assertEquals(processesIn(namespace.name).length, 1, "its first process");
    await namespace.end();
    assertEquals(processesIn(namespace.name), []);
  },
);

testNeeding(NEEDS, "Every process in a namespace ends when the parent is killed", async () => {
  const [program, ...args] = command("lib/harness/programs/to_be_killed.ts");
  const parent = new Deno.Command(program, { args, cwd: ROOT, stdin: "null", stdout: "piped" })
    .spawn();
  const { value } = await parent.stdout.getReader().read();
  const pids: number[] = JSON.parse(new TextDecoder().decode(value));
  assertEquals(pids.length, 4, "cat, the child, and the two processes that it started");
  parent.kill("SIGKILL");
  await parent.status;
  await until("all have ended", () => pids.every(hasEnded), LIMIT);
});

/**
 * The default capabilities of root in a container. Source: docs.docker.com, "Linux capabilities".
 */
const OF_CONTAINER = "-all," + [
  ...["chown", "dac_override", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap"],
  ...["net_bind_service", "net_raw", "sys_chroot", "mknod", "audit_write", "setfcap"],
].map((name) => `+${name}`).join(",");

testNeeding(NEEDS, "Processes that a child leaves end without a PID namespace too", async () => {
  const { code, stdout, stderr } = await runProgram("setpriv", [
    `--bounding-set=${OF_CONTAINER}`,
    `--inh-caps=-all`,
    ...command("lib/harness/programs/without_namespaces.ts"),
    ...["sleep 0", SLEEPERS, BOMB, `exec perl -e '${CHAINS}'`],
  ]);
  assertEquals([code, stderr], [0, ""]);
  const { hasNamespaces, ends } = JSON.parse(stdout);
  assertEquals(hasNamespaces, false);
  const [nothing, sleepers, ...others]: { leftBehind: string | null; after: number }[] = ends;
  assertEquals(nothing, { leftBehind: null, after: 0 });
  assertEquals(sleepers, { leftBehind: "it left 3 processes behind, now killed", after: 0 });
  assertEquals(others.length, 2);
  for (const { leftBehind, after } of others) {
    assertMatch(leftBehind ?? "", LEFT_SOME);
    assertEquals(after, 0);
  }
});

testNeeding(
  NEEDS,
  "Every thread of a new child has three capabilities, and can gain no other",
  async () => {
    const [ours, theirs] = controlChannelPair();
    using channel = ours;
    await using child = spawnChild({
      module: new URL("./programs/born.ts", import.meta.url).href,
      args: [String(theirs.fd)],
      inherit: [theirs.fd],
      launcher: defaultLauncher(),
    });
    theirs.close();
    const reported = JSON.parse(awaitMessage(channel.fd, 0, LIMIT).text);
    assertEquals(reported, { pid: ownPidOf(child.pid), parent: 0 });
    assertEquals(child.processes.map(({ pid }) => pid), [child.pid]);
    const three = [CAP_SETUID, CAP_SETGID, CAP_NET_RAW].reduce((set, bit) => set | 1 << bit, 0);
    const [held, none] = [three, 0].map((set) => set.toString(16).padStart(16, "0"));
    const threads = threadCredentials(child.pid);
    assert(threads.length > 1);
    for (const { noNewPrivs, capabilities } of threads) {
      assertEquals(noNewPrivs, 1);
      assertEquals(capabilities, {
        CapInh: none,
        CapPrm: held,
        CapEff: held,
        CapBnd: held,
        CapAmb: none,
      });
    }
    sendMessage(channel.fd, {}, [], LIMIT);
    assertEquals((await child.ended()).leftBehind, null);
  },
);

testNeeding(NEEDS, "The output of a child that cannot be executed names the program", async () => {
  await using child = spawnChild({
    module: "file:///nowhere.ts",
    args: [],
    inherit: [],
    launcher: [...defaultLauncher(), "/nowhere/program"],
  });
  const { status, output, leftBehind } = await child.ended();
  assertEquals([status.success, leftBehind], [false, null]);
  assertMatch(output, /nowhere\/program/);
});
