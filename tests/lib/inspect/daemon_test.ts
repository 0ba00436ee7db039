/** seeDaemon() sees what a process is and holds, on every thread, and says what it cannot see. */

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { readDirectory } from "../../../ffi/mod.ts";
import { CannotAnswer } from "../../../lib/evidence/errors.ts";
import { TEXT_LIMIT } from "../../../lib/evidence/inspected.ts";
import { seeDaemon } from "../../../lib/inspect/daemon.ts";
import { descendants } from "../../../lib/inspect/processes/family.ts";
import { descriptorTables } from "../../../lib/inspect/descriptors/open_files.ts";
import { childrenOf } from "../../../lib/inspect/processes/processes.ts";
import type { SeenDaemon } from "../../../lib/inspect/subject.ts";
import { programIn, WatchedProcess } from "../../../lib/inspect/processes/watched_process.ts";
import { end, nextWords, sendLine, start, withCompiled } from "../../ffi/talking.ts";
import { startDaemon } from "../../support/daemon.ts";
import { testNeeding } from "../../support/needs.ts";
import { ROOT, runProgram } from "../../support/programs.ts";

const needs = { root: true, programs: { cc: "gcc" } };
const NOBODY = ["groups=", "gid=65534", "uid=65534"];
const NET_RAW = ["keep-capabilities", ...NOBODY, "capabilities=0x2000,0x2000,0"];

/** The links of all descriptors that are sockets. */
const sockets = ({ descriptors }: SeenDaemon) =>
  descriptors.filter(({ refers_to }) => refers_to.startsWith("socket:"));

testNeeding(
  needs,
  "seeDaemon() shows a process that has dropped everything, and misses nothing",
  async () => {
    const words = ["packet=1", "threads=3", ...NOBODY, "no-new-privs", "write-execute=2"];
    await using daemon = await startDaemon(words);
    const seen = seeDaemon(daemon.pid);
    assertEquals(seen.shown.unseen, []);
    assertEquals(seen.shown.name, "daemon");
    assertStringIncludes(seen.shown.executable!, "/daemon");
    assertEquals(seen.shown.command.at(-1), "write-execute=2");
    assertEquals(seen.shown.parent, { pid: Deno.pid, name: "deno" });
    assertEquals(seen.shown.session, daemon.pid);
    assertEquals(seen.shown.root, "/");
    assertEquals(seen.shown.wx_mappings, 2);
    assertEquals(seen.threads.length, 4);
    assertEquals(seen.shown.namespaces.filter(({ same }) => !same), []);
    assertEquals(sockets(seen).map(({ fd, access, tids }) => ({ fd, access, tids })), [
      { fd: 3, access: "read and write", tids: [] },
    ]);
    assertEquals(seen.netRaw.get(daemon.pid), false);
    assertEquals(seen.shown.descriptors_left_out, 0);
  },
);

testNeeding(needs, "seeDaemon() names the one thread that differs, and how", async () => {
  await using daemon = await startDaemon([
    ...["thread", ...NET_RAW, "end"],
    ...["thread", "groups=42", "gid=65534", "uid=65534", "no-new-privs", "end"],
    ...NOBODY,
    "threads=2",
  ]);
  const { shown, threads, netRaw } = seeDaemon(daemon.pid);
  const [first, raw, group] = threads.map(({ tid }) => tid);
  assertEquals(shown.differences, [
    `thread ${group}: Groups 42, 4 others none`,
    `thread ${raw}: CapPrm 0000000000002000 (CAP_NET_RAW), 4 others 0`,
    `thread ${raw}: CapEff 0000000000002000 (CAP_NET_RAW), 4 others 0`,
    `thread ${group}: NoNewPrivs 1, 4 others 0`,
  ]);
  assertEquals(shown.threads.map(({ tids }) => tids.length), [3, 1, 1]);
  assertEquals([first, raw, group].map((tid) => netRaw.get(tid)), [false, true, false]);
});

