/**
 * The surroundings of a process, as far as they decide what it may do: settings of the kernel, its
 * root folder, its limits, and which of its threads belong to the kernel.
 *
 * @module
 */

import { check, Errno, errnoOf, SystemError } from "../../../ffi/abi/errno.ts";
import { libc } from "../../../ffi/abi/libc.ts";
import { X32_BIT } from "../../../ffi/abi/other_abis.ts";
import { rawSyscall } from "../../../ffi/abi/raw_syscall.ts";
import { syscallNumber } from "../../../ffi/abi/syscalls.ts";
import { readTextFile } from "../../../ffi/process/file.ts";
import { isKernelThread } from "../../../ffi/ptrace/thread_state.ts";
import { systemSetting } from "../../host/kernel.ts";
import type { OtherAbi } from "./calls.ts";
import type { SeenDaemon } from "../subject.ts";

/** The facts beside the process itself. A setting that the kernel does not have is undefined. */
export interface Surroundings {
  /** `kernel.io_uring_disabled`. */
  readonly ioUringDisabled: string | undefined;
  /** `kernel.io_uring_group`. */
  readonly ioUringGroup: string | undefined;
  /** Whether the kernel has io_uring at all. */
  readonly hasIoUring: boolean;
  /** Whether the kernel has asynchronous input and output: io_submit(2). */
  readonly hasAio: boolean;
  /** `kernel.unprivileged_bpf_disabled`. */
  readonly unprivilegedBpfDisabled: string | undefined;
  /** `kernel.yama.ptrace_scope`. */
  readonly ptraceScope: string | undefined;
  /** `user.max_user_namespaces`, of the user namespace of the caller. */
  readonly maxUserNamespaces: string | undefined;
  /** `kernel.unprivileged_userns_clone`, of Debian's kernels. */
  readonly unprivilegedUserNamespaces: string | undefined;
  /** `kernel.apparmor_restrict_unprivileged_userns`, of Ubuntu's kernels. */
  readonly restrictedUserNamespaces: string | undefined;
  /** RLIMIT_NOFILE, the hard limit; undefined if it cannot be read. */
  readonly mostDescriptors: number | undefined;
  /** Whether /dev/null is in its root folder, which anyone may write; undefined if unknown. */
  readonly hasNullDevice: boolean | undefined;
  /** Whether su(1) is in its root folder, as a set-uid program; undefined if unknown. */
  readonly hasSetUidProgram: boolean | undefined;
  /** The other ways into this kernel, beside that of its architecture. */
  readonly abis: readonly OtherAbi[];
  /** The threads that only the kernel runs, for an io_uring. They make no system calls. */
  readonly kernelThreads: readonly number[];
}

/** The bits of a file's mode. Source: inode(7). */
const WRITABLE_BY_OTHERS = 0o002, SET_UID = 0o4000;

/** Looks at the surroundings of a process. Nothing is thrown: what cannot be read is undefined. */
export function seeSurroundings({ pid, threads, shown }: SeenDaemon): Surroundings {
  const isHere = shown.root === "/" &&
    shown.namespaces.some(({ kind, same }) => kind === "mnt" && same);
  return {
    ioUringDisabled: setting("kernel/io_uring_disabled"),
    ioUringGroup: setting("kernel/io_uring_group"),
    hasIoUring: hasIoUring(),
    hasAio: hasAio(),
    unprivilegedBpfDisabled: setting("kernel/unprivileged_bpf_disabled"),
    ptraceScope: setting("kernel/yama/ptrace_scope"),
    maxUserNamespaces: setting("user/max_user_namespaces"),
    unprivilegedUserNamespaces: setting("kernel/unprivileged_userns_clone"),
    restrictedUserNamespaces: setting("kernel/apparmor_restrict_unprivileged_userns"),
    mostDescriptors: hardLimitOfDescriptors(pid),
    hasNullDevice: isHere ? hasMode("/dev/null", WRITABLE_BY_OTHERS) : undefined,
    hasSetUidProgram: isHere ? hasMode("/usr/bin/su", SET_UID, 0) : undefined,
    abis: otherAbis(),
    kernelThreads: threads.map(({ tid }) => tid).filter(isKernelThread),
  };
}

function setting(path: string): string | undefined {
  const value = systemSetting(path, "");
  return value === "" ? undefined : value;
}

/**
 * Whether the mode of a file has one of these bits, and its owner is this one, if one is named. A
 * folder of another mount namespace is not looked at: a process may have made it, and have every
 * look at it wait without end.
 */
function hasMode(path: string, bits: number, owner?: number): boolean {
  try {
    const { uid, mode } = Deno.statSync(path);
    return (owner ?? uid) === uid && ((mode ?? 0) & bits) !== 0;
  } catch {
    return false;
  }
}

/**
 * Returns the other ways into this kernel. On x86_64 the setting exists where it runs 32-bit
 * programs. The call is getpid(2) of x32; a filter of our own that refuses it shows nothing.
 */
function otherAbis(): OtherAbi[] {
  if (Deno.build.arch === "aarch64") return ["arm"];
  const getpid = BigInt(X32_BIT | syscallNumber("getpid")!);
  const x32 = errnoOf(() => check(libc.syscall(getpid, 0n, 0n, 0n, 0n, 0n, 0n), "getpid"));
  return [
    ...setting("abi/vsyscall32") === undefined ? [] : ["i386" as const],
    ...x32 === Errno.ENOSYS ? [] : ["x32" as const],
  ];
}

/** Whether the kernel knows io_uring_setup(2). Without entries it makes no ring. */
function hasIoUring(): boolean {
  return errnoOf(() => rawSyscall("io_uring_setup", 0, 0)) !== Errno.ENOSYS;
}

/** Whether the kernel knows io_setup(2). For no events it makes no context. */
function hasAio(): boolean {
  return errnoOf(() => rawSyscall("io_setup", 0, 0)) !== Errno.ENOSYS;
}

/** Returns the hard limit of RLIMIT_NOFILE; undefined if it cannot be read. */
function hardLimitOfDescriptors(pid: number): number | undefined {
  const limits = textOrNothing(`/proc/${pid}/limits`);
  const [, hard] = limits.match(/^Max open files +\S+ +(\S+)/m) ?? [];
  return hard === undefined ? undefined : hard === "unlimited" ? Infinity : Number(hard);
}

function textOrNothing(path: string): string {
  try {
    return readTextFile(path);
  } catch (error) {
    if (error instanceof SystemError) return "";
    throw error;
  }
}
