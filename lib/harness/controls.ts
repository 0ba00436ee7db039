/**
 * Root's own controls of a child that failed. They tell a worker that cannot do its work from a
 * machine where nobody can: root tries the same here, and the child is excused only if root fails
 * in the same way. The child's word alone excuses nothing.
 *
 * - A child that gave up names the system call that failed, and its errno. Root makes that call.
 * - A child that died may have lacked something that its runtime needs: a thread, memory, a file.
 *   Root starts the same runtime in the same way, with an empty program. Or it could not report
 *   anything: root sends itself a message through a control channel.
 *
 * @module
 */

import { ETH_P_ALL } from "../../ffi/abi/constants.ts";
import { Errno, SystemError } from "../../ffi/abi/errno.ts";
import { rawSyscall } from "../../ffi/abi/raw_syscall.ts";
import type { SyscallName } from "../../ffi/abi/syscalls.ts";
import { ChildDied, ChildGaveUp, ExperimentError, type FailedCall } from "../evidence/errors.ts";
import { boundPacketSocket } from "../packets/socket.ts";
import { RECEIVE_PATHS } from "../receive/mod.ts";
import { controlChannelPair, sendMessage, takeMessage } from "./channel.ts";
import type { ChildFiles } from "./child_files.ts";
import { spawnChild } from "./process.ts";

/** What a child was started with, as far as the controls repeat it. */
export interface Circumstances {
  /** The interface under test. */
  readonly ifindex: number;
  /** The launcher of the child. */
  readonly launcher: readonly string[];
  readonly files: ChildFiles | undefined;
}

/** The system call behind a function of libc, by the name that an error reports. */
const BEHIND_LIBC: { readonly [name: string]: SyscallName } = {
  open: "openat",
  poll: "ppoll",
  setrlimit: "prlimit64",
};

/**
 * Calls that change nothing if each argument is -1. The kernel refuses them with an errno of
 * {@linkcode FOR_ARGUMENTS}, or accepts them; any other errno comes from a seccomp filter.
 */
const HARMLESS: readonly SyscallName[] = [
  ...["recvmsg", "recvfrom", "recvmmsg", "sendmsg", "sendto", "getsockopt", "setsockopt"] as const,
  ...["getsockname", "socket", "poll", "ppoll", "fcntl", "getdents64", "openat", "dup"] as const,
  ...["seccomp", "prctl", "prlimit64", "capset", "setgroups", "setresgid", "setresuid"] as const,
  ...["io_uring_setup", "io_uring_register", "io_uring_enter", "memfd_create"] as const,
];

/** Calls that may fail for want of memory when a source of frames is opened. */
const OF_SOURCES: readonly string[] = [
  ...["setsockopt", "mmap", "io_uring_setup", "io_uring_register", "io_uring_enter"],
];

/** The errnos of impossible arguments. No child is excused by one of them. */
const FOR_ARGUMENTS: readonly number[] = [
  ...[Errno.EBADF, Errno.EINVAL, Errno.EFAULT, Errno.EAGAIN, Errno.ENOTSOCK],
  ...[Errno.EAFNOSUPPORT, Errno.EOPNOTSUPP, Errno.ESRCH],
];

/** How long the control of a runtime may take, in milliseconds. */
const PATIENCE = 5000;

/**
 * Returns why a child could not work here, after root's own control; `undefined` if the child is to
 * blame.
 *
 * @param error The error by which the child failed, or one that it caused.
 */
export async function whyNobodyCould(
  error: unknown,
  circumstances: Circumstances,
): Promise<string | undefined> {
  if (error instanceof ChildGaveUp && error.call !== undefined) {
    return whyRefused(error.call, circumstances.ifindex);
  }
  if (error instanceof ExperimentError && error.cause !== undefined) {
    return await whyNobodyCould(error.cause, circumstances);
  }
  if (!(error instanceof ChildDied)) return undefined;
  if (error.excuse !== undefined) return error.excuse;
  try {
    sendToItself();
    return await whyNoRuntime(circumstances);
  } catch (refusal) {
    if (!(refusal instanceof SystemError)) throw refusal;
    return refused(refusal);
  }
}

const refused = ({ message }: SystemError) => `root's own control is refused too: ${message}`;

/** Sends a message through a control channel of its own, and takes it. */
function sendToItself(): void {
  const [one, other] = controlChannelPair();
  using _one = one;
  using _other = other;
  sendMessage(one.fd, {}, [], 0);
  takeMessage(other.fd, 0);
}

/** Returns why a system call fails for root too; `undefined` if it does not, or differently. */
function whyRefused({ syscall, errno }: FailedCall, ifindex: number): string | undefined {
  const sources = OF_SOURCES.includes(syscall) ? RECEIVING : [];
  const attempts = [() => callHarmlessly(syscall), ...sources.map((open) => () => open(ifindex))];
  for (const attempt of attempts) {
    const refusal = refusalOf(attempt);
    if (refusal?.syscall === syscall && refusal.errno === errno) return refused(refusal);
  }
  return undefined;
}

/** Makes the call with impossible arguments, if that is harmless. */
function callHarmlessly(syscall: string): void {
  const name = HARMLESS.find((each) => each === (BEHIND_LIBC[syscall] ?? syscall));
  if (name === undefined) return;
  try {
    rawSyscall(name, -1, -1, -1, -1, -1, -1);
  } catch (error) {
    if (!(error instanceof SystemError) || FOR_ARGUMENTS.includes(error.errno)) return;
    throw new SystemError(syscall, error.errno);
  }
}

/** Opens a packet socket of root's own, and each source of frames on it. */
const RECEIVING = Object.values(RECEIVE_PATHS).map((open) => (ifindex: number): void => {
  using packetSocket = boundPacketSocket(ifindex, ETH_P_ALL);
  using _source = open(packetSocket.fd);
});

function refusalOf(attempt: () => void): SystemError | undefined {
  try {
    attempt();
    return undefined;
  } catch (error) {
    if (error instanceof SystemError) return error;
    throw error;
  }
}

/**
 * An empty program: it needs no file, and lives for a moment. Several run at once, since a child
 * has more threads than one, and may have been just beyond a limit.
 */
const EMPTY = "data:text/javascript,setTimeout(() => {}, 50)", AT_ONCE = 4;

/** Returns why the runtime of a child cannot run here; `undefined` if it can. */
async function whyNoRuntime(
  { launcher, files }: Circumstances,
): Promise<string | undefined> {
  await using started = new AsyncDisposableStack();
  const start = () => spawnChild({ module: EMPTY, args: [], inherit: [], launcher, files });
  const controls = Array.from({ length: AT_ONCE }, () => started.use(start()));
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    controls.forEach((control) => control.kill());
  }, PATIENCE);
  const ends = await Promise.all(controls.map((control) => control.ended()));
  clearTimeout(timer);
  const failed = ends.find(({ status }) =>
    !status.success && !(isLate && status.signal === "SIGKILL")
  );
  if (failed === undefined) return undefined;
  const { status: { code, signal }, output } = failed;
  const words = output.split("\n").map((line) => line.trim()).filter((line) => /\w/.test(line));
  const end = signal === null ? `with status ${code}` : `by ${signal}`;
  return `root's own control, an empty program started like the child, ends ${end} too: ` +
    `${words[0] ?? "without a message"}; raise the limits (ulimit -a, the control group)`;
}
