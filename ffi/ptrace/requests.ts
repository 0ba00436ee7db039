/**
 * Requests of ptrace(2) to a stopped thread: its registers, its signals, its current system call
 * and its filters.
 *
 * @module
 */

import {
  NT_ARM_SYSTEM_CALL,
  NT_PRSTATUS,
  PTRACE_GET_SYSCALL_INFO,
  PTRACE_GETREGSET,
  PTRACE_GETSIGINFO,
  PTRACE_PEEKSIGINFO,
  PTRACE_SECCOMP_GET_FILTER,
  PTRACE_SETREGSET,
  SIGSYS,
  SYS_SECCOMP,
} from "../abi/constants.ts";
import { AnswerError, Errno, SystemError } from "../abi/errno.ts";
import {
  iovec,
  ptrace_peeksiginfo_args,
  ptrace_syscall_info,
  siginfo_t,
  sock_filter,
} from "../abi/layouts.ts";
import { rawSyscall } from "../abi/raw_syscall.ts";
import { addressOf, type StructView } from "../abi/struct.ts";
import { SYSCALL_CONVENTIONS } from "./registers.ts";

/** How this architecture makes a system call. */
export const convention = SYSCALL_CONVENTIONS[Deno.build.arch];

type Registers = Uint8Array<ArrayBuffer>;

/** There is no answer. The message says why. */
export class Refusal extends Error {}

/**
 * Makes a request: ptrace(2).
 *
 * @param tid The thread.
 * @param operation Such as `PTRACE_GETREGSET`.
 * @returns The result of the operation.
 * @throws {SystemError} `ESRCH` (the thread has ended, or is not stopped), `EPERM`, …
 */
export function request(
  tid: number,
  operation: number,
  address: number | bigint,
  data: number | Uint8Array<ArrayBuffer>,
): number {
  return rawSyscall("ptrace", operation, tid, address, data);
}

// SAFETY: these are bindings of this module, so the memory that `vector` points to lives across
// every call.
const registerBuffer = new Uint8Array(convention.registers.size + 8); // larger than the set
const noCall = Int32Array.of(-1);
const vector = iovec.alloc();

const NO_CALL = 0xffff_ffff_ffff_ffffn;

/**
 * Reads the general registers: PTRACE_GETREGSET.
 *
 * @throws {Refusal} If the thread runs a 32-bit program.
 * @throws {AnswerError} If the kernel writes more registers than the architecture has.
 */
export function getRegisters(tid: number): Registers {
  const { size } = convention.registers;
  vector.iov_base = addressOf(registerBuffer);
  vector.iov_len = registerBuffer.length; // the kernel replaces it by the size of the set
  request(tid, PTRACE_GETREGSET, NT_PRSTATUS, vector.bytes);
  if (vector.iov_len > size) {
    throw new AnswerError("ptrace", `${vector.iov_len} bytes of registers`);
  }
  if (vector.iov_len < size) throw new Refusal("it runs a 32-bit program");
  return registerBuffer.slice(0, size);
}

/** Writes the general registers: PTRACE_SETREGSET. */
export function setRegisters(tid: number, registers: Registers): void {
  registerBuffer.set(registers);
  vector.iov_base = addressOf(registerBuffer);
  vector.iov_len = registers.length;
  request(tid, PTRACE_SETREGSET, NT_PRSTATUS, vector.bytes);
}

/** One register by its name in {@linkcode convention}. */
export function word(registers: Registers, name: string): bigint {
  return convention.registers.over(registers)[name] as bigint;
}

/** Sets one register by its name in {@linkcode convention}. */
export function setWord(registers: Registers, name: string, value: bigint): void {
  convention.registers.over(registers)[name] = value;
}

/** The registers of a thread that is about to make a call with the instruction at this address. */
export function registersOfCall(
  before: Registers,
  instruction: bigint,
  number: bigint,
  args: readonly bigint[],
): Registers {
  const registers = before.slice();
  convention.args.forEach((name, i) => setWord(registers, name, args[i]));
  setWord(registers, convention.programCounter, instruction);
  setWord(registers, convention.number, number);
  return registers;
}

/** At the entry to a system call, replaces its number by -1, so that the kernel skips it. */
export function cancelCall(tid: number): void {
  if (convention.callNumber !== undefined) {
    const registers = getRegisters(tid);
    setWord(registers, convention.callNumber, NO_CALL);
    setRegisters(tid, registers);
    return;
  }
  vector.iov_base = addressOf(noCall);
  vector.iov_len = noCall.length * noCall.BYTES_PER_ELEMENT;
  request(tid, PTRACE_SETREGSET, NT_ARM_SYSTEM_CALL, vector.bytes);
}

/** The system call at whose entry or exit the thread stands: PTRACE_GET_SYSCALL_INFO. */
export function syscallInfo(tid: number): StructView<typeof ptrace_syscall_info.fields> {
  const info = ptrace_syscall_info.alloc();
  request(tid, PTRACE_GET_SYSCALL_INFO, ptrace_syscall_info.size, info.bytes);
  return info;
}

/** `si_code` of the signal that stopped the thread: PTRACE_GETSIGINFO. */
export function causeOfSignal(tid: number): number {
  const signal = siginfo_t.alloc();
  request(tid, PTRACE_GETSIGINFO, 0, signal.bytes);
  return signal.si_code;
}

/** The number of pending signals that one request reads. */
const SIGNALS_AT_ONCE = 32;

/** Whether a SIGSYS of a seccomp filter is pending: PTRACE_PEEKSIGINFO. */
export function isTrapped(tid: number): boolean {
  const range = ptrace_peeksiginfo_args.alloc();
  const signals = new Uint8Array(SIGNALS_AT_ONCE * siginfo_t.size);
  for (range.nr = SIGNALS_AT_ONCE;; range.off += BigInt(SIGNALS_AT_ONCE)) {
    const count = request(tid, PTRACE_PEEKSIGINFO, addressOf(range.bytes), signals);
    for (let i = 0; i < count; i++) {
      const { si_signo, si_code } = siginfo_t.over(signals, i * siginfo_t.size);
      if (si_signo === SIGSYS && si_code === SYS_SECCOMP) return true;
    }
    if (count < SIGNALS_AT_ONCE) return false;
  }
}

/**
 * PTRACE_SECCOMP_GET_FILTER fails with these if there is no filter of that index, or none at all.
 */
const NO_MORE: number[] = [Errno.ENOENT, Errno.EINVAL];

/** The programs of the thread's seccomp filters, the oldest first: PTRACE_SECCOMP_GET_FILTER. */
export function* filtersOf(tid: number): Generator<Uint8Array<ArrayBuffer>> {
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
