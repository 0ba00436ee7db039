/**
 * A worker's look at its own confinement: a second opinion, besides the parent's findings.
 *
 * @module
 */

import type { Identity } from "../../ffi/process/credentials.ts";
import { WaitingThreads } from "../../ffi/process/threads.ts";
import { pollAsync } from "../../ffi/socket/poll.ts";
import type { Finding } from "../evidence/evidence.ts";
import { threadCredentials } from "../inspect/threads/threads.ts";
import { auditDescriptors, type WorkerDescriptors } from "./descriptors.ts";
import { judgeConfinement, judgeDescriptors, judgeLaterThreads, LATER_THREADS } from "./judge.ts";

/** How long the runtime's thread is kept busy, in milliseconds; idle, it stays for some seconds. */
const RUNTIME_THREAD_TIME = 5;

/** The parent knows whether it could take the bounding set away, and judges it. */
const ANY_BOUNDING = ~0n;

/**
 * HARD-01 to HARD-03, by a worker that looks at itself.
 *
 * For HARD-02 it starts threads: one by the runtime (a nonblocking call), which may use an idle
 * thread instead, and {@linkcode LATER_THREADS} by libc. Those of libc wait until the worker ends,
 * so they are still there when the parent looks, on a slow machine too.
 *
 * @throws {SystemError} If a call is refused.
 */
export async function proveConfinement(
  worker: WorkerDescriptors,
  identity: Identity,
): Promise<Record<"HARD-01" | "HARD-02" | "HARD-03", Finding>> {
  const before = threadCredentials("self");
  const waiting = pollAsync([worker.channelFd], 0, RUNTIME_THREAD_TIME);
  new WaitingThreads(LATER_THREADS);
  const during = threadCredentials("self");
  await waiting;
  return {
    "HARD-01": judgeConfinement(before, identity, ANY_BOUNDING),
    "HARD-02": judgeLaterThreads(before, during, identity, ANY_BOUNDING),
    "HARD-03": judgeDescriptors(auditDescriptors(worker)),
  };
}
