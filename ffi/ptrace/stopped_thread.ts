/**
 * Asking the kernel in a thread of another process: what it answers to that thread, and not what
 * the process says.
 *
 * Theory of operation. ptrace(2) stops the thread. Its registers are saved and set, so that it
 * makes the system call that is asked. The kernel reports the beginning of that call, with its
 * number and arguments, and its end, with its result; only a result that follows the beginning of
 * exactly that call is an answer. Then the registers are put back, and the thread goes on.
 *
 * Signals. While a thread is asked, it blocks all signals but those that its own instructions
 * cause. A signal that stops the thread is passed on, with the thread's own registers, and it is
 * stopped again. So none is lost.
 *
 * Only the operating system thread that has stopped a thread can go on with it, so everything here
 * blocks, each wait with an end.
 *
 * On aarch64 a wait with a timeout that was interrupted begins anew, with the whole of its time.
 * The tests run on x86_64.
 *
 * @module
 */

import {
  __WALL,
  NT_ARM_SYSTEM_CALL,
  NT_PRSTATUS,
  O_CLOEXEC,
  O_RDONLY,
  P_PID,
  PTRACE_CONT,
  PTRACE_DETACH,
  PTRACE_EVENT_STOP,
  PTRACE_GET_SYSCALL_INFO,
  PTRACE_GETREGSET,
  PTRACE_GETSIGINFO,
  PTRACE_GETSIGMASK,
  PTRACE_INTERRUPT,
  PTRACE_O_SUSPEND_SECCOMP,
  PTRACE_O_TRACESYSGOOD,
  PTRACE_PEEKSIGINFO,
  PTRACE_PEEKTEXT,
  PTRACE_SECCOMP_GET_FILTER,
  PTRACE_SEIZE,
  PTRACE_SETOPTIONS,
  PTRACE_SETREGSET,
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
  SYS_SECCOMP,
  SYS_USER_DISPATCH,
  WEXITED,
  WNOHANG,
  WSTOPPED,
} from "../abi/constants.ts";
import { close } from "../process/descriptor.ts";
import { AnswerError, Errno, errnoOf, SystemError } from "../abi/errno.ts";
import { open, readTextFile } from "../process/file.ts";
import { unlessGone } from "../process/proc.ts";
import {
  iovec,
  ptrace_peeksiginfo_args,
  ptrace_syscall_info,
  siginfo_t,
  sock_filter,
} from "../abi/layouts.ts";
import { pageSize } from "../abi/memory.ts";
import { rawSyscall } from "../abi/raw_syscall.ts";
import { SYSCALL_CONVENTIONS } from "./registers.ts";
import { sleep } from "../socket/poll.ts";
import { addressOf, type StructView } from "../abi/struct.ts";
import { AUDIT_ARCH, type SyscallName, syscallNumber } from "../abi/syscalls.ts";

const convention = SYSCALL_CONVENTIONS[Deno.build.arch];

/** A system call that was not made as it was asked, so that there is no answer. */
export class NotAnsweredError extends Error {
  /** `NotAnsweredError`. */
  override readonly name = "NotAnsweredError";

  /**
   * Says which question has no answer, and why.
   *
   * @param syscall The call that was asked.
   * @param tid The thread in which it was asked.
   * @param reason Why there is no answer.
   */
  constructor(readonly syscall: SyscallName, readonly tid: number, readonly reason: string) {
    super(`Thread ${tid} gave no answer to ${syscall}: ${reason}`);
  }
}

/** A stop, as waitid(2) reports it: the signal, and beside it what has happened. */
interface Stop {
  readonly signal: number;
  readonly event: number;
}

/**
 * A stop at a system call, which PTRACE_O_TRACESYSGOOD marks. Source: ptrace(2), "Syscall-stops".
 */
const SYSCALL_STOP = SIGTRAP | 0x80;

const isEvent = (stop: Stop) => stop.event === PTRACE_EVENT_STOP;
const isSyscall = (stop: Stop) => stop.signal === SYSCALL_STOP;

/** What a thread was before it was asked. */
interface Saved {
  readonly registers: Uint8Array<ArrayBuffer>;
  readonly mask: Uint8Array<ArrayBuffer>;
  /** The address of an instruction that makes a system call. */
  readonly instruction: bigint;
}

