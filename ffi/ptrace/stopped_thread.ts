/**
 * System calls made in a thread of another process. The kernel answers them for that thread, so
 * the process cannot forge the answer.
 *
 * Theory of operation. ptrace(2) stops the thread. Its registers are saved and set so that it makes
 * the system call in question. The kernel reports the entry to that call, with its number and
 * arguments, and the exit from it, with its result; only a result that follows the entry to exactly
 * that call counts as an answer. Then the registers are restored, and the thread continues.
 *
 * Signals. While a thread is asked, it blocks all signals but those that its own instructions
 * cause. If a signal stops the thread, the signal is delivered with the thread's own registers, and
 * the thread is stopped again. So no signal is lost.
 *
 * Only the operating system thread that stopped a thread can resume it, so everything here blocks,
 * and each wait has a limit.
 *
 * On aarch64 an interrupted wait with a timeout starts again with the full timeout. The tests run
 * on x86_64.
 *
 * @module
 */

import {
  PTRACE_CONT,
  PTRACE_DETACH,
  PTRACE_GETSIGMASK,
  PTRACE_INTERRUPT,
  PTRACE_O_SUSPEND_SECCOMP,
  PTRACE_O_TRACESYSGOOD,
  PTRACE_PEEKTEXT,
  PTRACE_SETOPTIONS,
  PTRACE_SETSIGMASK,
  PTRACE_SYSCALL,
  PTRACE_SYSCALL_INFO_ENTRY,
  PTRACE_SYSCALL_INFO_EXIT,
  SIGBUS,
  SIGFPE,
  SIGILL,
  SIGSEGV,
  SIGSYS,
  SIGTRAP,
  SYS_USER_DISPATCH,
} from "../abi/constants.ts";
import { AnswerError, Errno, errnoOf, SystemError } from "../abi/errno.ts";
import { rawSyscall } from "../abi/raw_syscall.ts";
import { AUDIT_ARCH, type SyscallName, syscallNumber } from "../abi/syscalls.ts";
import {
  cancelCall,
  causeOfSignal,
  convention,
  filtersOf,
  getRegisters,
  isTrapped,
  Refusal,
  registersOfCall,
  request,
  setRegisters,
  setWord,
  syscallInfo,
} from "./requests.ts";
import { seize } from "./seize.ts";
import {
  awaitStop,
  isEnd,
  isEvent,
  isSyscall,
  NO_SIGNAL,
  reap,
  reapEnded,
  type Stop,
} from "./stops.ts";
import { forgetInstruction, syscallInstruction } from "./syscall_instruction.ts";
import { repeatedCall, RESTARTS, type ThreadCall } from "./thread_call.ts";
import { hasEnded, isKernelThread, tracerOf } from "./thread_state.ts";

/** The thread did not make the system call in question, so there is no answer. */
export class NotAnsweredError extends Error {
  /** `NotAnsweredError`. */
  override readonly name = "NotAnsweredError";

  /**
   * Builds the message.
   *
   * @param syscall The call in question.
   * @param tid The thread.
   * @param reason Why there is no answer.
   */
  constructor(readonly syscall: SyscallName, readonly tid: number, readonly reason: string) {
    super(`Thread ${tid} gave no answer to ${syscall}: ${reason}`);
  }
}

/** The state of a thread before the first question. */
interface Saved {
  readonly registers: Uint8Array<ArrayBuffer>;
  readonly mask: Uint8Array<ArrayBuffer>;
  /** The address of an instruction that makes a system call. */
  readonly instruction: bigint;
}

/** The number of a call and the values of the six registers that hold its arguments. */
function callWords(name: SyscallName, args: readonly (number | bigint)[]) {
  const number = syscallNumber(name);
  if (number === null) throw new RangeError(`No system call ${name} on ${Deno.build.arch}`);
  const words = Array.from({ length: 6 }, (_, i) => BigInt.asUintN(64, BigInt(args[i] ?? 0)));
  return { number, words };
}

