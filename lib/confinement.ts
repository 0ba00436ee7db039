/**
 * The proof that a hardened worker is confined: on every thread, on those that it starts later, and in what it holds.
 *
 * @module
 */

import { type Identity, pollAsync, startSleepingThread } from "../ffi/mod.ts";
import type { ChildRun } from "./child_run.ts";
import type { CheckId } from "./checks.ts";
import { auditDescriptors, type KnownDescriptors } from "./descriptor_audit.ts";
import { type Finding, judged } from "./evidence.ts";
import type { Child, ParentRun } from "./parent_run.ts";
import { judgeConfinement, threadCredentials } from "./privileges.ts";

/** The checks of a hardened worker. */
export const CONFINEMENT_CHECKS = ["HARD-01", "HARD-02", "HARD-03"] as const satisfies CheckId[];

/** The child's part: carries them out. */
export async function proveConfinement(
  run: ChildRun,
  known: KnownDescriptors,
  identity: Identity,
): Promise<void> {
  run.check("HARD-01", judgeConfinement(threadCredentials("self"), identity));
  run.check("HARD-02", await judgeLaterThreads(known.channelFd, identity));
  run.check("HARD-03", judgeDescriptors(known));
}

/** The parent's part: looks at the child's threads from outside. */
export function corroborateConfinement(run: ParentRun, child: Child): void {
  const threads = threadCredentials(child.pid);
  run.corroborate("HARD-01", judgeConfinement(threads, run.setting.identity));
}

/** Starts threads, by the runtime (a nonblocking call) and by libc, and looks at all there are while they live. */
async function judgeLaterThreads(channelFd: number, identity: Identity): Promise<Finding> {
  const before = threadCredentials("self");
  const waiting = pollAsync([channelFd], 0, LATER_THREAD_TIME);
  for (let i = 0; i < LATER_THREADS; i++) startSleepingThread(LATER_THREAD_TIME);
  const during = threadCredentials("self");
  await waiting;
  const started = during.filter(({ tid }) => !before.some((thread) => thread.tid === tid));
  const finding = judgeConfinement(during, identity);
  return judged(
    finding.status === "pass" && started.length >= LATER_THREADS,
    `${started.length} threads started later; ${finding.observed}`,
    finding.evidence,
  );
}

/** How many threads are started. */
const LATER_THREADS = 4;

/** How long they live, in milliseconds. */
const LATER_THREAD_TIME = 100;

function judgeDescriptors(known: KnownDescriptors): Finding {
  const audited = auditDescriptors(known);
  const unexplained = audited.filter(({ why }) => why === undefined);
  return judged(
    unexplained.length === 0,
    unexplained.length === 0
      ? `${audited.length} descriptors, each with its reason`
      : `unexplained: ${unexplained.map(({ fd, refersTo }) => `${fd} (${refersTo})`).join(", ")}`,
    { descriptors: audited.map((each) => ({ ...each, why: each.why ?? null })) },
  );
}