/** A stop by a signal that is not passed on. */
const NO_SIGNAL: Stop = { signal: 0, event: 0 };

/** The size of the kernel's `sigset_t`, in bytes. */
const SIGSET = 8;

/**
 * Signals that the thread's own instructions cause. If it blocks one of those, the kernel takes its
 * handler away.
 */
const CAUSED_BY_THE_THREAD = [SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV, SIGSYS];

/** All signals but those. */
const QUIET = new Uint8Array(SIGSET).fill(0xff);
for (const signal of CAUSED_BY_THE_THREAD) QUIET[(signal - 1) >> 3] &= ~(1 << ((signal - 1) & 7));

/**
 * How often something else may come in the place of a call. A bound, because every wait has an end.
 */
const STOPS_TOLERATED = 64;

/** How many pending signals are read at once. */
const SIGNALS_AT_ONCE = 32;

/** How often a stop is looked for before the first sleep. */
const POLLS_AT_ONCE = 200;

/** How often a thread that has not stopped in time is looked at, in milliseconds. */
const LEAVE_INTERVAL = 10;

/**
 * The results between which lie those of a call that a signal interrupted. Source:
 * include/linux/errno.h, the kernel's own.
 */
const ERESTARTSYS = -512;
const ERESTART_RESTARTBLOCK = -516;

/**
 * What `PTRACE_SECCOMP_GET_FILTER` fails with where there is no filter of that index, and where
 * there is none at all.
 */
const NO_MORE: number[] = [Errno.ENOENT, Errno.EINVAL];

/**
 * Where `flags` is in /proc/TID/stat, from the third field on, and what it says. Source:
 * proc_pid_stat(5), include/linux/sched.h.
 */
const FLAGS = 9 - 3;
const PF_IO_WORKER = 0x10;
const PF_KTHREAD = 0x200000;

/** The most bytes of /proc/TID/maps: 65,530 mappings (vm.max_map_count), and more. */
const MAPS_LIMIT = 1 << 24;

