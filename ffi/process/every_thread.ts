/**
 * A system call on every thread of this process.
 *
 * Theory of operation. Credentials belong to threads. libc makes setuid(2) and its relatives on
 * every thread, but not capset(2), and a runtime offers no way to run a function on its other
 * threads. So this does as libc does (nptl(7)): a signal whose handler makes the call. The handler
 * is machine code of this file, because JavaScript cannot run in a signal handler. It calls nothing
 * in libc, so it does not touch errno, and the kernel restores every register when it returns.
 *
 * The signal is number 33, which libc itself uses for this purpose (SIGSETXID). No thread of libc
 * can block it, except for a moment while it starts or ends. Its own handler is put back at the
 * end.
 *
 * @module
 */

import { Errno, SystemError } from "../abi/errno.ts";
import { rawSyscall } from "../abi/raw_syscall.ts";
import { addressOf } from "../abi/struct.ts";
import { type SyscallName, syscallNumber } from "../abi/syscalls.ts";
import { sleep } from "../socket/poll.ts";
import { readTextFile } from "./file.ts";
import { ownThreads, unlessGone } from "./proc.ts";
import { actionOf, type Handler, loadHandler, replaceAction } from "./signal_handler.ts";

/** SIGSETXID of glibc. Source: sysdeps/unix/sysv/linux/internal-signals.h of glibc. */
const SIGNAL = 33;

/** How long a thread may take to make the call, in milliseconds. */
const PATIENCE = 5000;

/** The most calls of one round: the size of the table that the handler writes. */
const MOST_CALLS = 8000;

/**
 * The block that the handler reads and writes, in bytes: the number of the call, its six arguments,
 * how many calls were made, how many have room, and for each the thread id and the result.
 */
const BLOCK = { arguments: 8, made: 56, room: 60, calls: 64, size: 64 + 8 * MOST_CALLS } as const;

/** Where the code has the address of the block. */
const ADDRESS_OF_BLOCK = 0x80;

const HANDLERS: { readonly [arch in typeof Deno.build.arch]: Handler } = {
  x86_64: {
    code: "f30f1efa" + // endbr64
      "488b1d75000000" + // mov block(%rip), %rbx
      "488b03" + // mov (%rbx), %rax
      "488b7b08" + // mov 8(%rbx), %rdi
      "488b7310" + // mov 16(%rbx), %rsi
      "488b5318" + // mov 24(%rbx), %rdx
      "4c8b5320" + // mov 32(%rbx), %r10
      "4c8b4328" + // mov 40(%rbx), %r8
      "4c8b4b30" + // mov 48(%rbx), %r9
      "0f05" + // syscall
      "89c5" + // mov %eax, %ebp
      "b8ba000000" + // mov $SYS_gettid, %eax
      "0f05" + // syscall
      "b901000000" + // mov $1, %ecx
      "f00fc14b38" + // lock xadd %ecx, 56(%rbx)
      "3b4b3c" + // cmp 60(%rbx), %ecx
      "7308" + // jae 1f
      "896ccb44" + // mov %ebp, 68(%rbx, %rcx, 8)
      "8944cb40" + // mov %eax, 64(%rbx, %rcx, 8)
      "c3" + // 1: ret
      "0f1f8000000000" + // .balign 16
      "b80f000000" + // mov $SYS_rt_sigreturn, %eax
      "0f05", // syscall
    restorer: 0x50,
  },
  aarch64: {
    code: "5f2403d5" + // hint #34 (bti c)
      "e9030058" + // ldr x9, block
      "280140f9" + // ldr x8, [x9]
      "208540a9" + // ldp x0, x1, [x9, #8]
      "228d41a9" + // ldp x2, x3, [x9, #24]
      "249542a9" + // ldp x4, x5, [x9, #40]
      "010000d4" + // svc #0
      "ea03002a" + // mov w10, w0
      "481680d2" + // mov x8, #SYS_gettid
      "010000d4" + // svc #0
      "2be10091" + // add x11, x9, #56
      "6c7d5f88" + // 1: ldxr w12, [x11]
      "8d050011" + // add w13, w12, #1
      "6d7d0e88" + // stxr w14, w13, [x11]
      "aeffff35" + // cbnz w14, 1b
      "2d3d40b9" + // ldr w13, [x9, #60]
      "9f010d6b" + // cmp w12, w13
      "a2000054" + // b.hs 2f
      "2b0d0c8b" + // add x11, x9, x12, lsl #3
      "6a4500b9" + // str w10, [x11, #68]
      "6b010191" + // add x11, x11, #64
      "60fd9f88" + // stlr w0, [x11]
      "c0035fd6", // 2: ret
    restorer: null,
  },
};

/** The handler in memory, and its block. */
interface Loaded {
  readonly code: Uint8Array<ArrayBuffer>;
  readonly block: Uint8Array<ArrayBuffer>;
}

// SAFETY: the code stays where it is until the process ends, because a thread may still be about to
// execute its last instructions when the result is there. What the arguments of a call point to
// stays referenced here until the next call.
let loaded: Loaded | undefined;
let held: readonly unknown[] = [];

/** Whether a thread may still get the signal of a call that was given up. */
let isUnfinished = false;

