/**
 * Whether a worker has the system call filter that was reviewed, and not just one: the kernel's copy, read from outside, against the policy.
 *
 * The worker compiles its filter itself, from the numbers that its descriptors have; a worker that went wrong before would compile another. So
 * the parent takes those numbers from /proc, compiles the same policy, and looks for that program among those that the kernel has.
 *
 * @module
 */

import { SystemError } from "../../ffi/abi/errno.ts";
import { openDescriptors } from "../../ffi/process/proc.ts";
import { readInstalledFilters } from "../../ffi/seccomp/installed_filters.ts";
import { compileFilter } from "../../ffi/seccomp/seccomp.ts";
import { type Finding, judged, skipped } from "../evidence/evidence.ts";
import { childDescriptors } from "./descriptors.ts";
import { ownPidOf } from "./processes.ts";
import { receiveOnlyPolicy } from "../confine/policy.ts";

/** What the parent knows of a worker, without asking it. */
export interface KnownWorker {
  readonly pid: number;
  /** The number that its end of the control channel had at birth. */
  readonly channelFd: number;
  /** The parent's copies of the sockets that were passed to it. */
  readonly packetFd: number;
  readonly egressFd?: number | undefined;
  /** Whether it receives by an io_uring. */
  readonly ioUring: boolean;
}

/** How long the worker may take to stop, in milliseconds. */
const STOP_TIMEOUT = 1000;

/** What keeps the parent from looking, said by ptrace(2): it is no fault of the worker's. */
const CANNOT_LOOK: { readonly [errno: string]: string } = {
  EPERM: "another tracer is there, or CAP_SYS_PTRACE is not",
  EACCES: "CAP_SYS_ADMIN is missing, or this process has a filter itself",
  EIO: "a kernel without CONFIG_CHECKPOINT_RESTORE",
};

/** Whether the receive-only policy, for its own descriptors, is among the filters of a worker. More filters only refuse more. */
export function judgeFilter(worker: KnownWorker): Finding {
  const expected = expectedProgram(worker);
  if (expected === undefined) return judged(false, "the packet socket has not one number there");
  try {
    return judgePrograms(readInstalledFilters(worker.pid, STOP_TIMEOUT), expected);
  } catch (error) {
    if (!(error instanceof SystemError && error.syscall === "ptrace")) throw error;
    const reason = CANNOT_LOOK[error.code];
    if (reason === undefined) throw error;
    return skipped(`The filter cannot be read: ${error.message}: ${reason}`);
  }
}

/** {@linkcode judgeFilter}, of the programs that were found. */
export function judgePrograms(
  found: readonly Uint8Array<ArrayBuffer>[],
  expected: Uint8Array<ArrayBuffer>,
): Finding {
  const isThere = found.some((program) => program.toHex() === expected.toHex());
  const lengths = found.map(instructions).join(", ") || "none";
  return judged(
    isThere,
    isThere
      ? `receive-only, ${instructions(expected)} instructions, byte for byte`
      : `no filter is that of the policy (${instructions(expected)} instructions): ${lengths}`,
    { expected: expected.toBase64(), found: found.map((program) => program.toBase64()) },
  );
}

const instructions = (program: Uint8Array): number => program.length / 8;

function expectedProgram(
  { pid, channelFd, packetFd, egressFd, ioUring }: KnownWorker,
): Uint8Array<ArrayBuffer> | undefined {
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