/**
 * A thread of another process, stopped by ptrace(2).
 *
 * It goes on where it was when it is resumed, at the latest at the end of its scope (`using`), with
 * the signals that came meanwhile. Any stop interrupts epoll_wait(2), and recv(2) with a timeout,
 * with `EINTR`: signal(7).
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
  /** How it has stopped; none while it runs. */
  #stop: Stop | undefined;
  #saved: Saved | undefined;
  /** Whether it is one of the kernel\'s own, once that was asked. */
  #isKernels: boolean | undefined;
  #options = PTRACE_O_TRACESYSGOOD;
  #isLeft = false;

  private constructor(
    /** Its thread id. */
    readonly tid: number,
    /** How long it may take to stop, to answer, and to go on, in milliseconds. */
    readonly timeout: number,
  ) {}

  /**
   * Stops a thread: `PTRACE_SEIZE`, `PTRACE_INTERRUPT`.
   *
   * A thread that has not stopped in time (one that waits in vfork(2), or for a disk) stays traced,
   * and will stop. The event loop of the calling thread lets it go then; as long as that does not
   * turn, it stands still.
   *
   * @param tid Its thread id; the process id is that of the first thread.
   * @param timeout How long it may take to stop, and later to answer or to go on, in milliseconds.
   * @returns The thread; `undefined` if it has ended.
   * @throws {SystemError} `EPERM` (no `CAP_SYS_PTRACE`, a thread of this process, or it is traced
   * already), `ETIMEDOUT` (it has not stopped).
   */
  static stop(tid: number, timeout: number): StoppedThread | undefined {
    try {
      rawSyscall("ptrace", PTRACE_SEIZE, tid, 0, 0);
    } catch (error) {
      if (isEnd(error, tid)) return undefined;
      throw error;
    }
    const thread = new StoppedThread(tid, timeout);
    try {
      thread.#standStill(timeout);
      return thread;
    } catch (error) {
      thread.#letGo(0); // the time is over
      if (isEnd(error, tid)) return undefined;
      throw error;
    }
  }

  /**
   * Has the thread make a system call, and returns the kernel's answer to it.
   *
   * A filter of system calls is asked as well, and an errno of its is the answer; beneath it is
   * {@linkcode beneathFilter}. One that kills kills.
   *
   * @param name The call: one that comes back at once.
   * @param args At most six; an address is one in the memory of that process.
   * @returns The result; `-errno` if the call fails.
   * @throws {NotAnsweredError} If that call was not made: the thread has ended, is one of the
   * kernel's own, …
   * @throws {RangeError} If the architecture has no call of that name.
   */
  ask(name: SyscallName, ...args: readonly (number | bigint)[]): number {
    const number = syscallNumber(name);
    if (number === null) throw new RangeError(`No system call ${name} on ${Deno.build.arch}`);
    const words = Array.from({ length: 6 }, (_, i) => BigInt.asUintN(64, BigInt(args[i] ?? 0)));
    try {
      return this.#ask(BigInt(number), words);
    } catch (error) {
      if (error instanceof Refusal) throw new NotAnsweredError(name, this.tid, error.message);
      if (!(error instanceof SystemError)) throw error;
      throw new NotAnsweredError(name, this.tid, this.#recover(error));
    }
  }

  /**
   * Runs a step during which no filter of system calls is asked in this thread:
   * `PTRACE_O_SUSPEND_SECCOMP`.
   *
   * @param step Asks.
   * @throws {SystemError} `EPERM` (no `CAP_SYS_ADMIN`, or this process has a filter itself),
   * `EINVAL` (a kernel without `CONFIG_CHECKPOINT_RESTORE`).
   */
  beneathFilter<T>(step: () => T): T {
    const before = this.#options;
    this.#request(PTRACE_SETOPTIONS, 0, before | PTRACE_O_SUSPEND_SECCOMP);
    this.#options = before | PTRACE_O_SUSPEND_SECCOMP;
    try {
      return step();
    } finally {
      this.#options = before;
      // Refused only for a thread that does not stand still. Its filter is back when it is let go,
      // which is before it runs.
      errnoOf(() => this.#request(PTRACE_SETOPTIONS, 0, before));
    }
  }

  /**
   * The programs of its filters of system calls, the oldest first: `PTRACE_SECCOMP_GET_FILTER`.
   *
   * @returns Programs of classic BPF, as {@linkcode installFilter} takes them.
   * @throws {SystemError} `EACCES` (no `CAP_SYS_ADMIN`, or this process has a filter itself), `EIO`
   * (a kernel without `CONFIG_CHECKPOINT_RESTORE`), `ESRCH` (it has ended).
   */
  filters(): Uint8Array<ArrayBuffer>[] {
    return [...filtersOf(this.tid)];
  }

  /**
   * Lets the thread go on where it was, with its own registers and mask of signals. The second time
   * does nothing.
   *
   * @throws {SystemError} If ptrace(2) fails otherwise than by the end of the thread.
   */
  resume(): void {
    this.#letGo(this.timeout);
  }

  /** {@linkcode resume}, at the end of a `using` scope. */
  [Symbol.dispose](): void {
    this.resume();
  }

  #letGo(timeout: number): void {
    if (this.#isLeft) return;
    this.#isLeft = true;
    let isDone = false;
    try {
      isDone = this.#leave(timeout);
    } finally {
      if (!isDone) this.#leaveLater();
    }
  }

  /**
   * Tries until the thread is let go or has ended. A process does not end while one of its threads
   * has ended and its tracer has taken no note.
   */
  #leaveLater(): void {
    const timer = setInterval(() => {
      const errno = errnoOf(() => {
        if (this.#leave(0)) clearInterval(timer);
      });
      if (errno !== 0 && takeNoteOfEnd(this.tid, 0)) clearInterval(timer);
    }, LEAVE_INTERVAL);
    Deno.unrefTimer(timer); // the end of the tracer is leave too
  }

  #request(request: number, address: number | bigint, data: number | Uint8Array<ArrayBuffer>) {
    return rawSyscall("ptrace", request, this.tid, address, data);
  }

  #goOn(request: typeof PTRACE_CONT | typeof PTRACE_SYSCALL, signal: number): void {
    this.#stop = undefined;
    this.#request(request, 0, signal);
  }

  #awaitStop(timeout: number): Stop {
    return this.#stop = awaitStop(this.tid, timeout);
  }

  /** Stops it between two instructions, wherever it is: PTRACE_INTERRUPT. */
  #standStill(timeout: number): void {
    this.#request(PTRACE_INTERRUPT, 0, 0);
    do {
      if (this.#stop !== undefined) this.#passOn(this.#stop);
    } while (!isEvent(this.#awaitStop(timeout)));
  }

  #passOn(stop: Stop): void {
    if (isSyscall(stop)) {
      if (this.#syscallInfo().op === PTRACE_SYSCALL_INFO_ENTRY) this.#cancelCall();
      this.#goOn(PTRACE_CONT, 0);
    } else if (isEvent(stop)) {
      this.#goOn(PTRACE_CONT, 0);
    } else {
      this.#restore(); // a signal handler must find the thread as it was
      this.#goOn(PTRACE_CONT, stop.signal);
    }
  }

  /** Like {@linkcode #standStill}, without the signal that asking has caused. */
  #dropSignal(): void {
    this.#stop = NO_SIGNAL;
    this.#standStill(this.timeout);
  }

  #ask(number: bigint, args: readonly bigint[]): number {
    if (this.#stop === undefined) throw new Refusal("it does not stand still");
    this.#isKernels ??= isKernelThread(this.tid);
    if (this.#isKernels) throw new Refusal("it is a thread of the kernel's own");
    for (let attempt = 0; attempt < STOPS_TOLERATED; attempt++) {
      this.#saved ??= this.#save();
      const { registers, instruction } = this.#saved;
      this.#setRegisters(registersOfCall(registers, instruction, number, args));
      this.#goOn(PTRACE_SYSCALL, 0);
      const stop = this.#awaitStop(this.timeout);
      if (isSyscall(stop)) {
        this.#checkCall(number, args, instruction);
        return this.#answer();
      }
      if (isEvent(stop)) continue;
      if (stop.signal === SIGSYS && this.#causeOfSignal() === SYS_USER_DISPATCH) {
        this.#dropSignal();
        throw new Refusal("the process intercepts its system calls (PR_SET_SYSCALL_USER_DISPATCH)");
      }
      this.#standStill(this.timeout); // the signal first
    }
    throw new Refusal(`something else came in its place ${STOPS_TOLERATED} times`);
  }

  /** That the call that begins is the one that was asked, by the kernel's own account. */
  #checkCall(number: bigint, args: readonly bigint[], instruction: bigint): void {
    const info = this.#syscallInfo();
    const made = new BigUint64Array(info.entry_args.slice().buffer);
    const isAsked = info.op === PTRACE_SYSCALL_INFO_ENTRY &&
      info.arch === AUDIT_ARCH[Deno.build.arch] &&
      info.instruction_pointer === instruction + BigInt(convention.instruction.length) &&
      info.entry_nr === number && args.every((arg, i) => made[i] === arg);
    if (isAsked) return;
    this.#standStill(this.timeout);
    throw new Refusal(`it made another system call, ${info.entry_nr}`);
  }

  #answer(): number {
    this.#goOn(PTRACE_SYSCALL, 0);
    const stop = this.#awaitStop(this.timeout);
    const { op, exit_rval } = this.#syscallInfo();
    if (!isSyscall(stop) || op !== PTRACE_SYSCALL_INFO_EXIT) throw new Refusal("it did not end");
    const result = Number(exit_rval);
    // A trapped call has the registers from before it, whose result is a number or a first argument.
    if (result >= 0 && this.#isTrapped()) {
      this.#dropTrap();
      throw new Refusal("a filter traps it (SECCOMP_RET_TRAP)");
    }
    if (result <= ERESTARTSYS && result >= ERESTART_RESTARTBLOCK) {
      throw new Refusal("it was interrupted");
    }
    return result;
  }

  /** Whether a filter has answered by a signal: the result is then the number of the call. */
  #isTrapped(): boolean {
    const range = ptrace_peeksiginfo_args.alloc();
    const signals = new Uint8Array(SIGNALS_AT_ONCE * siginfo_t.size);
    for (range.nr = SIGNALS_AT_ONCE;; range.off += BigInt(SIGNALS_AT_ONCE)) {
      const count = this.#request(PTRACE_PEEKSIGINFO, addressOf(range.bytes), signals);
      for (let i = 0; i < count; i++) {
        const { si_signo, si_code } = siginfo_t.over(signals, i * siginfo_t.size);
        if (si_signo === SIGSYS && si_code === SYS_SECCOMP) return true;
      }
      if (count < SIGNALS_AT_ONCE) return false;
    }
  }

  /** The kernel reports that signal before the thread runs. */
  #dropTrap(): void {
    this.#restore();
    do this.#goOn(PTRACE_CONT, 0); while (isEvent(this.#awaitStop(this.timeout)));
    if (this.#stop?.signal === SIGSYS) this.#dropSignal();
    else this.#standStill(this.timeout);
  }

  #causeOfSignal(): number {
    const signal = siginfo_t.alloc();
    this.#request(PTRACE_GETSIGINFO, 0, signal.bytes);
    return signal.si_code;
  }

  #syscallInfo(): StructView<typeof ptrace_syscall_info.fields> {
    const info = ptrace_syscall_info.alloc();
    this.#request(PTRACE_GET_SYSCALL_INFO, ptrace_syscall_info.size, info.bytes);
    return info;
  }

  /**
   * What goes on after a question that has no answer: the thread stands still, if it can be had.
   */
  #recover(error: SystemError): string {
    if (error.errno === Errno.ETIMEDOUT) {
      errnoOf(() => this.#standStill(this.timeout));
      return "the call does not come back";
    }
    return error.errno === Errno.ESRCH ? "the thread has ended" : error.message;
  }

  #save(): Saved {
    this.#request(PTRACE_SETOPTIONS, 0, this.#options);
    const registers = this.#registers();
    const mask = new Uint8Array(SIGSET).fill(0xff); // no thread can block SIGKILL
    this.#request(PTRACE_GETSIGMASK, SIGSET, mask);
    if (mask.every((byte) => byte === 0xff)) throw new AnswerError("ptrace", "a full signal mask");
    const instruction = this.#syscallInstruction(registers);
    this.#request(PTRACE_SETSIGMASK, SIGSET, QUIET);
    return { registers, mask, instruction };
  }

  #restore(): void {
    if (this.#saved === undefined) return;
    this.#setRegisters(this.#saved.registers);
    this.#request(PTRACE_SETSIGMASK, SIGSET, this.#saved.mask);
    this.#saved = undefined;
  }

  #registers(): Uint8Array<ArrayBuffer> {
    const { size } = convention.registers;
    piece.iov_base = addressOf(registersThere);
    piece.iov_len = registersThere.length; // the kernel sets how much it has written
    this.#request(PTRACE_GETREGSET, NT_PRSTATUS, piece.bytes);
    if (piece.iov_len > size) {
      throw new AnswerError("ptrace", `${piece.iov_len} bytes of registers`);
    }
    if (piece.iov_len < size) throw new Refusal("it runs a 32-bit program");
    return registersThere.slice(0, size);
  }

  #setRegisters(registers: Uint8Array<ArrayBuffer>): void {
    registersThere.set(registers);
    piece.iov_base = addressOf(registersThere);
    piece.iov_len = registers.length;
    this.#request(PTRACE_SETREGSET, NT_PRSTATUS, piece.bytes);
  }

  /** At the beginning of a call: there is no call of number -1. */
  #cancelCall(): void {
    if (convention.callNumber !== undefined) {
      const registers = this.#registers();
      setWord(registers, convention.callNumber, NO_CALL);
      this.#setRegisters(registers);
      return;
    }
    piece.iov_base = addressOf(noCall);
    piece.iov_len = noCall.length * noCall.BYTES_PER_ELEMENT;
    this.#request(PTRACE_SETREGSET, NT_ARM_SYSTEM_CALL, piece.bytes);
  }

  /** The one that the thread has just made, or any other of its program. */
  #syscallInstruction(registers: Uint8Array<ArrayBuffer>): bigint {
    const next = word(registers, convention.programCounter);
    const last = next - BigInt(convention.instruction.length);
    return [last, next].find((address) => this.#isInstructionAt(address)) ??
      findInstruction(this.tid);
  }

  #isInstructionAt(address: bigint): boolean {
    const bytes = new Uint8Array(8);
    return errnoOf(() => this.#request(PTRACE_PEEKTEXT, address, bytes)) === 0 &&
      convention.instruction.every((byte, i) => bytes[i] === byte);
  }

  /** Returns whether nothing is left to do. */
  #leave(timeout: number): boolean {
    try {
      // Only between two instructions does the kernel begin a call again that the stop has
      // interrupted.
      const isElsewhere = this.#saved !== undefined && !isEvent(this.#stop ?? NO_SIGNAL);
      if (this.#stop === undefined || isElsewhere) this.#standStill(timeout);
      try {
        this.#restore();
      } finally {
        this.#request(PTRACE_DETACH, 0, 0);
        // Refused, unless the first was not done: then the thread would stand still for good.
        errnoOf(() => this.#request(PTRACE_DETACH, 0, 0));
        this.#stop = undefined;
      }
      return true;
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      if (error.errno === Errno.ESRCH) return takeNoteOfEnd(this.tid, timeout);
      if (error.errno === Errno.ETIMEDOUT) return false;
      throw error;
    }
  }
}

