/**
 * Installs a filter on itself that refuses sched_yield(2) with `ENODEV`, and dup(2) of one
 * descriptor, and prints the effect.
 *
 *     filtered.ts refuse            a small policy: refused calls, and the threads that refuse them
 *     filtered.ts kill              the same, but sched_yield kills; this program ends there
 *     filtered.ts other-thread      another thread has installed a filter of its own before
 *
 * @module
 */

import {
  bpfProgram,
  compileFilter,
  errnoName,
  installFilter,
  intIs,
  lastErrno,
  libc,
  pollAsync,
  SECCOMP_SET_MODE_FILTER,
  type SyscallName,
  syscallNumber,
  type SyscallPolicy,
} from "../../../../ffi/mod.ts";
import { printJson } from "../../programs/print_json.ts";

const [mode] = Deno.args;
const DUP_REFUSED = 1000;

const policy: SyscallPolicy = {
  rules: [
    { syscall: "sched_yield", action: mode === "kill" ? "kill" : "ENODEV", reason: "a test" },
    { syscall: "dup", action: "EPERM", when: [intIs(0, DUP_REFUSED)], reason: "a test" },
  ],
  otherwise: { action: "allow", reason: "a test" },
};

function call(name: SyscallName, argument = 0n): string {
  const result = libc.syscall(BigInt(syscallNumber(name)!), argument, 0n, 0n, 0n, 0n, 0n);
  return result === -1 ? errnoName(lastErrno()) : "done";
}

/** Seccomp and NoNewPrivs of every thread. */
function threads(): Record<string, string> {
  const seen: Record<string, string> = {};
  for (const { name: tid } of Deno.readDirSync("/proc/self/task")) {
    const status = Deno.readTextFileSync(`/proc/self/task/${tid}/status`);
    seen[tid] = status.match(/^(NoNewPrivs|Seccomp):\s*\d+/gm)!.join(" ").replaceAll("\t", " ");
  }
  return seen;
}

/** Lets another thread install a filter on itself alone. */
async function filterOnAnotherThread(): Promise<void> {
  const program = bpfProgram(
    compileFilter({ rules: [], otherwise: { action: "allow", reason: "" } }),
  );
  const { symbols } = Deno.dlopen("libc.so.6", {
    syscall: {
      parameters: ["isize", "usize", "usize", "buffer"],
      result: "i32",
      nonblocking: true,
    },
  });
  const number = BigInt(syscallNumber("seccomp")!);
  const result = await symbols.syscall(number, BigInt(SECCOMP_SET_MODE_FILTER), 0n, program);
  if (result !== 0) throw new Error("The other thread has no filter");
}

if (mode === "other-thread") await filterOnAnotherThread();
const before = {
  threads: threads(),
  sched_yield: mode === "kill" ? "not tried" : call("sched_yield"),
};
try {
  installFilter(compileFilter(policy));
} catch (error) {
  printJson({
    error: (error as Error).message,
    sched_yield: call("sched_yield"),
    threads: threads(),
  });
  Deno.exit();
}
const high = 1n << 32n;
const after = {
  sched_yield: call("sched_yield"),
  dup: {
    refused: call("dup", BigInt(DUP_REFUSED)),
    withHighWord: call("dup", high | BigInt(DUP_REFUSED)),
    other: call("dup", BigInt(DUP_REFUSED + 1)),
  },
};
// Threads that start later: more calls at once than there are idle threads.
await Promise.all(Array.from({ length: 64 }, () => pollAsync([], 0, 50)));
printJson({ before, after, threads: threads() });