/**
 * Makes a system call on every thread of this process, also on those that start meanwhile: on the
 * calling thread directly, on the others in a handler of signal 33.
 *
 * The kernel threads of an io_uring make no system call, and are left out: close the ring first.
 * While this runs, no other thread may call this, or a function of libc that changes ids. A system
 * call that another thread is waiting in is restarted, or fails with `EINTR`: signal(7).
 *
 * @example
 * ```ts
 * import { callOnEveryThread, PR_SET_NO_NEW_PRIVS } from "../mod.ts";
 *
 * callOnEveryThread("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); // prctl(2) sets it on one thread
 * const status = Deno.readTextFileSync("/proc/self/task/" + Deno.pid + "/status");
 * console.assert(/^NoNewPrivs:\t1$/m.test(status));
 * ```
 *
 * @param name The call, as the kernel spells it.
 * @param args At most six; bytes are passed by address, and every thread gets the same.
 * @throws {SystemError} If the call fails on a thread; the others have made it or not. `ETIMEDOUT`
 * if a thread does not make it in time, as one in an uninterruptible wait. `EACCES` or `EPERM` of
 * mprotect(2) where no code can be added to the process: PR_SET_MDWE, a seccomp filter.
 * @throws {RangeError} If the architecture does not have the call.
 */
export function callOnEveryThread(
  name: SyscallName,
  ...args: readonly (number | bigint | Uint8Array<ArrayBuffer>)[]
): void {
  if (isUnfinished) throw new SystemError("tgkill", Errno.EBUSY);
  loaded ??= load(); // first, so that no thread has made the call if that is refused
  rawSyscall(name, ...args);
  const self = rawSyscall("gettid");
  prepare(loaded.block, name, args);
  const before = replaceAction(SIGNAL, actionOf(HANDLERS[Deno.build.arch], loaded.code));
  isUnfinished = true; // from here on the code must stay in place
  reachAll(loaded.block, name, self);
  isUnfinished = false;
  replaceAction(SIGNAL, before);
}

/**
 * Sends the signal until two lists of the threads in a row show none that has not made the call. A
 * thread that starts another while the first list is read has made it by the second.
 */
function reachAll(block: Uint8Array<ArrayBuffer>, name: SyscallName, self: number): void {
  const deadline = performance.now() + PATIENCE;
  const signalled = new Set<number>([self]);
  for (let quiet = 0; quiet < 2;) {
    const answers = answersIn(block);
    for (const result of answers.values()) if (result < 0) throw new SystemError(name, -result);
    const waiting = [...ownThreads()].filter(([tid, folder]) =>
      tid !== self && !answers.has(tid) && isReachable(folder) && send(tid, signalled)
    );
    quiet = waiting.length === 0 ? quiet + 1 : 0;
    if (waiting.length === 0) continue;
    if (performance.now() > deadline) {
      throw new SystemError(name, Errno.ETIMEDOUT, `Thread ${waiting[0][0]} does not answer`);
    }
    sleep(1);
  }
}

/** Sends the signal to a thread that has not got it yet. Returns whether the thread is there. */
function send(tid: number, signalled: Set<number>): boolean {
  try {
    rawSyscall("tgkill", Deno.pid, tid, signalled.has(tid) ? 0 : SIGNAL);
    signalled.add(tid);
    return true;
  } catch (error) {
    if (error instanceof SystemError && error.errno === Errno.ESRCH) return false;
    throw error;
  }
}

/**
 * Whether a thread can run a handler: not if it has ended, which shows until it is reaped, and not
 * if it belongs to an io_uring.
 *
 * @param folder Its folder in /proc.
 */
function isReachable(folder: string | undefined): boolean {
  const stat = folder && unlessGone(() => readTextFile(`${folder}/stat`));
  return stat === undefined || !/^\d+ \((iou-.*\) .|.*\) [ZX]) /s.test(stat);
}

/** Returns the results so far, by thread id. */
function answersIn(block: Uint8Array<ArrayBuffer>): Map<number, number> {
  const words = new Int32Array(block.buffer, block.byteOffset, BLOCK.size / 4);
  const made = Math.min(Atomics.load(words, BLOCK.made / 4), MOST_CALLS);
  const answers = new Map<number, number>();
  for (let i = 0; i < made; i++) {
    const at = BLOCK.calls / 4 + 2 * i;
    const tid = Atomics.load(words, at); // written after the result
    if (tid !== 0) answers.set(tid, words[at + 1]);
  }
  return answers;
}

/** Writes the call into the block. */
function prepare(
  block: Uint8Array<ArrayBuffer>,
  name: SyscallName,
  args: readonly (number | bigint | Uint8Array<ArrayBuffer>)[],
): void {
  held = args;
  block.fill(0);
  const words = new BigUint64Array(block.buffer, block.byteOffset, BLOCK.made / 8);
  words[0] = BigInt(syscallNumber(name)!); // rawSyscall() has made it
  (held as typeof args).forEach((arg, i) => {
    words[BLOCK.arguments / 8 + i] = arg instanceof Uint8Array
      ? addressOf(arg)
      : BigInt.asUintN(64, BigInt(arg));
  });
  new Uint32Array(block.buffer, block.byteOffset)[BLOCK.room / 4] = MOST_CALLS;
}

/** Maps the handler and its block. */
function load(): Loaded {
  const handler = HANDLERS[Deno.build.arch];
  const { code, memory: block } = loadHandler(handler, BLOCK.size, (code, block) => {
    new BigUint64Array(code.buffer, code.byteOffset)[ADDRESS_OF_BLOCK / 8] = addressOf(block);
  });
  return { code, block };
}
