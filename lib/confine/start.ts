/**
 * The one order in which a worker is started.
 *
 *   1. Close every descriptor that nothing explains. First, because an io_uring that root made and
 *      the kernel polls still acts as root after the drop.
 *   2. Become the worker: all ids, on every thread.
 *   3. Open the source of frames. After the drop, so that a ring is made without privilege; before
 *      the filter, which forbids the calls that make one.
 *   4. Put the protections on. After the drop, because a change of uid resets the dumpable flag and
 *      the parent-death signal, and the filter forbids it; after the source is open, because its
 *      number is part of the filter's rules.
 *   5. Explain refusals. From here on the filter refuses calls, and an error names the rule behind
 *      it.
 *   6. Prove the confinement (proof.ts). Last, because it shows the state in which the worker
 *      receives.
 *
 * {@linkcode startWorker} takes steps 1 to 5. An experiment that does something after the drop
 * calls {@linkcode leaveRoot} (1 and 2) and {@linkcode confine} (3 to 5).
 *
 * @module
 */

import type { Identity } from "../../ffi/process/credentials.ts";
import type { WorkerDescriptors } from "./descriptors.ts";
import type { Protection } from "./protections.ts";
import {
  becomeWorker,
  closeUnknownDescriptors,
  explainViolation,
  protectWorker,
} from "./worker_protections.ts";

/** The user that a worker becomes, and the protections that confine it. */
export interface Confinement extends Identity {
  readonly protections: readonly Protection[];
}

/** Reports the errors of a worker. */
export interface RefusalReporter {
  /** Names the rule of the filter that refused a system call; `undefined` if none did. */
  explain: (syscall: string) => string | undefined;
}

/** A worker's source of frames. */
export interface WorkerSource extends Disposable {
  /** An io_uring, or the packet socket itself. */
  readonly fd: number;
}

/** Steps that a test may override. */
export interface StartSteps {
  readonly becomeWorker?: typeof becomeWorker;
  readonly protectWorker?: typeof protectWorker;
}

/**
 * Steps 1 and 2: the child closes what it should not hold, and becomes the worker.
 *
 * @throws {ExperimentError} If the polling thread of a closed ring stays.
 * @throws {SystemError} If a call is refused.
 * @throws {PrivilegeError} If the drop did not take effect.
 */
export function leaveRoot(
  sockets: WorkerDescriptors,
  { uid, gid, protections }: Confinement,
  become = becomeWorker,
): void {
  closeUnknownDescriptors(sockets, protections);
  become({ uid, gid }, protections);
}

/**
 * Steps 3 to 5: the worker opens its source of frames, and protects itself.
 *
 * @param openSource Opens the source.
 * @returns The source.
 * @throws {ExperimentError} If the parent is gone already.
 * @throws {SystemError} If the kernel refuses a protection.
 * @throws {AnswerError} If a protection did not take effect.
 */
export function confine<Source extends WorkerSource>(
  reporter: RefusalReporter,
  sockets: WorkerDescriptors,
  { protections }: Pick<Confinement, "protections">,
  openSource: () => Source,
  protect = protectWorker,
): Source {
  using undo = new DisposableStack();
  const source = undo.use(openSource());
  const worker = { ...sockets, sourceFd: source.fd };
  protect(worker, protections);
  reporter.explain = (syscall) => explainViolation(worker, protections, syscall);
  undo.move();
  return source;
}

/**
 * Steps 1 to 5: from a root child that holds its sockets to a worker that can receive.
 *
 * @param openSource Opens the worker's source of frames.
 * @returns The source.
 * @throws As {@linkcode leaveRoot} and {@linkcode confine} do.
 */
export function startWorker<Source extends WorkerSource>(
  reporter: RefusalReporter,
  sockets: WorkerDescriptors,
  confinement: Confinement,
  openSource: () => Source,
  { becomeWorker, protectWorker }: StartSteps = {},
): Source {
  leaveRoot(sockets, confinement, becomeWorker);
  return confine(reporter, sockets, confinement, openSource, protectWorker);
}