/** Why there is no answer. */
class Refusal extends Error {}

// SAFETY: these are bindings of this module, so what `piece` points to lives across every call.
const registersThere = new Uint8Array(convention.registers.size + 8); // more than there are
const noCall = Int32Array.of(-1);
const piece = iovec.alloc();

const NO_CALL = 0xffff_ffff_ffff_ffffn;

const word = (registers: Uint8Array<ArrayBuffer>, name: string) =>
  convention.registers.over(registers)[name] as bigint;

function setWord(registers: Uint8Array<ArrayBuffer>, name: string, value: bigint): void {
  convention.registers.over(registers)[name] = value;
}

/** The registers of a thread that is about to make a call. */
function registersOfCall(
  before: Uint8Array<ArrayBuffer>,
  instruction: bigint,
  number: bigint,
  args: readonly bigint[],
): Uint8Array<ArrayBuffer> {
  const registers = before.slice();
  convention.args.forEach((name, i) => setWord(registers, name, args[i]));
  setWord(registers, convention.programCounter, instruction);
  setWord(registers, convention.number, number);
  return registers;
}

function* filtersOf(tid: number): Generator<Uint8Array<ArrayBuffer>> {
  for (let index = 0;; index++) {
    let length: number;
    try {
      length = rawSyscall("ptrace", PTRACE_SECCOMP_GET_FILTER, tid, index, 0);
    } catch (error) {
      if (error instanceof SystemError && NO_MORE.includes(error.errno)) return;
      throw error;
    }
    const program = new Uint8Array(length * sock_filter.size);
    rawSyscall("ptrace", PTRACE_SECCOMP_GET_FILTER, tid, index, program);
    yield program;
  }
}

