import { assert, assertEquals, assertInstanceOf, assertMatch, assertThrows } from "@std/assert";
import {
  AF_PACKET,
  AF_UNIX,
  alarm,
  Errno,
  isKernelThread,
  libc,
  NotAnsweredError,
  OwnedFd,
  pollAsync,
  readDirectory,
  readTextFile,
  setCloseOnExec,
  SIG_BLOCK,
  SIG_SETMASK,
  sigset_t,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_RAW,
  socketpair,
  StoppedThread,
  SYSCALLS,
  SystemError,
  type ThreadCall,
  unlessGone,
  write,
} from "../../../ffi/mod.ts";
import { testNeeding } from "../../support/needs.ts";
import { command } from "../programs.ts";
import { end, nextWords, sendLine, start, withCompiled } from "../talking.ts";

const TIMEOUT = 5000;
const root = { root: true };
const compiler = { root: true, programs: { cc: "gcc" } };
const { EPERM } = Errno;

const threadsOf = (pid: number) => readDirectory(`/proc/${pid}/task`).map(Number);

/** Stops an existing thread. */
function stop(tid: number): StoppedThread {
  const thread = StoppedThread.stop(tid, TIMEOUT);
  if (thread === undefined) throw new Error(`Thread ${tid} has ended`);
  return thread;
}

/** Starts a program and waits until it is ready. */
async function started(command: readonly string[]): Promise<Deno.ChildProcess> {
  const child = start(command);
  assert((await nextWords(child)).includes("ready"));
  return child;
}

/**
 * Asks a process for its id until it has ended, and checks each answer.
 *
 * @returns The number of answers.
 */
function askUntilTheEnd(pid: number): number {
  for (let answers = 0;; answers++) {
    using thread = StoppedThread.stop(pid, TIMEOUT);
    if (thread === undefined) return answers;
    try {
      assertEquals(thread.ask("getpid"), pid);
    } catch (error) {
      assertInstanceOf(error, NotAnsweredError);
    }
  }
}

const stateOf = (tid: number) =>
  unlessGone(() => readTextFile(`/proc/${tid}/stat`))?.match(/\) (\S)/)?.[1];

/** Waits until a thread is in a state, such as `T`. */
async function awaitState(tid: number, state: string): Promise<void> {
  for (let looks = 0; stateOf(tid) !== state; looks++) {
    if (looks === TIMEOUT) throw new Error(`Thread ${tid} is ${stateOf(tid)}, not ${state}`);
    await pollAsync([], 0, 1);
  }
}

testNeeding(
  root,
  "ask() returns EPERM for every thread of a process that has dropped its privileges",
  async () => {
    const child = await started(command("ffi/ptrace/programs/asked.ts", ["nobody"]));
    const threads = threadsOf(child.pid);
    assert(threads.length > 1);
    for (const tid of threads) {
      using thread = stop(tid);
      assertEquals(thread.ask("gettid"), tid);
      assertEquals(thread.ask("socket", AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), -EPERM);
      assertEquals(thread.ask("setresuid", 0, 0, 0), -EPERM);
      assertEquals(thread.ask("setresgid", 0, 0, 0), -EPERM);
      assertEquals(thread.ask("setgroups", 0, 0), -EPERM);
      assertEquals(thread.ask("getuid"), 65534);
    }
    assertEquals(await end(child), 0);
  },
);