testNeeding(
  needs,
  "seeDaemon() finds a thread in other namespaces and another root folder",
  async () => {
    const [NEWNS, NEWUTS, NEWNET] = [0x20000, 0x4000000, 0x40000000];
    await using daemon = await startDaemon([
      ...["thread", `unshare=${NEWNS | NEWUTS | NEWNET}`, "chroot=/tmp", "end"],
      ...NOBODY,
    ]);
    const { shown, threads: [, { tid }] } = seeDaemon(daemon.pid);
    for (const kind of ["mnt", "net", "uts"]) {
      const found = shown.differences.filter((each) =>
        each.includes(`namespace ${kind} ${kind}:[`)
      );
      assertEquals(found.length, 1, kind);
      assert(found[0].startsWith(`thread ${tid}: `));
    }
    assert(shown.differences.includes(`thread ${tid}: root /tmp, 1 other /`));
  },
);

testNeeding(
  needs,
  "seeDaemon() finds descriptors of single threads, in flight, registered and mapped",
  async () => {
    await using daemon = await startDaemon([
      ...["packet=1", "packet=1", "packet=1"],
      ...["thread", "unshare=0x400", "packet=1", "end"],
      ...["io-uring=0", "ring-files=3", "close=3", "in-flight=4", "map-ring=5"],
      ...NOBODY,
    ]);
    const seen = seeDaemon(daemon.pid);
    const { tid } = seen.threads[1];
    const own = sockets(seen).filter(({ tids }) => tids.length > 0);
    assertEquals(own.map(({ fd }) => fd), [3, 4, 5, 6]);
    assertEquals(own[0].tids, [tid]);
    assertEquals(seen.rings.map(({ files }) => files), [[own[0].refers_to]]);
    assertEquals(seen.mapped, [own[2].refers_to]);
    assertEquals(
      seen.descriptors.filter(({ tids }) => tids.length === 0).map(({ note }) => note)
        .filter((note) => note !== ""),
      ["io_uring with 1 registered file", "1 descriptor in flight"],
    );
    assert(
      seen.shown.differences.some((each) =>
        each.startsWith(`thread ${tid}: a table of descriptors of its own`)
      ),
    );
    assert(seen.shown.unseen.some((each) => each.startsWith("credentials registered")));
  },
);

testNeeding(needs, "seeDaemon() sees the thread that polls a ring, which keeps root", async () => {
  await using daemon = await startDaemon(["io-uring=2", ...NOBODY]);
  const { threads, rings: [{ pollingThread }] } = seeDaemon(daemon.pid);
  assert(pollingThread !== undefined);
  // Its number is that of the machine's first PID namespace; in /proc it is the second thread.
  assertEquals(threads.map(({ uids }) => uids[1]), [65534, 0]);
});

testNeeding(
  needs,
  "seeDaemon() shows the live threads of a process whose first thread has ended",
  async () => {
    await using daemon = await startDaemon(["packet=1", "threads=1", ...NOBODY, "end-leader"]);
    const seen = seeDaemon(daemon.pid);
    // The thread from before the drop is root's; the first one, which can do nothing, is not shown.
    assertEquals(seen.threads.map(({ uids }) => uids[1]), [0, 65534]);
    assertEquals(sockets(seen).map(({ fd }) => fd), [3]);
    assert(seen.shown.differences.includes(`thread ${daemon.pid}: ended, and not reaped`));
    assertEquals(seen.shown.unseen, []);
  },
);

testNeeding(
  needs,
  "seeDaemon() does not wait for a command line in memory that never answers",
  () =>
    withCompiled("fuse_memory.c", async (program) => {
      const folder = await Deno.makeTempDir();
      const child = start([program, folder]);
      assertEquals(await nextWords(child), "ready\n");
      const began = performance.now();
      const { command } = seeDaemon(child.pid).shown;
      assert(performance.now() - began < 5000);
      assertEquals(command.slice(0, 2), [program, folder]);
      await sendLine(child);
      assertEquals(await end(child), 7);
      await Deno.remove(folder);
    }),
);