/** The size of the kernel's `sigset_t`, in bytes. */
const SIGSET_SIZE = 8;

/**
 * Signals that an instruction of the thread causes. If the thread blocked one of them, the kernel
 * would remove its handler.
 */
const SYNCHRONOUS_SIGNALS = [SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV, SIGSYS];

/** The signal mask of a thread that is asked: all other signals are blocked. */
const BLOCKED_WHILE_ASKED = new Uint8Array(SIGSET_SIZE).fill(0xff);
for (const signal of SYNCHRONOUS_SIGNALS) {
  BLOCKED_WHILE_ASKED[(signal - 1) >> 3] &= ~(1 << ((signal - 1) & 7));
}

/**
 * The most stops for other reasons before the call is made. The limit ensures that every wait ends.
 */
const STOPS_TOLERATED = 64;

/** The interval at which a thread that did not stop in time is tried again, in milliseconds. */
const LEAVE_INTERVAL = 10;

/**
 * A thread of another process, stopped by ptrace(2).
 *
 * It continues where it was when it is resumed, at the latest at the end of its scope (`using`),
 * with the signals that came meanwhile. Any stop interrupts epoll_wait(2), and recv(2) with a
 * timeout, with `EINTR`: signal(7).
 *
 * @example
 * ```ts
 * import { StoppedThread } from "../mod.ts";
 *
 * const child = new Deno.Command("sleep", { args: ["5"] }).spawn();
 * try {
 *   using thread = StoppedThread.stop(child.pid, 1000);
 *   console.assert(thread === undefined || thread.ask("getpid") === child.pid);
 * } catch (error) {
 *   console.log(`It takes root: ${error}`);
 * }
 * child.kill();
 * await child.status;
 * ```
 */
export class StoppedThread implements Disposable {
  /** Its last stop; `undefined` while it runs. */
  #stop: Stop | undefined;
  #saved: Saved | undefined;
  /** Whether it is a kernel thread, once that is known. */
  #isKernelThread: boolean | undefined;
  #options = PTRACE_O_TRACESYSGOOD;
  #isReleased = false;

  private constructor(
    /** The thread id. */
    readonly tid: number,
    /** How long it may take to stop, to answer and to continue, in milliseconds. */
    readonly timeout: number,
  ) {}

  /**
   * Stops a thread: `PTRACE_SEIZE`, `PTRACE_INTERRUPT`.
   *
   * A thread that does not stop in time (one that waits in vfork(2), or for a disk) stays traced,
   * and will stop later. The event loop of the calling thread then releases it; until the event
   * loop runs, the thread stands still.
   *
   * @param tid The thread id; that of the first thread is the process id.
   * @param timeout How long it may take to stop, and later to answer or to continue, in
   * milliseconds.
   * @param meanwhile Called every 10 ms while it does not stop. A process that executes a program
   * waits until its other threads are reaped, those that are traced by this thread:
   * {@linkcode reapIfEnded}.
   * @returns The thread; `undefined` if it has ended.
   * @throws {SystemError} `EPERM` (no `CAP_SYS_PTRACE`, a thread of this process, or one that is
   * already traced), `ETIMEDOUT` (it did not stop).
   */
  static stop(
    tid: number,
    timeout: number,
    meanwhile: () => void = () => {},
  ): StoppedThread | undefined {
    try {
      seize(tid, timeout, meanwhile);
    } catch (error) {
      if (isEnd(error, tid)) return undefined;
      throw error;
    }
    const thread = new StoppedThread(tid, timeout);
    try {
      thread.#interrupt(timeout, meanwhile);
      return thread;
    } catch (error) {
      thread.#release(0); // no time is left
      if (isEnd(error, tid)) return undefined;
      throw error;
    }
  }

