import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  callOnEveryThread,
  Errno,
  ownThreads,
  PR_SET_NAME,
  rawSyscall,
  readTextFile,
  SystemError,
  WaitingThreads,
} from "../../../ffi/mod.ts";
import { command, resultOf } from "../programs.ts";

const PR_SET_TIMERSLACK = 29;

function slacks(): Set<number> {
  return new Set(
    [...ownThreads().keys()].map((tid) => Number(readTextFile(`/proc/${tid}/timerslack_ns`))),
  );
}

/** The action of signal 33, as the kernel has it. */
function action(): string {
  const found = new Uint8Array(32);
  rawSyscall("rt_sigaction", 33, 0, found, 8);
  return found.toHex();
}

Deno.test("callOnEveryThread() makes the call on every thread, and restores libc's handler", () => {
  using _threads = new WaitingThreads(20);
  const before = action();
  rawSyscall("prctl", PR_SET_TIMERSLACK, 70_000, 0, 0, 0);
  assert(slacks().size > 1, "the call itself changes one thread");
  for (const slack of [71_000, 72_000]) {
    callOnEveryThread("prctl", PR_SET_TIMERSLACK, slack, 0, 0, 0);
    assertEquals(slacks(), new Set([slack]));
  }
  assertEquals(action(), before);
});

Deno.test("callOnEveryThread() passes bytes by address, and keeps Deno's threads at work", async () => {
  using _threads = new WaitingThreads(3);
  const names = new Map(
    [...ownThreads().keys()].map((tid) => [tid, readTextFile(`/proc/self/task/${tid}/comm`)]),
  );
  callOnEveryThread("prctl", PR_SET_NAME, new TextEncoder().encode("renamed\0"), 0, 0, 0);
  for (const tid of names.keys()) {
    assertEquals(readTextFile(`/proc/self/task/${tid}/comm`), "renamed\n");
  }
  assert((await Deno.readTextFile(new URL(import.meta.url))).length > 0);
});

Deno.test("callOnEveryThread() throws SystemError for a refused call, and RangeError for none", () => {
  const error = assertThrows(() => callOnEveryThread("prctl", -1, 0, 0, 0, 0), SystemError);
  assertEquals([error.syscall, error.errno], ["prctl", Errno.EINVAL]);
  if (Deno.build.arch === "aarch64") assertThrows(() => callOnEveryThread("fork"), RangeError);
});

Deno.test("callOnEveryThread() reaches the threads that start meanwhile", async () => {
  const seen = await resultOf(
    command("ffi/process/programs/call_while_threads_start.ts", ["100"]),
  );
  assertEquals(seen.incomplete, 0);
  assert(seen.threads > 30, `with ${seen.threads} threads this shows nothing`);
});