testNeeding(
  root,
  "ask() creates a socket in a process that has not dropped its privileges",
  async () => {
    const child = await started(command("ffi/ptrace/programs/asked.ts", ["root"]));
    for (const tid of threadsOf(child.pid)) {
      using thread = stop(tid);
      const fd = thread.ask("socket", AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
      assert(fd > 2);
      assertEquals(thread.ask("setresuid", 0, 0, 0), 0);
      assertEquals(thread.ask("close", fd), 0);
      assertEquals(thread.ask("close", fd), -Errno.EBADF);
    }
    assertEquals(await end(child), 0);
  },
);

testNeeding(root, "ask() works on a thread that makes no system calls", async () => {
  const child = await started(command("ffi/ptrace/programs/asked.ts", ["busy"]));
  for (let i = 0; i < 50; i++) {
    using thread = stop(child.pid);
    assertEquals(thread.ask("socket", AF_PACKET, -1, 0), -Errno.EINVAL);
    assertEquals(thread.ask("getpid"), child.pid);
  }
  child.kill("SIGKILL");
  await end(child);
});

testNeeding(
  compiler,
  "ask() returns the errno of a filter, and within beneathFilter() that of the kernel",
  () =>
    withCompiled("asked.c", async (program) => {
      const child = await started([program, "filtered"]);
      {
        using thread = stop(child.pid);
        const ask = () => thread.ask("socket", AF_PACKET, SOCK_RAW, 0);
        assertEquals(ask(), -42);
        assertEquals(thread.beneathFilter(ask), -EPERM);
        assertEquals(ask(), -42);
        assertEquals(thread.beneathFilter(() => thread.ask("getppid")), Deno.pid);
        for (let i = 0; i < 3; i++) {
          assertThrows(() => thread.ask("getppid"), NotAnsweredError, "SECCOMP_RET_TRAP");
        }
        assertThrows(
          () =>
            thread.beneathFilter(() => {
              throw new Error("of the step");
            }),
          Error,
          "of the step",
        );
        assertEquals(ask(), -42);
      }
      await sendLine(child);
      assertEquals(await end(child), 7);
    }),
);

testNeeding(
  compiler,
  "ask() restores the signal mask, and leaves signals pending",
  () =>
    withCompiled("asked.c", async (program) => {
      const child = await started([program, "intact"]);
      child.kill("SIGUSR1"); // blocked in the child
      {
        using thread = stop(child.pid);
        assertEquals(thread.ask("getpid"), child.pid);
        child.kill("SIGSEGV"); // delivered even while the thread is asked
        assertEquals(thread.ask("getpid"), child.pid);
      }
      await sendLine(child);
      assertEquals(await end(child), 7);
    }),
);

testNeeding(
  compiler,
  "no signal is lost or duplicated while a process is asked",
  () =>
    withCompiled("asked.c", async (program) => {
      const child = await started([program, "signals", "3000"]);
      assert(askUntilTheEnd(child.pid) > 10);
      assertEquals(await end(child), 7);
    }),
);

testNeeding(
  compiler,
  "waits last their full time while a process is asked",
  () =>
    withCompiled("asked.c", async (program) => {
      const child = await started([program, "waits"]);
      assert(askUntilTheEnd(child.pid) > 10);
      assertEquals(await end(child), 7);
    }),
);

testNeeding(root, "no datagram is lost while all threads of their receiver are asked", async () => {
  const [here, there] = socketpair(AF_UNIX, SOCK_DGRAM, 0).map((fd) => new OwnedFd(fd));
  setCloseOnExec(there.fd, false);
  const child = await started(
    command("ffi/ptrace/programs/asked.ts", ["datagrams", `${there.fd}`]),
  );
  there.close();
  const count = 500;
  for (let i = 0; i < count; i++) {
    for (const tid of i % 50 === 0 ? threadsOf(child.pid) : [child.pid]) {
      using thread = StoppedThread.stop(tid, TIMEOUT);
      if (tid === child.pid) write(here.fd, new Uint8Array(Uint32Array.of(i).buffer));
      if (thread?.ask("getpid") !== child.pid) assert(tid !== child.pid);
    }
  }
  write(here.fd, new Uint8Array(0));
  assertEquals(await nextWords(child), `${count}`);
  assertEquals(await end(child), 0);
  here.close();
});

testNeeding(root, "ask() throws, and never returns 0, if the thread is killed", async () => {
  const child = await started(command("ffi/ptrace/programs/asked.ts", ["root"]));
  const threads = threadsOf(child.pid).map(stop);
  for (const thread of threads) assertEquals(thread.ask("gettid"), thread.tid);
  child.kill("SIGKILL");
  for (const thread of threads) {
    assertThrows(() => thread.ask("setresuid", 0, 0, 0), NotAnsweredError);
    thread.resume();
  }
  assertEquals((await child.status).signal, "SIGKILL");
  await child.stdout.cancel();
  await child.stdin.close();
  assertEquals(StoppedThread.stop(child.pid, TIMEOUT), undefined);
});

testNeeding(root, "ask() throws after resume()", async () => {
  const child = await started(["sh", "-c", "echo ready; read line; exit 7"]);
  const thread = stop(child.pid);
  thread.resume();
  thread.resume();
  assertThrows(() => thread.ask("getpid"), NotAnsweredError, "it is not stopped");
  assertEquals(await end(child), 7);
});

testNeeding(
  root,
  "the end of a stopped process reaches its parent, which is not its tracer",
  async () => {
    const child = start(["sh", "-c", "sleep 60 & echo $!; wait $!; exit 7"]);
    const pid = Number(await nextWords(child));
    {
      using thread = stop(pid);
      Deno.kill(pid, "SIGKILL");
      assertThrows(() => thread.ask("getpid"), NotAnsweredError);
    }
    assertEquals(await end(child), 7);
  },
);

testNeeding(root, "every answer is correct until the process is killed", async () => {
  for (let i = 0; i < 10; i++) {
    const child = await started(["sh", "-c", "echo ready; read line"]);
    const killer = start(["sh", "-c", `sleep 0.0${i}; kill -9 ${child.pid}`]);
    askUntilTheEnd(child.pid);
    assertEquals((await child.status).signal, "SIGKILL");
    await end(killer);
    await child.stdin.close();
    await child.stdout.cancel();
  }
});

testNeeding(
  compiler,
  "stop() throws ETIMEDOUT for a thread that does not stop",
  () =>
    withCompiled("vforked.c", async (program) => {
      const child = await started([program]);
      const error = assertThrows(() => StoppedThread.stop(child.pid, 20), SystemError);
      assertEquals([error.syscall, error.code], ["ptrace", "ETIMEDOUT"]);
      await sendLine(child);
      assertEquals(await nextWords(child), "on\n");
      assertEquals(await end(child), 7);
    }),
);

for (const vdso of ["with", "without"] as const) {
  testNeeding(
    compiler,
    `ask() reads no memory of the process, which may never answer (${vdso} its vDSO)`,
    () =>
      withCompiled("fuse_memory.c", async (program) => {
        const folder = await Deno.makeTempDir();
        const child = await started([program, folder, ...vdso === "with" ? [] : ["without-vdso"]]);
        const began = performance.now();
        for (const tid of threadsOf(child.pid)) {
          using thread = stop(tid);
          if (vdso === "with") {
            assertEquals(thread.ask("getpid"), child.pid);
          } else {
            assertThrows(() => thread.ask("getpid"), NotAnsweredError, "it has no vDSO");
          }
        }
        const took = performance.now() - began;
        assert(took < 5000, `${took} ms`);
        await sendLine(child);
        assertEquals(await end(child), 7);
        await Deno.remove(folder);
      }),
  );
}

/** Runs a step on a thread that blocks signals, as the parent of an experiment does. */
function withEverySignalBlocked<T>(step: () => T): T {
  const before = new Uint8Array(sigset_t.size);
  assertEquals(libc.pthread_sigmask(SIG_BLOCK, before.slice().fill(0xff), before), 0);
  try {
    return step();
  } finally {
    assertEquals(libc.pthread_sigmask(SIG_SETMASK, before, null), 0);
  }
}

testNeeding(
  compiler,
  "stop() throws ETIMEDOUT for a thread that hangs in execve(2)",
  () =>
    withCompiled("stuck_execve.c", async (program) => {
      alarm(30); // JavaScript would hang
      const child = start([program]);
      const [, executing] = (await nextWords(child)).split(" ").map(Number);
      await awaitState(executing, "D");
      let calls = 0;
      const began = performance.now();
      const error = assertThrows(
        () => withEverySignalBlocked(() => StoppedThread.stop(executing, 100, () => calls++)),
        SystemError,
      );
      const took = performance.now() - began;
      assertEquals([error.syscall, error.code], ["ptrace", "ETIMEDOUT"]);
      assert(took >= 100 && took < 5000 && calls >= 2, `${took} ms, ${calls} calls`);
      assertMatch(readTextFile(`/proc/${executing}/status`), /^TracerPid:\t0$/m);
      await sendLine(child);
      assertEquals(await end(child), 7);
      alarm(0);
    }),
);

testNeeding(
  compiler,
  "stop() returns undefined for a thread that is a zombie or does not exist",
  () =>
    withCompiled("asked.c", async (program) => {
      const child = await started([program, "leader"]);
      await awaitState(child.pid, "Z");
      assertEquals(StoppedThread.stop(child.pid, TIMEOUT), undefined);
      const [other] = threadsOf(child.pid).filter((tid) => tid !== child.pid);
      {
        using thread = stop(other);
        assertEquals(thread.ask("getpid"), child.pid);
      }
      await sendLine(child);
      assertEquals(await end(child), 7);
      assertEquals(StoppedThread.stop(4194305, TIMEOUT), undefined); // PID_MAX_LIMIT + 1
    }),
);

testNeeding(
  root,
  "stop() throws EPERM for a thread that is traced already, and one of this process",
  async () => {
    const child = await started(["sh", "-c", "echo ready; read line; exit 7"]);
    {
      using _thread = stop(child.pid);
      const error = assertThrows(() => StoppedThread.stop(child.pid, TIMEOUT), SystemError);
      assertEquals([error.syscall, error.code], ["ptrace", "EPERM"]);
    }
    assertThrows(() => StoppedThread.stop(Deno.pid, TIMEOUT), SystemError, "EPERM");
    assertEquals(await end(child), 7);
  },
);

testNeeding(
  root,
  "a process that a signal has stopped answers, and stays stopped until SIGCONT",
  async () => {
    const child = await started(["sh", "-c", "echo ready; read line; exit 7"]);
    child.kill("SIGSTOP");
    await awaitState(child.pid, "T");
    {
      using thread = stop(child.pid);
      assertEquals(thread.ask("getpid"), child.pid);
    }
    await awaitState(child.pid, "T");
    child.kill("SIGCONT");
    assertEquals(await end(child), 7);
  },
);

testNeeding(
  root,
  "a process that a signal stops while it is asked still answers",
  async () => {
    const child = await started(["sh", "-c", "echo ready; read line; exit 7"]);
    {
      using thread = stop(child.pid);
      child.kill("SIGSTOP");
      assertEquals(thread.ask("getpid"), child.pid);
      assertEquals(thread.ask("getuid"), 0);
    }
    await awaitState(child.pid, "T");
    child.kill("SIGCONT");
    assertEquals(await end(child), 7);
  },
);

testNeeding(
  root,
  "isKernelThread() recognizes a kernel thread, and ask() refuses to ask it",
  async () => {
    const child = await started(command("ffi/ptrace/programs/asked.ts", ["ring"]));
    const threads = threadsOf(child.pid);
    const ofTheKernel = threads.filter(isKernelThread);
    assertEquals(ofTheKernel.length, 1);
    {
      using thread = stop(ofTheKernel[0]);
      assertThrows(() => thread.ask("getpid"), NotAnsweredError, "it is a kernel thread");
    }
    assertEquals(await end(child), 0);
  },
);

const KILL = "80000000", TRAP = "30000", EPERM_BY_FILTER = "50001";
const RESTART = `${SYSCALLS.restart_syscall[0]}`, READ = `${SYSCALLS.read[0]}`;

/**
 * Stops the program of `interrupted.c` in its call, sends it a line, and returns what the call
 * returns; nothing if the process is killed.
 */
async function interrupted(
  program: string,
  words: readonly string[],
  step: (thread: StoppedThread) => void,
): Promise<string> {
  const child = await started([program, ...words]);
  await awaitState(child.pid, "S");
  await pollAsync([], 0, 20); // it writes and sleeps
  {
    using thread = stop(child.pid);
    step(thread);
  }
  await Deno.writeTextFile(`/proc/${child.pid}/fd/0`, "\n").catch(() => {}); // it may be gone
  const result = await nextWords(child);
  await end(child);
  return result.trim();
}

const SLEEPS = ["poll", "nanosleep", "futex"];
const nothing = () => {};
const abandon = (thread: StoppedThread) => thread.abandonCall();
const askAndAbandon = (thread: StoppedThread) => {
  assertEquals(thread.ask("gettid"), thread.tid);
  thread.abandonCall();
};

/** On aarch64 a stopped thread does not show the call that it makes again. */
const testRepeated = Deno.build.arch === "x86_64" ? testNeeding : () => {};

testRepeated(
  compiler,
  "a thread goes on with its sleep by restart_syscall(2), which its filter may refuse or kill for",
  () =>
    withCompiled("interrupted.c", async (program) => {
      const results = SLEEPS.map(async (call) => {
        const words = (action: string) => [call, RESTART, action];
        assertEquals(await interrupted(program, words(KILL), nothing), "", call);
        assertEquals(await interrupted(program, words(TRAP), nothing), "", call);
        assertEquals(await interrupted(program, words(EPERM_BY_FILTER), nothing), "-1 1", call);
      });
      await Promise.all(results);
    }),
);

testRepeated(
  compiler,
  "abandonCall() makes the sleep return EINTR in place of restart_syscall(2)",
  () =>
    withCompiled("interrupted.c", async (program) => {
      const results = SLEEPS.map(async (call) => {
        const seen: unknown[] = [];
        const lookAndAbandon = (thread: StoppedThread) => {
          seen.push(thread.repeatedCall()?.nr);
          thread.abandonCall();
          seen.push(thread.repeatedCall());
        };
        for (const step of [lookAndAbandon, askAndAbandon]) {
          assertEquals(await interrupted(program, [call, RESTART, KILL], step), "-1 4", call);
        }
        assertEquals(seen, [SYSCALLS.restart_syscall[0], undefined]);
      });
      await Promise.all(results);
    }),
);

testRepeated(
  compiler,
  "repeatedCall() returns the call that waits, as a filter sees it",
  () =>
    withCompiled("interrupted.c", async (program) => {
      const seen: (ThreadCall | undefined)[] = [];
      const step = (thread: StoppedThread) => {
        seen.push(thread.repeatedCall());
        assertEquals(thread.ask("getpid"), thread.tid);
        seen.push(thread.repeatedCall());
        const { nr, args } = thread.callOf("socket", AF_PACKET, -1);
        assertEquals([nr, ...args], [SYSCALLS.socket[0], 17n, 2n ** 64n - 1n, 0n, 0n, 0n, 0n]);
      };
      assertEquals(await interrupted(program, ["read", RESTART, KILL], step), "1 0");
      const [call] = seen;
      assertEquals(seen, [call, call]);
      assertEquals([call?.nr, call?.args[0], call?.args[2]], [SYSCALLS.read[0], 0n, 1n]);
    }),
);

testRepeated(
  compiler,
  "a filter that another thread installs during a call may kill for it once a stop repeats it",
  () =>
    withCompiled("interrupted.c", async (program) => {
      const words = ["read", READ, KILL, "late"];
      assertEquals(await interrupted(program, words, nothing), "");
      assertEquals(await interrupted(program, words, abandon), "-1 4");
    }),
);

testNeeding(root, "repeatedCall() returns nothing for a thread that computes", async () => {
  const child = await started(command("ffi/ptrace/programs/asked.ts", ["busy"]));
  {
    using thread = stop(child.pid);
    assertEquals(thread.repeatedCall(), undefined);
  }
  child.kill("SIGKILL");
  await end(child);
});