/**
 * Waits by polling, since a wait without an end would be one for a thread that is stuck in the
 * kernel.
 */
function awaitStop(tid: number, timeout: number): Stop {
  const deadline = performance.now() + timeout;
  for (let polls = 0;; polls++) {
    const stop = stopOf(tid);
    if (stop !== undefined) return stop;
    if (polls < POLLS_AT_ONCE) continue;
    if (hasEnded(tid)) throw new SystemError("ptrace", Errno.ESRCH);
    if (performance.now() >= deadline) throw new SystemError("ptrace", Errno.ETIMEDOUT);
    sleep(1);
  }
}

/** waitid(2) without `WEXITED`: the end of a child is left for whoever waits for it. */
function stopOf(tid: number): Stop | undefined {
  const change = siginfo_t.alloc(); // si_signo stays 0 as long as nothing has happened
  try {
    rawSyscall("waitid", P_PID, tid, change.bytes, WSTOPPED | WNOHANG | __WALL, 0);
  } catch (error) {
    if (error instanceof SystemError && error.errno === Errno.ECHILD) return undefined;
    throw error;
  }
  if (change.si_signo === 0) return undefined;
  return { signal: change.si_status & 0xff, event: change.si_status >> 8 };
}

/** Whether an error is one because the thread has ended: `ESRCH`, and `EPERM` for a zombie. */
function isEnd(error: unknown, tid: number): boolean {
  if (!(error instanceof SystemError)) return false;
  return (error.errno === Errno.ESRCH || error.errno === Errno.EPERM) && hasEnded(tid);
}

