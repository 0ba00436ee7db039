/**
 * PTRACE_SEIZE with a limit.
 *
 * Theory of operation. The request waits while the other process executes a program, and a process
 * can make that last for ever: execve(2) waits until every other thread of the process is reaped,
 * and one that is traced is reaped by its tracer. That may be this thread, which waits, or another
 * process, which never does: ptrace(2), "execve(2) under ptrace". A signal interrupts the wait, but
 * then the kernel makes the call again (ERESTARTNOINTR in ptrace_attach, kernel/ptrace.c). So a
 * timer sends signals, and their handler changes the number of the call that is to be made again
 * into that of getpid(2). The handler is machine code, because JavaScript cannot run in a signal
 * handler. At any other moment it changes nothing.
 *
 * The signal is a real-time one, 63. Deno itself uses SIGURG, which is ignored by default.
 *
 * @module
 */

import { PTRACE_SEIZE } from "../abi/constants.ts";
import { Errno, SystemError } from "../abi/errno.ts";
import { rawSyscall } from "../abi/raw_syscall.ts";
import {
  type Action,
  actionOf,
  type Handler,
  loadHandler,
  replaceAction,
} from "../process/signal_handler.ts";
import { withUnblocked } from "../process/signals.ts";
import { request } from "./requests.ts";

/** The number of the signal, SIGRTMAX - 1. Source: signal(7). */
const SIGNAL = 63;

/** The interval at which the wait is interrupted, in nanoseconds. */
const INTERVAL = 10_000_000n;

/**
 * The handler gets the address of a ucontext_t (sys/ucontext.h) with the registers of the call that
 * is to be made again. The instruction pointer stands at its instruction.
 */
const HANDLERS: { readonly [arch in typeof Deno.build.arch]: Handler } = {
  x86_64: {
    code: "f30f1efa" + // endbr64
      "488b8aa8000000" + // mov 168(%rdx), %rcx (rip)
      "6681390f05" + // cmpw $0x050f, (%rcx) (the instruction syscall)
      "751e" + // jne 1f
      "4883ba9000000065" + // cmpq $SYS_ptrace, 144(%rdx) (rax)
      "7514" + // jne 1f
      "817a6806420000" + // cmpl $PTRACE_SEIZE, 104(%rdx) (rdi)
      "750b" + // jne 1f
      "48c7829000000027000000" + // movq $SYS_getpid, 144(%rdx)
      "c3" + // 1: ret
      "66662e0f1f8400000000000f1f4000" + // .balign 16
      "b80f000000" + // mov $SYS_rt_sigreturn, %eax
      "0f05", // syscall
    restorer: 0x40,
  },
  aarch64: {
    code: "5f2403d5" + // hint #34 (bti c)
      "49dc40f9" + // ldr x9, [x2, #440] (pc)
      "290140b9" + // ldr w9, [x9]
      "2a008052" + // mov w10, #1 (the instruction svc #0)
      "0a80ba72" + // movk w10, #0xd400, lsl #16
      "3f010a6b" + // cmp w9, w10
      "41010054" + // b.ne 1f
      "497c40f9" + // ldr x9, [x2, #248] (x8)
      "3fd501f1" + // cmp x9, #SYS_ptrace
      "e1000054" + // b.ne 1f
      "49b840b9" + // ldr w9, [x2, #184] (x0)
      "ca408852" + // mov w10, #PTRACE_SEIZE
      "3f010a6b" + // cmp w9, w10
      "61000054" + // b.ne 1f
      "891580d2" + // mov x9, #SYS_getpid
      "497c00f9" + // str x9, [x2, #248]
      "c0035fd6", // 1: ret
    restorer: null,
  },
};

/** What interrupts the calls of this thread. */
interface Interrupter {
  // SAFETY: the code stays in place for as long as this module, because a signal may be pending.
  readonly code: Uint8Array<ArrayBuffer>;
  readonly action: Action;
  /** The id of the timer: timer_create(2). */
  readonly timer: number;
}

let interrupter: Interrupter | undefined;

/**
 * Starts to trace a thread: `PTRACE_SEIZE`.
 *
 * @param timeout The longest wait for an execve(2), in milliseconds.
 * @param meanwhile Called every 10 ms while it waits.
 * @throws {SystemError} `EPERM`, `ESRCH`, …; `ETIMEDOUT`. Also those of mprotect(2) (where no code
 * can be added to this process: PR_SET_MDWE) and of timer_create(2).
 */
export function seize(tid: number, timeout: number, meanwhile: () => void): void {
  const { action, timer } = interrupter ??= createInterrupter();
  const deadline = performance.now() + timeout;
  const before = replaceAction(SIGNAL, action);
  try {
    withUnblocked(SIGNAL, () => {
      setTimer(timer, INTERVAL);
      try {
        // The result of getpid(2) says that the wait was interrupted.
        for (;;) {
          const isLate = performance.now() >= deadline;
          if (request(tid, PTRACE_SEIZE, 0, 0) === 0) break;
          meanwhile();
          if (isLate) throw new SystemError("ptrace", Errno.ETIMEDOUT);
        }
      } finally {
        setTimer(timer, 0n);
      }
    });
  } finally {
    replaceAction(SIGNAL, before);
  }
}

/** Source: bits/siginfo-consts.h and struct sigevent in bits/types/sigevent_t.h. */
const CLOCK_MONOTONIC = 1,
  SIGEV_THREAD_ID = 4,
  SIGEVENT = { signo: 2, notify: 3, tid: 4, size: 64 };

function createInterrupter(): Interrupter {
  const handler = HANDLERS[Deno.build.arch];
  const { code } = loadHandler(handler);
  const event = new Int32Array(SIGEVENT.size / 4);
  event[SIGEVENT.signo] = SIGNAL;
  event[SIGEVENT.notify] = SIGEV_THREAD_ID;
  event[SIGEVENT.tid] = rawSyscall("gettid");
  const id = new Int32Array(1);
  const [eventBytes, idBytes] = [event, id].map(({ buffer }) => new Uint8Array(buffer));
  rawSyscall("timer_create", CLOCK_MONOTONIC, eventBytes, idBytes);
  return { code, action: actionOf(handler, code), timer: id[0] };
}

/** Lets the timer send the signal at an interval; 0 stops it. */
function setTimer(timer: number, interval: bigint): void {
  // struct itimerspec: the interval and the first time, each in seconds and nanoseconds.
  const times = BigUint64Array.of(0n, interval, 0n, interval);
  rawSyscall("timer_settime", timer, 0, new Uint8Array(times.buffer), 0);
}
