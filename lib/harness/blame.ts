/**
 * Decides who ended an experiment: the child, or its surroundings.
 *
 * The child is to blame for its death, its silence, and whatever breaks the protocol. A system call
 * of the parent's own that fails, a signal, the time limit, and a child that may not be inspected
 * here refute nothing.
 *
 * @module
 */

import { AnswerError, SystemError } from "../../ffi/abi/errno.ts";
import { DescriptorError } from "../../ffi/socket/scm_rights.ts";
import { CannotLook, ChildDied, CutShort, ExperimentError } from "../evidence/errors.ts";
import type { EarlyEnd } from "../evidence/judgement.ts";

/** Whether the child caused an error. */
export function isChilds(error: unknown): boolean {
  return error instanceof ExperimentError || error instanceof DescriptorError;
}

/** Whether an error comes from the child or its surroundings, and not from a defect of fdpass. */
export function endsAnExperiment(error: unknown): error is Error {
  return isChilds(error) || error instanceof CutShort || error instanceof CannotLook ||
    error instanceof SystemError || error instanceof AnswerError;
}

/**
 * Remedies for a system call that root itself is refused, by errno. Any other error has none that
 * is known.
 */
const REMEDIES: { readonly [errno: string]: string } = {
  EACCES: "a security module, a seccomp filter or a missing capability forbids it",
  EAGAIN: "raise the limit of processes: ulimit -u, or pids.max of the control group",
  EMFILE: "raise the limit of open descriptors: ulimit -n 1024",
  ENFILE: "raise the limit of open files of the system: sysctl fs.file-max",
  ENOBUFS: "the kernel has no room for it: try again, or free memory",
  ENOMEM: "free memory, or raise the limit of the control group",
  ENOSYS: "this kernel lacks that system call, or a seccomp filter hides it",
  EPERM: "a seccomp filter or a missing capability forbids it (in a container: --cap-add, or " +
    "--security-opt seccomp=unconfined)",
};

/** Returns a remedy for an error that is not the child's; null if none is known. */
export function remedyFor(error: unknown): string | null {
  if (error instanceof CutShort) return error.remedy;
  return error instanceof SystemError ? REMEDIES[error.code] ?? null : null;
}

/**
 * Describes how errors ended an experiment.
 *
 * @param errors The original error, and those of the clean-up after it. The child is to blame if it
 * caused any of them.
 */
export async function earlyEndOf(errors: readonly Error[]): Promise<EarlyEnd> {
  const messages = await Promise.all(errors.map(describe));
  return { message: messages.join("; then: "), isChilds: errors.some(isChilds) };
}

async function describe(error: Error): Promise<string> {
  if (error instanceof ChildDied && error.whole !== undefined) return await error.whole;
  const remedy = remedyFor(error);
  return remedy === null ? error.message : `${error.message}: ${remedy}`;
}