  /**
   * Releases the first thread of a process if this thread still traces it although nothing here
   * knows of it: a thread that called execve(2) while it was being stopped has become the first
   * one, with that one's id.
   *
   * @param pid The process.
   * @param timeout How long that may take, in milliseconds. The event loop continues later.
   * @throws {SystemError} If ptrace(2) fails for another reason than the end of the thread.
   */
  static releaseSuccessor(pid: number, timeout: number): void {
    if (tracerOf(pid) === rawSyscall("gettid")) new StoppedThread(pid, timeout).resume();
  }

  /**
   * Makes a system call in the thread, and returns the kernel's answer.
   *
   * The thread's seccomp filters apply: if one refuses the call, its errno is the answer, and if
   * one kills, the process dies. {@linkcode beneathFilter} suspends them.
   *
   * @param name The call, which must return at once.
   * @param args At most six. Addresses are those of the other process.
   * @returns The result; `-errno` if the call fails.
   * @throws {NotAnsweredError} If that call was not made: the thread has ended, it is a kernel
   * thread, …
   * @throws {RangeError} If the architecture does not have the call.
   */
  ask(name: SyscallName, ...args: readonly (number | bigint)[]): number {
    const { number, words } = callWords(name, args);
    return this.#answering(name, () => this.#ask(BigInt(number), words));
  }

  /**
   * Returns the system call that {@linkcode ask} would make, as the thread's seccomp filters would
   * see it.
   *
   * @throws {NotAnsweredError} If the thread cannot be asked.
   * @throws {RangeError} If the architecture does not have the call.
   */
  callOf(name: SyscallName, ...args: readonly (number | bigint)[]): ThreadCall {
    const { number, words } = callWords(name, args);
    const { instruction } = this.#answering(name, () => this.#prepare());
    return {
      nr: number,
      args: words,
      arch: AUDIT_ARCH[Deno.build.arch],
      instructionPointer: instruction + BigInt(convention.instruction.length),
    };
  }

  /**
   * Returns the system call that the thread makes first when it continues: the kernel makes a call
   * again that the stop has interrupted, or restart_syscall(2) to go on with it. The thread's
   * filters apply to it, so a filter that kills for it would end the process only because it was
   * stopped: {@linkcode abandonCall}.
   *
   * Call it before the first question.
   *
   * @returns `undefined` if it makes none, or runs 32-bit code, or on aarch64, where this cannot be
   * seen: a thread that was asked makes the interrupted call again there, and never
   * restart_syscall(2).
   * @throws {SystemError} `ESRCH` if the thread has ended.
   */
  repeatedCall(): ThreadCall | undefined {
    try {
      const registers = this.#saved?.registers ?? getRegisters(this.tid);
      return repeatedCall(registers, syscallInfo(this.tid).arch);
    } catch (error) {
      if (error instanceof Refusal) return undefined;
      throw error;
    }
  }

  /**
   * Makes the call that the stop has interrupted fail with `EINTR` when the thread continues, as
   * calls do that a signal handler has interrupted: signal(7). It is not made again.
   *
   * @throws {SystemError} `ESRCH` if the thread has ended.
   */
  abandonCall(): void {
    const registers = this.#saved?.registers ?? getRegisters(this.tid);
    setWord(registers, convention.result, BigInt.asUintN(64, BigInt(-Errno.EINTR)));
    if (this.#saved === undefined) setRegisters(this.tid, registers);
  }

  /**
   * Reads eight bytes of the memory of its process: PTRACE_PEEKDATA.
   *
   * Memory of another process may be such that reading it never ends (userfaultfd(2), a file of a
   * FUSE file system). Read only memory that cannot be.
   *
   * @throws {SystemError} `EIO` (no such memory), `ESRCH` (the thread has ended).
   */
  peek(address: bigint): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(8);
    request(this.tid, PTRACE_PEEKTEXT, address, bytes);
    return bytes;
  }

