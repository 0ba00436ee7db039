/**
 * The system call filters of another process, read back from the kernel: what a process really has, and not what it says.
 *
 * /proc says `Seccomp: 2` of a filter that allows everything as well as of one that refuses everything. ptrace(2) tells the programs themselves,
 * as they were given to seccomp(2). For that the process is stopped for some microseconds, by its first thread.
 *
 * @module
 */

import {
  __WALL,
  P_PID,
  PTRACE_DETACH,
  PTRACE_INTERRUPT,
  PTRACE_SECCOMP_GET_FILTER,
  PTRACE_SEIZE,
  WNOHANG,
  WSTOPPED,
} from "./constants.ts";
import { Errno, errnoOf, SystemError } from "./errno.ts";
import { rawSyscall } from "./raw_syscall.ts";
import { poll } from "./socket.ts";

/** The size of an instruction of classic BPF, in bytes. */
const INSTRUCTION = 8;

/** The size of `siginfo_t`, in bytes. Source: sigaction(2), asm-generic/siginfo.h. */
const SIGINFO = 128;

/**
 * Reads every filter on the first thread of another process, the oldest first.
 *
 * ptrace(2): `PTRACE_SEIZE`, `PTRACE_INTERRUPT`, `PTRACE_SECCOMP_GET_FILTER` for each, `PTRACE_DETACH`. Only the calling thread can go on
 * with what it has begun, so all of it is one call, which blocks. The exit status of the process is left for whoever waits for it.
 *
 * A process that has not stopped in time (one that waits in vfork(2), or for a disk) stays traced, and will stop. The event loop of the calling
 * thread leaves it then; as long as that does not turn, it stands still.
 *
 * @example
 * ```ts
 * import { readInstalledFilters } from "./mod.ts";
 *
 * const child = new Deno.Command("sleep", { args: ["5"] }).spawn();
 * try {
 *   console.log(readInstalledFilters(child.pid, 1000).length, "filters, none of them of its own");
 * } catch (error) {
 *   console.log(`It takes root: ${error}`);
 * }
 * child.kill();
 * await child.status;
 * ```
 *
 * @param timeout How long the process may take to stop, in milliseconds.
 * @returns Programs of classic BPF, as {@linkcode installFilter} takes them.
 * @throws {SystemError} `EPERM` (no `CAP_SYS_PTRACE`, or it is traced already), `EACCES` (no `CAP_SYS_ADMIN`, or this process has a
 * filter itself), `EIO` (a kernel without `CONFIG_CHECKPOINT_RESTORE`), `ESRCH` (no such process), `ETIMEDOUT`
 * (it has not stopped).
 */
export function readInstalledFilters(pid: number, timeout: number): Uint8Array<ArrayBuffer>[] {
  rawSyscall("ptrace", PTRACE_SEIZE, pid, 0, 0);
  try {
    rawSyscall("ptrace", PTRACE_INTERRUPT, pid, 0, 0);
    awaitStop(pid, timeout);
    return [...filtersOf(pid)];
  } finally {
    if (!detach(pid) && !hasEnded(pid)) detachLater(pid);
  }
}

/** Waits by polling, since a wait without an end would be one for a process that is stuck in the kernel. */
function awaitStop(pid: number, timeout: number): void {
  const deadline = Date.now() + timeout;
  const siginfo = new Uint8Array(SIGINFO);
  const signo = new DataView(siginfo.buffer, 0, 4); // waitid(2) leaves it 0 as long as nothing has happened
  for (;;) {
    rawSyscall("waitid", P_PID, pid, siginfo, WSTOPPED | WNOHANG | __WALL, 0);
    if (signo.getInt32(0, true) !== 0) return;
    if (Date.now() >= deadline) throw new SystemError("ptrace", Errno.ETIMEDOUT);
    poll([], 0, 1);
  }
}

/** What `PTRACE_SECCOMP_GET_FILTER` fails with where there is no filter of that index, and where there is none at all. */
const NO_MORE: number[] = [Errno.ENOENT, Errno.EINVAL];

function* filtersOf(pid: number): Generator<Uint8Array<ArrayBuffer>> {
  for (let index = 0;; index++) {
    let instructions: number;
    try {
      instructions = rawSyscall("ptrace", PTRACE_SECCOMP_GET_FILTER, pid, index, 0);
    } catch (error) {
      if (error instanceof SystemError && NO_MORE.includes(error.errno)) return;
      throw error;
    }
    const program = new Uint8Array(instructions * INSTRUCTION);
    rawSyscall("ptrace", PTRACE_SECCOMP_GET_FILTER, pid, index, program);
    yield program;
  }
}

/** Lets a process go on. Returns false for one that has not stopped, which cannot be left, or has ended, which needs no leave. */
function detach(pid: number): boolean {
  try {
    rawSyscall("ptrace", PTRACE_DETACH, pid, 0, 0);
    return true;
  } catch (error) {
    if (!(error instanceof SystemError && error.errno === Errno.ESRCH)) throw error;
    return false;
  }
}

/** How often a process that has not stopped in time is looked at, in milliseconds. */
const LEAVE_INTERVAL = 10;

/** Leaves a process when it stops after all: what it was asked for cannot be taken back, and it would stand still. */
function detachLater(pid: number): void {
  const timer = setInterval(() => {
    if (detach(pid) || hasEnded(pid)) clearInterval(timer);
  }, LEAVE_INTERVAL);
  Deno.unrefTimer(timer); // the end of the tracer is leave too
}

function hasEnded(pid: number): boolean {
  return errnoOf(() => rawSyscall("kill", pid, 0)) === Errno.ESRCH;
}