/**
 * A traced thread that has ended stays, and with it its process, until its tracer takes note:
 * waitid(2). The end of a child of this process is left for whoever waits for it.
 *
 * @returns Whether it has ended.
 */
function takeNoteOfEnd(tid: number, timeout: number): boolean {
  const deadline = performance.now() + timeout;
  while (!hasEnded(tid)) {
    if (performance.now() >= deadline) return false;
    sleep(1);
  }
  const status = unlessGone(() => readTextFile(`/proc/${tid}/status`));
  if (status === undefined || isOwnChild(tid, status)) return true;
  const options = WEXITED | WNOHANG | __WALL;
  const errno = errnoOf(() =>
    rawSyscall("waitid", P_PID, tid, siginfo_t.alloc().bytes, options, 0)
  );
  return errno === Errno.ECHILD ||
    unlessGone(() => readTextFile(`/proc/${tid}/stat`)) === undefined;
}

function isOwnChild(tid: number, status: string): boolean {
  const idAfter = (name: string) => Number(status.match(RegExp(`^${name}:\\s*(\\d+)`, "m"))?.[1]);
  return idAfter("Tgid") === tid && idAfter("PPid") === Deno.pid;
}

/**
 * The fields of /proc/TID/stat from the third one on; none if the thread is gone. Source:
 * proc_pid_stat(5).
 */
