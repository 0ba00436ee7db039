/**
 * The system call filter of a worker, read back from the kernel and compared with the policy.
 *
 * A worker compiles its filter itself, from the numbers of its descriptors; a compromised worker
 * could compile another. So the parent takes those numbers from /proc, compiles the same policy,
 * and looks for that program among those that the kernel holds for the worker.
 *
 * @module
 */

import { SystemError } from "../../ffi/abi/errno.ts";
import { openDescriptors } from "../../ffi/process/proc.ts";
import { readInstalledFilters } from "../../ffi/seccomp/installed_filters.ts";
import { compileFilter } from "../../ffi/seccomp/seccomp.ts";
import { childDescriptors } from "../inspect/descriptors/descriptors.ts";
import { ownPidOf } from "../inspect/processes/processes.ts";
import type { WorkerDescriptors } from "./descriptors.ts";
import type { Program, SeenFilters } from "./judge.ts";
import { receiveOnlyPolicy } from "./policy.ts";

/** A worker as its parent addresses it. */
export interface WorkerProcess {
  readonly pid: number;
  /** The number of the control channel in the worker, which the parent chose at the spawn. */
  readonly channelFd: number;
}

/** The parent's copies of the sockets that it passed to a worker. */
export type PassedSockets = Pick<WorkerDescriptors, "packetFd" | "egressFd">;

/** How long the worker may take to stop, in milliseconds. */
const STOP_TIMEOUT = 1000;

/** Why ptrace(2) refuses to read filters, where that is not the worker's fault. */
const CANNOT_LOOK: { readonly [errno: string]: string } = {
  EPERM: "another tracer is attached, or CAP_SYS_PTRACE is missing",
  EACCES: "CAP_SYS_ADMIN is missing, or this process has a filter itself",
  EIO: "a kernel without CONFIG_CHECKPOINT_RESTORE",
};

/**
 * Reads the filters of a worker, and compiles the one that it should have.
 *
 * @param ioUring Whether the worker receives by an io_uring.
 * @throws {SystemError} If the worker is gone.
 */
export function examineFilters(
  worker: WorkerProcess,
  passed: PassedSockets,
  ioUring: boolean,
): SeenFilters {
  const expected = expectedProgram(worker, passed, ioUring);
  if (expected === undefined) return { expected, found: [] };
  try {
    return { expected, found: readInstalledFilters(worker.pid, STOP_TIMEOUT) };
  } catch (error) {
    if (!(error instanceof SystemError && error.syscall === "ptrace")) throw error;
    const reason = CANNOT_LOOK[error.code];
    if (reason === undefined) throw error;
    return { expected, found: `${error.message}: ${reason}` };
  }
}

function expectedProgram(
  { pid, channelFd }: WorkerProcess,
  { packetFd, egressFd }: PassedSockets,
  ioUring: boolean,
): Program | undefined {
  const ours = openDescriptors("self");
  const theirs = childDescriptors(pid);
  const numberThere = (fd: number): number | undefined => {
    const numbers = [...theirs].filter(([, refersTo]) => refersTo === ours.get(fd));
    return numbers.length === 1 ? numbers[0][0] : undefined;
  };
  const packetThere = numberThere(packetFd);
  const egressThere = egressFd === undefined ? undefined : numberThere(egressFd);
  if (packetThere === undefined || packetThere === channelFd) return undefined;
  if (egressFd !== undefined && egressThere === undefined) return undefined;
  return compileFilter(
    receiveOnlyPolicy({
      packetFd: packetThere,
      egressFd: egressThere,
      channelFd,
      ioUring,
      pid: ownPidOf(pid),
    }),
  );
}
