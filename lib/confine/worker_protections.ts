/**
 * The protections that a worker puts on itself, and its drop between them. Their order is in
 * start.ts.
 *
 * @module
 */

import {
  O_WRONLY,
  POLLHUP,
  POLLIN,
  PR_SET_DUMPABLE,
  PR_SET_PDEATHSIG,
  RLIMIT_CORE,
  RLIMIT_FSIZE,
  RLIMIT_NOFILE,
  SIGKILL,
} from "../../ffi/abi/constants.ts";
import { AnswerError } from "../../ffi/abi/errno.ts";
import {
  dropPrivileges,
  type Identity,
  setresgid,
  setresuid,
} from "../../ffi/process/credentials.ts";
import { close } from "../../ffi/process/descriptor.ts";
import { openDescriptors } from "../../ffi/process/proc.ts";
import { parentDeathSignal, prctl, setrlimit } from "../../ffi/process/process.ts";
import {
  compileFilter,
  explainRefusal,
  installFilter,
  type SyscallPolicy,
} from "../../ffi/seccomp/seccomp.ts";
import { poll } from "../../ffi/socket/poll.ts";
import { ExperimentError } from "../evidence/errors.ts";
import { threadFiles } from "../inspect/threads/threads.ts";
import { auditDescriptors, type WorkerDescriptors } from "./descriptors.ts";
import { ALLOW_EVERYTHING, prepareForFilter, receiveOnlyPolicy } from "./policy.ts";
import { ALL_PROTECTIONS, type Protection } from "./protections.ts";

/** How long the kernel may take to end the thread of a closed ring, in milliseconds. */
const RING_TIMEOUT = 2000;

/**
 * How many more descriptors than now a worker may open: for files that it reads one after another.
 */
const SPARE_DESCRIPTORS = 4;

/** The system calls behind libc's functions of another name, with the arguments that matter. */
const BEHIND_LIBC: { readonly [name: string]: [syscall: string, ...args: number[]] } = {
  open: ["openat", 0, 0, O_WRONLY],
  posix_spawn: ["clone"],
};

/**
 * Closes every descriptor of the child that nothing explains.
 *
 * When an io_uring is closed, its polling thread ends, which acts, and shows in /proc, as the user
 * that made the ring. The kernel takes a moment to end the thread, so this waits.
 *
 * @param known The descriptors that stay open.
 * @throws {ExperimentError} If such a thread stays.
 */
export function closeUnknownDescriptors(
  known: WorkerDescriptors,
  chosen: readonly Protection[],
): void {
  if (!chosen.includes("closed-descriptors")) return;
  const unexplained = auditDescriptors(known).filter(({ why }) => why === undefined);
  for (const { fd } of unexplained) close(fd);
  waitForRingThreads();
}

/**
 * Waits until this process has no thread of an io_uring; its rings must be closed.
 *
 * @throws {ExperimentError} If one stays.
 */
export function waitForRingThreads(): void {
  const deadline = performance.now() + RING_TIMEOUT;
  while (hasRingThread()) {
    if (performance.now() > deadline) {
      throw new ExperimentError("A thread of an io_uring does not end");
    }
  }
}

function hasRingThread(): boolean {
  return [...threadFiles("self", "comm").values()].some((name) => name.startsWith("iou-"));
}

/**
 * Turns the child into the worker. A child that started without capabilities has the worker's ids
 * as its real ones, and no group to leave.
 *
 * @throws {SystemError} If a call is refused.
 * @throws {PrivilegeError} If the drop did not take effect.
 */
export function becomeWorker({ uid, gid }: Identity, chosen: readonly Protection[]): void {
  if (!chosen.includes("no-capabilities")) return dropPrivileges({ uid, gid });
  setresgid(gid, gid, gid);
  setresuid(uid, uid, uid);
}

/**
 * Puts on the protections of a worker whose ids have changed.
 *
 * @throws {ExperimentError} If the parent is gone.
 * @throws {SystemError} If the kernel refuses a protection.
 * @throws {AnswerError} If one that cannot be seen from outside did not take effect.
 */
export function protectWorker(
  worker: WorkerDescriptors,
  chosen: readonly Protection[],
): void {
  const steps: { readonly [name in Protection]?: () => void } = {
    "undumpable": () => prctl(PR_SET_DUMPABLE, 0),
    "parent-death-signal": () => {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (parentDeathSignal() !== SIGKILL) {
        throw new AnswerError("prctl", "the parent-death signal is not the one set");
      }
      // Only the parent holds the other end, and the kernel closes that before it signals children.
      if ((poll([worker.channelFd], POLLIN, 0)[0] & POLLHUP) !== 0) {
        throw new ExperimentError("The parent is gone");
      }
    },
    "resource-limits": () => {
      // The limit is for numbers. The channel may have a high one, which leaves low ones free.
      setrlimit(RLIMIT_NOFILE, openDescriptors("self").size + SPARE_DESCRIPTORS);
      setrlimit(RLIMIT_FSIZE, 0);
      setrlimit(RLIMIT_CORE, 0);
    },
    "no-new-privs": () => installFilter(compileFilter(ALLOW_EVERYTHING)),
    "receive-only": () => installFilter(compileFilter(policyOf(worker))),
  };
  if (chosen.includes("receive-only")) prepareForFilter(); // opens descriptors: before the limit
  for (const protection of ALL_PROTECTIONS) {
    if (chosen.includes(protection)) steps[protection]?.();
  }
}

/**
 * Names the rule of the system call filter that refused a call.
 *
 * @param syscall The name of the call, as libc or the kernel calls it.
 * @returns `undefined` if the filter is not on, or does not refuse that call.
 */
export function explainViolation(
  worker: WorkerDescriptors,
  chosen: readonly Protection[],
  syscall: string,
): string | undefined {
  if (!chosen.includes("receive-only")) return undefined;
  const [name, ...args] = BEHIND_LIBC[syscall] ?? [syscall, worker.packetFd];
  return explainRefusal(policyOf(worker), name, args);
}

function policyOf(worker: WorkerDescriptors): SyscallPolicy {
  const { packetFd, sourceFd = packetFd } = worker;
  return receiveOnlyPolicy({ ...worker, ioUring: sourceFd !== packetFd, pid: Deno.pid });
}