  /**
   * Runs a step with the thread's seccomp filters suspended: `PTRACE_O_SUSPEND_SECCOMP`.
   *
   * @param step Asks questions.
   * @returns The result of the step.
   * @throws {SystemError} `EPERM` (no `CAP_SYS_ADMIN`, or this process has a filter itself),
   * `EINVAL` (a kernel without `CONFIG_CHECKPOINT_RESTORE`).
   */
  beneathFilter<T>(step: () => T): T {
    const before = this.#options;
    request(this.tid, PTRACE_SETOPTIONS, 0, before | PTRACE_O_SUSPEND_SECCOMP);
    this.#options = before | PTRACE_O_SUSPEND_SECCOMP;
    try {
      return step();
    } finally {
      this.#options = before;
      // This fails only if the thread is not stopped. Its filters then apply again when it is
      // released, which is before it runs.
      errnoOf(() => request(this.tid, PTRACE_SETOPTIONS, 0, before));
    }
  }

  /**
   * The programs of its seccomp filters, the oldest first: `PTRACE_SECCOMP_GET_FILTER`.
   *
   * @returns Classic BPF programs, as {@linkcode installFilter} takes them.
   * @throws {SystemError} `EACCES` (no `CAP_SYS_ADMIN`, or this process has a filter itself), `EIO`
   * (a kernel without `CONFIG_CHECKPOINT_RESTORE`), `ESRCH` (it has ended).
   */
  filters(): Uint8Array<ArrayBuffer>[] {
    return [...filtersOf(this.tid)];
  }