testNeeding(needs, "seeDaemon() reads hostile names, paths and command lines, cut", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/one\ntwo \u202e\x1b[2J socket:[1]`;
    await using daemon = await startDaemon(
      ["name=a) R 1 1 1\n", `create=${path}`, `unlink=${path}`, ...NOBODY],
      { called: "x".repeat(100_000) },
    );
    const { shown, descriptors } = seeDaemon(daemon.pid);
    assertEquals(shown.name, "a) R 1 1 1\n");
    assertEquals(shown.parent?.pid, Deno.pid);
    assertEquals(descriptors.at(3)?.refers_to, `${path} (deleted)`);
    assertEquals(shown.command[0].length, TEXT_LIMIT);
    assertEquals(shown.command.at(-1), "… (the rest is left out)");
    assertEquals(shown.unseen, []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

testNeeding(needs, "seeDaemon() shows a descriptor whose path is too long to be read", async () => {
  const folder = await Deno.makeTempDir();
  const name = "d".repeat(250);
  const deeper = `cd '${folder}'; for i in {1..20}; do mkdir ${name}; cd ${name}; done; exec "$@"`;
  try {
    await using daemon = await startDaemon(["open-path=.", ...NOBODY], {
      through: ["bash", "-c", deeper, "bash"],
    });
    const { descriptors, shown } = seeDaemon(daemon.pid);
    assertEquals(descriptors.at(3)?.refers_to, "a path that is too long to be read");
    assertEquals(shown.unseen, []);
  } finally {
    await runProgram("rm", ["-r", folder]);
  }
});

testNeeding(
  needs,
  "seeDaemon() sees a process in a nested PID namespace, and one that waits in vfork",
  async () => {
    await using daemon = await startDaemon([
      "unshare=0x20000000",
      "fork",
      "thread",
      "vfork",
      "end",
      "end",
    ]);
    const [, nested, waitedFor] = descendants(daemon.pid);
    for (const pid of [nested, waitedFor]) {
      const { shown: { namespaces, unseen } } = seeDaemon(pid);
      assertEquals(unseen, []);
      assertEquals(namespaces.find(({ kind }) => kind === "pid")?.same, false);
    }
  },
);

/** Sends a daemon the signal on which it acts, and waits for the effect. */
function change(pid: number, state: () => string): void {
  const before = state();
  Deno.kill(pid, "SIGUSR1");
  for (let tries = 0; state() === before; tries++) {
    if (tries === 100_000) throw new Error("The daemon does not change");
  }
}

/** How a daemon may change by a word, how that shows, and the reason that is given. */
const CHANGES: Record<string, [word: string, state: (pid: number) => string, reason: string]> = {
  "executes a program": [
    "execute",
    (pid) => programIn(`/proc/${pid}`),
    "it executed a program",
  ],
  "starts a thread": [
    "threads=1",
    (pid) => readDirectory(`/proc/${pid}/task`).join(),
    "threads came and went",
  ],
  "changes its credentials": [
    "no-new-privs",
    (pid) => Deno.readTextFileSync(`/proc/${pid}/status`).match(/NoNewPrivs:.*/)![0],
    "threads came and went, or changed",
  ],
  "opens a descriptor": [
    "open=/dev/null",
    (pid) => readDirectory(`/proc/${pid}/fd`).join(),
    "opened and closed all the time",
  ],
};

for (const [what, [word, state, reason]] of Object.entries(CHANGES)) {
  testNeeding(needs, `seeDaemon() looks again at a process that ${what} meanwhile`, async () => {
    await using daemon = await startDaemon([...NOBODY, `on-signal=${word}`]);
    const { pid } = daemon;
    let left = 1;
    const once = () => {
      if (left-- > 0) change(pid, () => state(pid));
    };
    const { shown, threads, descriptors } = seeDaemon(pid, once);
    assertEquals(left < 0, true, "only one look");
    assertEquals(shown.unseen, []);
    const now = seeDaemon(pid);
    assertEquals([threads, descriptors], [now.threads, now.descriptors]);
    if (word === "no-new-privs") return; // it changes once only
    const { shown: { unseen } } = seeDaemon(pid, () => change(pid, () => state(pid)));
    assert(unseen.some((each) => each.includes(reason)), `${unseen}`);
  });
}

testNeeding(
  needs,
  "seeDaemon() looks again if a thread takes descriptors into a table of its own",
  async () => {
    // The first thread takes the packet socket along, away from the table that the other one has.
    await using daemon = await startDaemon([
      ...["packet=1", ...NOBODY, "threads=1", "on-signal=unshare=0x400"],
    ]);
    const { pid } = daemon;
    const tables = () =>
      JSON.stringify(descriptorTables(readDirectory(`/proc/${pid}/task`).map(Number)));
    let left = 1;
    const once = () => {
      if (left-- > 0) change(pid, tables);
    };
    const { shown: { unseen }, descriptors } = seeDaemon(pid, once);
    assertEquals(unseen, []);
    assertEquals(descriptors.filter(({ tids }) => tids.length > 0).length, descriptors.length / 2);
  },
);

/** The error of a look, with its remedy. */
function refusal(pid: number): string {
  const { message, remedy } = assertThrows(() => seeDaemon(pid), CannotAnswer);
  return `${message} — ${remedy}`;
}

testNeeding(needs, "seeDaemon() names what is no process that can be inspected", async () => {
  let pid: number;
  {
    await using daemon = await startDaemon(["threads=1", "fork", "exit", "end"]);
    pid = daemon.pid;
    const tid = seeDaemon(pid).threads[1].tid;
    assertStringIncludes(refusal(tid), `${tid} is a thread of process ${pid}`);
    const [{ pid: zombie }] = childrenOf(pid);
    for (let tries = 0; childrenOf(pid)[0].isAlive && tries < 100_000; tries++);
    assertStringIncludes(refusal(zombie), "has ended, and was not reaped");
  }
  assertStringIncludes(refusal(pid), `There is no process ${pid}`);
  assertStringIncludes(refusal(0), "There is no process 0");
  assertStringIncludes(refusal(Deno.pid), "fdpass itself");
});

testNeeding(needs, "WatchedProcess.read() notices that the process ended meanwhile", async () => {
  await using daemon = await startDaemon();
  using watched = new WatchedProcess(daemon.pid);
  assertEquals(watched.read(() => 42), 42);
  await daemon[Symbol.asyncDispose]();
  const endings: (() => unknown)[] = [
    () => 42,
    () => Deno.readTextFileSync(`/proc/${daemon.pid}/status`),
  ];
  for (const step of endings) {
    const { message } = assertThrows(() => watched.read(step), CannotAnswer);
    assertEquals(message, `Process ${daemon.pid} ended while it was looked at`);
  }
});

testNeeding(
  { root: true, programs: { cc: "gcc", setpriv: "util-linux", unshare: "util-linux" } },
  "Without permission, or where /proc hides it, seeDaemon() names the remedy",
  async () => {
    await using daemon = await startDaemon();
    const asNobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    const look = [
      Deno.execPath(),
      "run",
      "-A",
      "--no-check",
      `${ROOT}/tests/lib/inspect/programs/see_daemon.ts`,
    ];
    const run = async (...before: string[]) => {
      const [program, ...args] = [...before, ...asNobody, ...look, String(daemon.pid)];
      const env = { DENO_DIR: "/nonexistent" };
      const { stdout, stderr } = await runProgram(program, args, { env });
      return stdout || stderr;
    };
    const refused = await run();
    assertStringIncludes(refused, `Process ${daemon.pid} may not be examined`);
    assertStringIncludes(refused, "CAP_SYS_PTRACE");
    const hiding = 'mount -t proc -o hidepid=2 proc /proc && exec "$@"';
    assertStringIncludes(
      await run("unshare", "--mount", "sh", "-c", hiding, "sh"),
      `/proc does not show process ${daemon.pid}`,
    );
  },
);

testNeeding(
  needs,
  "seeDaemon() reads thousands of threads and descriptors, and shows the first",
  async () => {
    const odd = ["thread", "groups=42", "end"];
    await using daemon = await startDaemon(["copies=0,1000", ...odd, ...NOBODY, "threads=1100"]);
    const { shown, threads, descriptors } = seeDaemon(daemon.pid);
    assertEquals(threads.length, 1102);
    assertEquals(shown.descriptors.length + shown.descriptors_left_out, descriptors.length);
    assertEquals(shown.descriptors.length, 500);
    assertEquals(shown.unseen, []);
  },
);

testNeeding(needs, "seeDaemon() shows the first of very many groups, and keeps all", async () => {
  const groups = Array.from({ length: 300 }, (_, i) => i + 1);
  await using daemon = await startDaemon([`groups=${groups}`]);
  const { shown, threads } = seeDaemon(daemon.pid);
  assertEquals(threads[0].groups, groups);
  assertEquals(shown.threads[0].groups, groups.slice(0, 256));
  assertEquals(shown.differences, [`thread ${daemon.pid}: 44 more groups than shown`]);
});
