/**
 * Drops all privileges, prints how that went, and stays until its input ends, so that its threads
 * can be looked at from outside.
 *
 *     drop_and_stay.ts THREADS [STEP]
 *
 * The step before the drop: `keep-capabilities` sets PR_SET_KEEPCAPS on every thread,
 * `refuse-code` forbids to make memory executable, `polled-ring` keeps an io_uring that the kernel
 * polls.
 *
 * @module
 */

import {
  bindAll,
  callOnEveryThread,
  compileFilter,
  dropPrivileges,
  installFilter,
  intIs,
  IORING_SETUP_SQPOLL,
  IoUring,
  PR_SET_KEEPCAPS,
  PROT_EXEC,
  PROT_READ,
  rawSyscall,
  WaitingThreads,
} from "../../../../ffi/mod.ts";
import { printJson } from "../../programs/print_json.ts";

const STEPS: Readonly<Record<string, () => void>> = {
  "polled-ring": () => void new IoUring({ flags: IORING_SETUP_SQPOLL, idle: 60_000 }),
  "keep-capabilities": () => callOnEveryThread("prctl", PR_SET_KEEPCAPS, 1, 0, 0, 0),
  "refuse-code": () => {
    bindAll(); // Deno compiles code of its own for each function
    installFilter(compileFilter({
      rules: [{
        syscall: "mprotect",
        action: "EPERM",
        when: [intIs(2, PROT_READ | PROT_EXEC)],
        reason: "a test",
      }],
      otherwise: { action: "allow", reason: "a test" },
    }));
  },
};

/** The action of signal 33, as the kernel has it. */
function action(): string {
  const found = new Uint8Array(32);
  rawSyscall("rt_sigaction", 33, 0, found, 8);
  return found.toHex();
}

const [count, step] = Deno.args;
using _threads = new WaitingThreads(Number(count));
STEPS[step]?.();
const before = action();
let outcome = "dropped";
try {
  dropPrivileges({ uid: 65534, gid: 65534 });
} catch (error) {
  outcome = String(error);
}
const isRestored = action() === before;
printJson({ outcome, isRestored, read: await Deno.readTextFile("/proc/version") });
Deno.stdout.writeSync(new TextEncoder().encode("\n"));
Deno.stdin.readSync(new Uint8Array(1));
