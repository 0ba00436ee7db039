/**
 * The properties of this machine that decide the outcome of an attack: settings of its kernel, and
 * the programs that an attack needs.
 *
 * @module
 */

import { O_CLOEXEC, O_RDONLY } from "../../../ffi/abi/constants.ts";
import { Errno, SystemError } from "../../../ffi/abi/errno.ts";
import { io_uring_params } from "../../../ffi/abi/layouts.ts";
import { rawSyscall } from "../../../ffi/abi/raw_syscall.ts";
import { close } from "../../../ffi/process/descriptor.ts";
import { open } from "../../../ffi/process/file.ts";
import { allowsUnprivilegedIoUring, systemSetting, whyNoOwnRing } from "../../host/kernel.ts";
import { PERL } from "./attacks.ts";
import type { Outcome } from "./operation.ts";

/**
 * Returns whether any process may load eBPF programs. Where the setting is missing, the answer is
 * no: the kernel is older than the setting, or has no bpf(2).
 */
export function allowsUnprivilegedBpf(): boolean {
  return systemSetting("kernel/unprivileged_bpf_disabled", "1") === "0";
}

/**
 * Returns whether a process may trace any other of the same uid. The setting belongs to Yama;
 * without Yama, every process may.
 */
export function allowsPtraceOfSiblings(): boolean {
  return systemSetting("kernel/yama/ptrace_scope", "0") === "0";
}

/** Returns a function that asks once, and returns that answer for the whole run. */
function once<T>(ask: () => T): () => T {
  let answer: [T] | undefined;
  return () => (answer ??= [ask()])[0];
}

/** Returns why an unprivileged process cannot make a ring here; `undefined` if it can. */
export const whyNoRing = once(() => whyNoOwnRing());

/**
 * Returns why no Perl program can be run; `undefined` if one can. Parent and worker both ask:
 * either may open a file for reading.
 */
export const whyNoPerl = once(() => {
  try {
    close(open(PERL, O_RDONLY | O_CLOEXEC));
    return undefined;
  } catch (error) {
    if (error instanceof SystemError && error.errno === Errno.ENOENT) return error.message;
    throw error;
  }
});

/**
 * The errnos of io_uring_setup(2) for every process: under a system call filter that was in place
 * before this program started, and in a kernel without io_uring.
 */
const REFUSED_TO_ALL: readonly number[] = [Errno.EPERM, Errno.ENOSYS];

/** Returns `allowed`, or the errno by name where io_uring_setup(2) is refused to every process. */
const setUpOutcome = once((): Outcome => {
  try {
    close(rawSyscall("io_uring_setup", 4, io_uring_params.alloc().bytes));
    return "allowed";
  } catch (error) {
    if (error instanceof SystemError && REFUSED_TO_ALL.includes(error.errno)) return error.code;
    throw error;
  }
});

/** Returns the outcome of io_uring_setup(2) in an unprivileged process without a filter of ours. */
export function ringOutcome(): Outcome {
  return allowsUnprivilegedIoUring() ? setUpOutcome() : "EPERM";
}
