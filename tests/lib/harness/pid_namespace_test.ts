/** Nothing stays: all that a child starts ends with it, and with its parent. */

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { CAP_NET_RAW, CAP_SETGID, CAP_SETUID, readLink, syscallNumber } from "../../../ffi/mod.ts";
import { ChildProcess, spawnChild } from "../../../lib/harness/process.ts";
import { awaitMessage, controlChannelPair, sendMessage } from "../../../lib/harness/channel.ts";
import {
  childrenOf,
  ownPidOf,
  pidNamespaceOf,
  processesIn,
} from "../../../lib/inspect/processes.ts";
import { PidNamespace } from "../../../lib/harness/pid_namespace.ts";
import { threadCredentials } from "../../../lib/inspect/threads.ts";
import { USUAL_LAUNCHER } from "../../../lib/confine/protections.ts";
import { hasEnded, until } from "../../e2e/processes.ts";
import { command } from "../../ffi/programs.ts";
import { testNeeding } from "../../support/needs.ts";
import { ROOT, runProgram } from "../../support/programs.ts";

/** How long anything may take here, in milliseconds: the machine may be busy. */
const LIMIT = 30_000;

const NEEDS = { root: true, programs: { setsid: "util-linux", perl: "perl" } };

function makeNamespace(): PidNamespace {
  const namespace = PidNamespace.make();
  if (namespace === undefined) throw new Error("No PID namespace can be had");
  return namespace;
}

/** A child of its own namespace that is another program. */
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

/** What a child leaves that has ended; nothing of it is there any more, not even as a zombie. */
async function leftBy(child: ChildProcess): Promise<string | null> {
  const { leftBehind } = await child.ended();
  assertEquals(processesIn(child.namespace!.name), []);
  const own = childrenOf(Deno.pid).filter(({ pid }) =>
    pidNamespaceOf(pid) === child.namespace!.name
  );
  assertEquals(own, []);
  return leftBehind;
}

const LEFT_SOME = /^it left \d+ process(es)? behind, now killed$/;

const SLEEPERS = "for i in 1 2 3; do setsid --fork sleep 600 >/dev/null 2>&1; done";

/** Doubles seven times: 255 shells at most, whose last ones sleep. */
const BOMB = `
  double() { test "$1" = 0 && exec sleep 600; double $(($1 - 1)) & double $(($1 - 1)) & wait; }
  double 7 >/dev/null 2>&1 & sleep 0.1`;

/** Chains of processes that fork the next and end, in sessions of their own, for as long as the longest test. */
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

/** Whether a process has come to be another program. */
function hasBecome(pid: number, program: string): boolean {
  return Deno.readTextFileSync(`/proc/${pid}/cmdline`).startsWith(`${program}\0`);
}

testNeeding(NEEDS, "Who has ended and was not reaped is not left behind", async () => {
  const child = start("perl", "-e", "fork or exit 0; sleep 600");
  await until("it has ended", () => child.processes.some(({ isAlive }) => !isAlive), LIMIT);
  assertEquals(child.processes.map(({ isAlive }) => isAlive), [true, false]);
  child.kill();
  assertEquals(await leftBy(child), null);
});

testNeeding(NEEDS, "Of what a child leaves in sessions of its own nothing stays", async () => {
  assertEquals(await leftBy(start("sh", "-c", SLEEPERS)), "it left 3 processes behind, now killed");
});

testNeeding(NEEDS, "Of a fork bomb nothing stays", async () => {
  assertMatch(await leftBy(start("sh", "-c", BOMB)) ?? "", LEFT_SOME);
});

testNeeding(NEEDS, "Of those that fork and end at once nothing stays", async () => {
  assertMatch(await leftBy(start("perl", "-e", CHAINS)) ?? "", LEFT_SOME);
});

testNeeding(NEEDS, "Of one that a child makes its parent's child nothing stays", async () => {
  const CLONE_PARENT = 0x8000, SIGCHLD = 17;
  const clone = `syscall(${syscallNumber("clone")}, ${CLONE_PARENT | SIGCHLD}, 0, 0, 0, 0)`;
  const script = `${clone} == 0 or exit 0; close STDOUT; close STDERR; sleep 600`;
  assertEquals(await leftBy(start("perl", "-e", script)), "it left 1 process behind, now killed");
});

testNeeding(NEEDS, "A killed child leaves nothing", async () => {
  const child = start("sh", "-c", `${SLEEPERS}; exec sleep 600`);
  await until("all are there", () => hasBecome(child.pid, "sleep"), LIMIT);
  assertEquals(child.processes.length, 4);
  child.kill();
  assertEquals(await leftBy(child), "it left 3 processes behind, now killed");
});