  /**
   * Puts the registers and the signal mask of the thread back, while it stays stopped. Until then
   * the end of this process would leave them as a question needs them.
   *
   * @throws {SystemError} `ESRCH` (the thread has ended), `ETIMEDOUT`.
   */
  settle(): void {
    if (this.#saved === undefined) return;
    // Only from a stop between two instructions does the kernel restart a call that the stop
    // interrupted.
    if (!isEvent(this.#stop ?? NO_SIGNAL)) this.#interrupt(this.timeout);
    this.#restore();
  }

  /**
   * Resumes the thread where it was, with its own registers and signal mask. The second time does
   * nothing.
   *
   * @throws {SystemError} If ptrace(2) fails for another reason than the end of the thread.
   */
  resume(): void {
    this.#release(this.timeout);
  }

  /** {@linkcode resume}, at the end of a `using` scope. */
  [Symbol.dispose](): void {
    this.resume();
  }

  /**
   * Makes sure that the thread is still stopped, or has ended. If another thread of its process has
   * called execve(2), that one has its id now, and runs.
   *
   * @throws {SystemError} `ESRCH` if it runs.
   */
  checkStopped(): void {
    try {
      request(this.tid, PTRACE_SETOPTIONS, 0, this.#options);
    } catch (error) {
      if (!isEnd(error, this.tid)) throw error;
    }
  }

  /**
   * Reaps the thread if it has ended, so that an execve(2) of its process does not wait for that.
   * It must not be the first thread of its process, whose end belongs to the parent.
   */
  reapIfEnded(): void {
    reap(this.tid);
  }

  #release(timeout: number): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    forgetInstruction(this.tid);
    let isDone = false;
    try {
      isDone = this.#detach(timeout);
    } finally {
      if (!isDone) this.#releaseLater();
    }
  }

  /**
   * Retries until the thread is released or has ended. A process does not end while one of its
   * threads has ended and the tracer has not reaped it.
   */
  #releaseLater(): void {
    const timer = setInterval(() => {
      const errno = errnoOf(() => {
        if (this.#detach(0)) clearInterval(timer);
      });
      if (errno !== 0 && reapEnded(this.tid, 0)) clearInterval(timer);
    }, LEAVE_INTERVAL);
    Deno.unrefTimer(timer); // when this process ends, the kernel releases the thread
  }

  #continue(how: typeof PTRACE_CONT | typeof PTRACE_SYSCALL, signal: number): void {
    this.#stop = undefined;
    request(this.tid, how, 0, signal);
  }

  #awaitStop(timeout: number, meanwhile?: () => void): Stop {
    return this.#stop = awaitStop(this.tid, timeout, meanwhile);
  }

  /** Stops the thread between two instructions, wherever it is: PTRACE_INTERRUPT. */
  #interrupt(timeout: number, meanwhile?: () => void): void {
    request(this.tid, PTRACE_INTERRUPT, 0, 0);
    do {
      if (this.#stop !== undefined) this.#continuePast(this.#stop);
    } while (!isEvent(this.#awaitStop(timeout, meanwhile)));
  }

  #continuePast(stop: Stop): void {
    if (isSyscall(stop)) {
      if (syscallInfo(this.tid).op === PTRACE_SYSCALL_INFO_ENTRY) cancelCall(this.tid);
      this.#continue(PTRACE_CONT, 0);
    } else if (isEvent(stop)) {
      this.#continue(PTRACE_CONT, 0);
    } else {
      this.#restore(); // a signal handler must see the state of the thread
      this.#continue(PTRACE_CONT, stop.signal);
    }
  }

  /** Like `#interrupt`, but drops the signal that the question caused. */
  #dropSignal(): void {
    this.#stop = NO_SIGNAL;
    this.#interrupt(this.timeout);
  }

  /** Runs a step of a question. Throws {@linkcode NotAnsweredError} if there is no answer. */
  #answering<T>(name: SyscallName, step: () => T): T {
    try {
      return step();
    } catch (error) {
      if (error instanceof Refusal) throw new NotAnsweredError(name, this.tid, error.message);
      if (!(error instanceof SystemError)) throw error;
      throw new NotAnsweredError(name, this.tid, this.#recover(error));
    }
  }

  /** Saves the state of the thread, if that is not done yet. */
  #prepare(): Saved {
    if (this.#stop === undefined) throw new Refusal("it is not stopped");
    this.#isKernelThread ??= isKernelThread(this.tid);
    if (this.#isKernelThread) throw new Refusal("it is a kernel thread");
    return this.#saved ??= this.#save();
  }

  #ask(number: bigint, args: readonly bigint[]): number {
    for (let attempt = 0; attempt < STOPS_TOLERATED; attempt++) {
      const { registers, instruction } = this.#prepare();
      setRegisters(this.tid, registersOfCall(registers, instruction, number, args));
      this.#continue(PTRACE_SYSCALL, 0);
      const stop = this.#awaitStop(this.timeout);
      if (isSyscall(stop)) {
        this.#checkCall(number, args, instruction);
        return this.#answer();
      }
      if (isEvent(stop)) continue;
      if (stop.signal === SIGSYS && causeOfSignal(this.tid) === SYS_USER_DISPATCH) {
        this.#dropSignal();
        throw new Refusal("the process intercepts its system calls (PR_SET_SYSCALL_USER_DISPATCH)");
      }
      this.#interrupt(this.timeout); // delivers the signal first
    }
    throw new Refusal(`it stopped ${STOPS_TOLERATED} times for other reasons`);
  }

  /** Checks, by what the kernel reports, that the call that begins is the one in question. */
  #checkCall(number: bigint, args: readonly bigint[], instruction: bigint): void {
    const info = syscallInfo(this.tid);
    const made = new BigUint64Array(info.entry_args.slice().buffer);
    const isAsked = info.op === PTRACE_SYSCALL_INFO_ENTRY &&
      info.arch === AUDIT_ARCH[Deno.build.arch] &&
      info.instruction_pointer === instruction + BigInt(convention.instruction.length) &&
      info.entry_nr === number && args.every((arg, i) => made[i] === arg);
    if (isAsked) return;
    this.#interrupt(this.timeout);
    throw new Refusal(`it made another system call, ${info.entry_nr}`);
  }

