/**
 * A system call of a stopped thread, as its filters would see it, and the call that the kernel
 * makes again because the stop has interrupted it.
 *
 * @module
 */

import { AUDIT_ARCH, syscallNumber } from "../abi/syscalls.ts";
import { convention, word } from "./requests.ts";

/** A system call of a thread: all that a filter of system calls sees of it. */
export interface ThreadCall {
  /** Its number. */
  readonly nr: number;
  /** The six registers that hold arguments. */
  readonly args: readonly bigint[];
  /** `AUDIT_ARCH_…`. A process can make 32-bit calls among others. */
  readonly arch: number;
  /** The address behind the instruction that makes the call. */
  readonly instructionPointer: bigint;
}

/** Whether a call is one of this architecture, and not of its 32-bit mode. */
export const isNative = ({ arch }: ThreadCall): boolean => arch === AUDIT_ARCH[Deno.build.arch];

/**
 * The results with which a call asks the kernel to make it again: ERESTARTSYS, ERESTARTNOINTR,
 * ERESTARTNOHAND, and that which asks for restart_syscall(2) instead, ERESTART_RESTARTBLOCK.
 * Source: include/linux/errno.h of the kernel.
 */
export const RESTARTS: readonly number[] = [-512, -513, -514, -516];
const ERESTART_RESTARTBLOCK = -516;

/**
 * Returns the call that a thread makes first when it continues from a stop between two
 * instructions: the call that the stop has interrupted, or restart_syscall(2) to go on with it.
 *
 * On aarch64 the registers do not show it.
 *
 * Source: arch_do_signal_or_restart in arch/x86/kernel/signal.c.
 *
 * @param registers The registers of the thread.
 * @param arch The architecture of its current call, from PTRACE_GET_SYSCALL_INFO.
 * @returns `undefined` if it makes none.
 */
export function repeatedCall(
  registers: Uint8Array<ArrayBuffer>,
  arch: number,
): ThreadCall | undefined {
  const { callNumber, result: resultRegister, args, programCounter } = convention;
  if (callNumber === undefined) return undefined;
  const interrupted = Number(BigInt.asIntN(64, word(registers, callNumber)));
  const result = Number(BigInt.asIntN(64, word(registers, resultRegister)));
  if (interrupted === -1 || !RESTARTS.includes(result)) return undefined;
  return {
    nr: result === ERESTART_RESTARTBLOCK ? syscallNumber("restart_syscall")! : interrupted,
    args: args.map((name) => word(registers, name)),
    arch,
    instructionPointer: word(registers, programCounter),
  };
}