function statOf(tid: number): string[] | undefined {
  const stat = unlessGone(() => readTextFile(`/proc/${tid}/stat`));
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
}

/** Whether a thread is gone, or a zombie. That nothing is in /proc does not suffice. */
function hasEnded(tid: number): boolean {
  const stat = statOf(tid);
  if (stat === undefined) return errnoOf(() => rawSyscall("tkill", tid, 0)) === Errno.ESRCH;
  return stat[0] === "Z" || stat[0] === "X";
}

/**
 * Whether a thread is one of the kernel's own, which runs no program: a kernel thread, or a worker
 * of an io_uring, which is among the threads of a process.
 *
 * @example
 * ```ts
 * import { isKernelThread } from "../mod.ts";
 *
 * console.assert(!isKernelThread(Deno.pid));
 * ```
 *
 * @param tid Its thread id.
 * @returns `false` if there is no such thread.
 */
export function isKernelThread(tid: number): boolean {
  const flags = Number(statOf(tid)?.[FLAGS] ?? 0);
  return (flags & (PF_IO_WORKER | PF_KTHREAD)) !== 0;
}

/**
 * The address of an instruction that makes a system call, in memory that the process may execute:
 * in the vDSO, if there.
 */
function findInstruction(tid: number): bigint {
  const maps = readTextFile(`/proc/${tid}/maps`, MAPS_LIMIT).split("\n");
  const executable = maps.filter((line) => /^\S+ r.x/.test(line));
  const isVdso = (line: string) => line.endsWith("[vdso]");
  const memory = open(`/proc/${tid}/mem`, O_RDONLY | O_CLOEXEC);
  try {
    for (const line of [...executable.filter(isVdso), ...executable.filter((l) => !isVdso(l))]) {
      const [start, end] = line.split(" ", 1)[0].split("-").map((hex) => BigInt(`0x${hex}`));
      const found = findInstructionIn(memory, start, end);
      if (found !== undefined) return found;
    }
  } finally {
    close(memory);
  }
  throw new Refusal("it has no instruction that makes a system call");
}

function findInstructionIn(memory: number, start: bigint, end: bigint): bigint | undefined {
  const { instruction } = convention;
  const page = new Uint8Array(pageSize());
  for (let address = start; address < end; address += BigInt(page.length)) {
    if (errnoOf(() => rawSyscall("pread64", memory, page, page.length, address)) !== 0) continue;
    for (let i = page.indexOf(instruction[0]); i !== -1; i = page.indexOf(instruction[0], i + 1)) {
      if (i % convention.alignment !== 0) continue;
      if (instruction.every((byte, k) => page[i + k] === byte)) return address + BigInt(i);
    }
  }
}