  #answer(): number {
    this.#continue(PTRACE_SYSCALL, 0);
    const stop = this.#awaitStop(this.timeout);
    const { op, exit_rval } = syscallInfo(this.tid);
    if (!isSyscall(stop) || op !== PTRACE_SYSCALL_INFO_EXIT) throw new Refusal("it did not end");
    const result = Number(exit_rval);
    // A trapped call leaves the previous registers, whose result is a number or a first argument.
    if (result >= 0 && isTrapped(this.tid)) {
      this.#dropTrap();
      throw new Refusal("a filter traps it (SECCOMP_RET_TRAP)");
    }
    if (RESTARTS.includes(result)) throw new Refusal("it was interrupted");
    return result;
  }

  /**
   * Receives the SIGSYS of the filter, which the kernel reports before the thread runs, and drops
   * it.
   */
  #dropTrap(): void {
    this.#restore();
    do this.#continue(PTRACE_CONT, 0); while (isEvent(this.#awaitStop(this.timeout)));
    if (this.#stop?.signal === SIGSYS) this.#dropSignal();
    else this.#interrupt(this.timeout);
  }

  /** Stops the thread again after a question without an answer, if possible. Returns the reason. */
  #recover(error: SystemError): string {
    if (error.errno === Errno.ETIMEDOUT) {
      errnoOf(() => this.#interrupt(this.timeout));
      return "the call does not return";
    }
    return error.errno === Errno.ESRCH ? "the thread has ended" : error.message;
  }

  #save(): Saved {
    request(this.tid, PTRACE_SETOPTIONS, 0, this.#options);
    const registers = getRegisters(this.tid);
    const mask = new Uint8Array(SIGSET_SIZE).fill(0xff); // no thread can block SIGKILL
    request(this.tid, PTRACE_GETSIGMASK, SIGSET_SIZE, mask);
    if (mask.every((byte) => byte === 0xff)) throw new AnswerError("ptrace", "a full signal mask");
    const instruction = syscallInstruction(this.tid);
    request(this.tid, PTRACE_SETSIGMASK, SIGSET_SIZE, BLOCKED_WHILE_ASKED);
    return { registers, mask, instruction };
  }

  #restore(): void {
    if (this.#saved === undefined) return;
    setRegisters(this.tid, this.#saved.registers);
    request(this.tid, PTRACE_SETSIGMASK, SIGSET_SIZE, this.#saved.mask);
    this.#saved = undefined;
  }

  /** Releases the thread. Returns whether nothing is left to do. */
  #detach(timeout: number): boolean {
    try {
      // Only from a stop between two instructions does the kernel restart a call that the stop
      // interrupted.
      const isElsewhere = this.#saved !== undefined && !isEvent(this.#stop ?? NO_SIGNAL);
      if (this.#stop === undefined || isElsewhere) this.#interrupt(timeout);
      try {
        this.#restore();
      } finally {
        request(this.tid, PTRACE_DETACH, 0, 0);
        // The second request fails if the first succeeded. If the first had no effect, the thread
        // would stay stopped for good.
        errnoOf(() => request(this.tid, PTRACE_DETACH, 0, 0));
        this.#stop = undefined;
      }
      return true;
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      if (error.errno === Errno.ESRCH) return this.#leave(timeout);
      if (error.errno === Errno.ETIMEDOUT) return false;
      throw error;
    }
  }

  /**
   * Leaves a thread that is not stopped although it was: it has ended, or another thread of its
   * process has called execve(2), and now has its id. Returns whether nothing is left to do.
   */
  #leave(timeout: number): boolean {
    if (hasEnded(this.tid)) return reapEnded(this.tid, timeout);
    if (this.#stop !== undefined) {
      this.#stop = undefined;
      return this.#detach(timeout);
    }
    return tracerOf(this.tid) !== rawSyscall("gettid") || reapEnded(this.tid, timeout);
  }
}
