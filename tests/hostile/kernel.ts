/**
 * System calls of hostile children that fdpass itself has no use for.
 *
 * @module
 */

import {
  addressOf,
  assemble,
  bpfJumpEqual,
  bpfLoad,
  bpfProgram,
  bpfReturn,
  check,
  libc,
  rawSyscall,
  SECCOMP_FILTER_FLAG_NEW_LISTENER,
  SECCOMP_RET_ALLOW,
  SECCOMP_SET_MODE_FILTER,
  type SyscallName,
  syscallNumber,
} from "../../ffi/mod.ts";

/**
 * The numbers of calls that `ffi/` does not have, on x86_64 and aarch64. Source: asm/unistd_64.h,
 * asm-generic/unistd.h.
 */
const MORE_CALLS = {
  chdir: [80, 49],
  io_setup: [206, 0],
  io_submit: [209, 2],
  ptrace: [101, 117],
} as const;

/** Makes one of those calls. */
export function call(
  name: keyof typeof MORE_CALLS,
  ...args: readonly (number | bigint | Uint8Array<ArrayBuffer>)[]
): number {
  const number = MORE_CALLS[name][Deno.build.arch === "x86_64" ? 0 : 1];
  const [a, b, c, d] = [...args, 0, 0, 0, 0].map((arg) =>
    arg instanceof Uint8Array ? addressOf(arg) : BigInt(arg)
  );
  return check(libc.syscall(BigInt(number), a, b, c, d, 0n, 0n), name);
}

/** prctl(2) with all of its arguments. */
export function prctlWith(operation: number, ...args: readonly (number | bigint)[]): void {
  const [a, b, c, d] = [...args, 0, 0, 0, 0].map((arg) => BigInt.asUintN(64, BigInt(arg)));
  check(libc.prctl(operation, a, b, c, d), "prctl");
}

/** Ends this process at once. */
export function leave(status = 0): never {
  rawSyscall("exit_group", status);
  throw new Error("exit_group came back");
}

/**
 * Installs a filter on this thread that answers one call and allows every other.
 *
 * @param answer `SECCOMP_RET_…`.
 * @returns The descriptor for notifications, or 0.
 */
export function filterThisThread(name: SyscallName, answer: number, isNotified = false): number {
  const program = assemble([
    bpfLoad(0), // offsetof(struct seccomp_data, nr)
    bpfJumpEqual(syscallNumber(name)!, 0, 1),
    bpfReturn(answer),
    bpfReturn(SECCOMP_RET_ALLOW),
  ]);
  const flags = isNotified ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0;
  return rawSyscall("seccomp", SECCOMP_SET_MODE_FILTER, flags, bpfProgram(program));
}