testNeeding(NEEDS, "Who hides in a namespace further below is seen, and ends as well", async () => {
  const child = start("unshare", "--pid", "--fork", "sleep", "600");
  const hidden = () =>
    child.processes.filter(({ pid }) => pidNamespaceOf(pid) !== child.namespace?.name);
  await until("it hides", () => hidden().some(({ pid }) => hasBecome(pid, "sleep")), LIMIT);
  assertEquals(child.processes.length, 2);
  child.kill();
  assertEquals(await leftBy(child), "it left 1 process behind, now killed");
});

testNeeding(
  { root: true, programs: { python3: "python3" } },
  "Who lives on behind a first thread that has ended is alive",
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
  "Who shares a namespace is counted by itself, and ends with the last",
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

testNeeding(NEEDS, "This thread is where it was, whatever comes of a start", async () => {
  const forChildren = () => readLink("/proc/thread-self/ns/pid_for_children");
  const before = forChildren();
  const namespace = makeNamespace();
  assertEquals(forChildren(), before);
  assertThrows(() => namespace.start(() => new Deno.Command("/nowhere").spawn()));
  assertEquals(forChildren(), before);
  await namespace.end();
  assertEquals(processesIn(namespace.name), []);
});

testNeeding(NEEDS, "All that is in a namespace ends when the parent is killed", async () => {
  const [program, ...args] = command("../../lib/harness/programs/to_be_killed.ts");
  const parent = new Deno.Command(program, { args, cwd: ROOT, stdin: "null", stdout: "piped" })
    .spawn();
  const { value } = await parent.stdout.getReader().read();
  const there: number[] = JSON.parse(new TextDecoder().decode(value));
  assertEquals(there.length, 4, "cat, the child, and what that has left");
  parent.kill("SIGKILL");
  await parent.status;
  await until("all have ended", () => there.every(hasEnded), LIMIT);
});

/** What a container's root has by default. Source: docs.docker.com, "Linux capabilities". */
const CONTAINERS = "-all," + [
  ...["chown", "dac_override", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap"],
  ...["net_bind_service", "net_raw", "sys_chroot", "mknod", "audit_write", "setfcap"],
].map((name) => `+${name}`).join(",");

testNeeding(NEEDS, "Where there are no namespaces nothing stays either", async () => {
  const { code, stdout, stderr } = await runProgram("setpriv", [
    `--bounding-set=${CONTAINERS}`,
    `--inh-caps=-all`,
    ...command("../../lib/harness/programs/without_namespaces.ts"),
    ...["sleep 0", SLEEPERS, BOMB, `exec perl -e '${CHAINS}'`],
  ]);
  assertEquals([code, stderr], [0, ""]);
  const { hasNamespaces, ends } = JSON.parse(stdout);
  assertEquals(hasNamespaces, false);
  const [nothing, sleepers, ...others]: { leftBehind: string | null; after: number }[] = ends;
  assertEquals(nothing, { leftBehind: null, after: 0 });
  assertEquals(sleepers, { leftBehind: "it left 3 processes behind, now killed", after: 0 });
  for (const { leftBehind, after } of others) {
    assertMatch(leftBehind ?? "", LEFT_SOME);
    assertEquals(after, 0);
  }
});

testNeeding(
  NEEDS,
  "A child is born with three capabilities, and can gain none, on every thread",
  async () => {
    const [ours, theirs] = controlChannelPair();
    using channel = ours;
    await using child = spawnChild({
      module: new URL("./programs/born.ts", import.meta.url).href,
      args: [String(theirs.fd)],
      inherit: [theirs.fd],
      launcher: USUAL_LAUNCHER,
    });
    theirs.close();
    const told = JSON.parse(awaitMessage(channel.fd, 0, LIMIT).text);
    assertEquals(told, { pid: ownPidOf(child.pid), parent: 0 });
    assertEquals(child.processes.map(({ pid }) => pid), [child.pid]);
    const three = [CAP_SETUID, CAP_SETGID, CAP_NET_RAW].reduce((set, bit) => set | 1 << bit, 0);
    const [some, none] = [three, 0].map((set) => set.toString(16).padStart(16, "0"));
    const threads = threadCredentials(child.pid);
    assert(threads.length > 1);
    for (const { noNewPrivs, capabilities } of threads) {
      assertEquals(noNewPrivs, 1);
      assertEquals(capabilities, {
        CapInh: none,
        CapPrm: some,
        CapEff: some,
        CapBnd: some,
        CapAmb: none,
      });
    }
    sendMessage(channel.fd, {}, [], LIMIT);
    assertEquals((await child.ended()).leftBehind, null);
  },
);

testNeeding(NEEDS, "A child that cannot be executed says so", async () => {
  await using child = spawnChild({
    module: "file:///nowhere.ts",
    args: [],
    inherit: [],
    launcher: [...USUAL_LAUNCHER, "/nowhere/program"],
  });
  const { status, output, leftBehind } = await child.ended();
  assertEquals([status.success, leftBehind], [false, null]);
  assertMatch(output, /nowhere\/program/);
});
