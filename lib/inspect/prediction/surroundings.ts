/**
 * The surroundings of a process, as far as they decide what it may do: settings of the kernel, its
 * root folder, its limits, and which of its threads belong to the kernel.
 *
 * @module
 */

import { Errno, errnoOf, SystemError } from "../../../ffi/abi/errno.ts";
import { rawSyscall } from "../../../ffi/abi/raw_syscall.ts";
import { readTextFile } from "../../../ffi/process/file.ts";
import { IoUring } from "../../../ffi/io_uring/io_uring.ts";
import { isKernelThread } from "../../../ffi/ptrace/thread_state.ts";
import { systemSetting } from "../../host/kernel.ts";
import type { SeenDaemon } from "../subject.ts";

/** The facts beside the process itself. A setting that the kernel does not have is undefined. */
export interface Surroundings {
  /** `kernel.io_uring_disabled`. */
  readonly ioUringDisabled: string | undefined;
  /** `kernel.io_uring_group`. */
  readonly ioUringGroup: string | undefined;
  /** Whether the kernel has io_uring at all. */
  readonly hasIoUring: boolean;
  /** Whether the fdinfo of a ring lists its personalities. Linux 6.18 does not list them. */
  readonly showsPersonalities: boolean;
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
    showsPersonalities: showsPersonalities(),
    unprivilegedBpfDisabled: setting("kernel/unprivileged_bpf_disabled"),
    ptraceScope: setting("kernel/yama/ptrace_scope"),
    maxUserNamespaces: setting("user/max_user_namespaces"),
    unprivilegedUserNamespaces: setting("kernel/unprivileged_userns_clone"),
    restrictedUserNamespaces: setting("kernel/apparmor_restrict_unprivileged_userns"),
    mostDescriptors: hardLimitOfDescriptors(pid),
    hasNullDevice: isHere ? hasMode("/dev/null", WRITABLE_BY_OTHERS) : undefined,
    hasSetUidProgram: isHere ? hasMode("/usr/bin/su", SET_UID) : undefined,
    kernelThreads: threads.map(({ tid }) => tid).filter(isKernelThread),
  };
}

function setting(path: string): string | undefined {
  const value = systemSetting(path, "");
  return value === "" ? undefined : value;
}

/**
 * Whether the mode of a file of root's has one of these bits. A folder of another mount namespace
 * is not looked at: a process may have made it, and have every look at it wait without end.
 */
function hasMode(path: string, bits: number): boolean {
  try {
    const { uid, mode } = Deno.statSync(path);
    return uid === 0 && ((mode ?? 0) & bits) !== 0;
  } catch {
    return false;
  }
}

/** Whether the kernel knows io_uring_setup(2). Without entries it makes no ring. */
function hasIoUring(): boolean {
  return errnoOf(() => rawSyscall("io_uring_setup", 0, 0)) !== Errno.ENOSYS;
}

/** Whether a personality that this process registers shows in the fdinfo of its ring. */
function showsPersonalities(): boolean {
  try {
    using ring = new IoUring();
    ring.registerPersonality();
    return /^Personalities:/m.test(readTextFile(`/proc/self/fdinfo/${ring.fd}`));
  } catch (error) {
    if (error instanceof SystemError) return false;
    throw error;
  }
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
