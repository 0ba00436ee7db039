/**
 * The proof that a hardened worker is confined: on every thread, on those that it starts later, and in what it holds.
 *
 * @module
 */

import { SO_LOCK_FILTER, SOL_SOCKET } from "../../ffi/abi/constants.ts";
import type { Identity } from "../../ffi/process/credentials.ts";
import { readLink, readTextFile } from "../../ffi/process/file.ts";
import { WaitingThreads } from "../../ffi/process/threads.ts";
import { getsockoptInt } from "../../ffi/socket/calls.ts";
import { pollAsync } from "../../ffi/socket/poll.ts";
import type { ChildRun } from "../harness/child_run.ts";
import { auditDescriptors, type KnownDescriptors } from "../inspect/descriptor_audit.ts";
import { type Finding, judged } from "../evidence/evidence.ts";
import type { View } from "../inspect/look.ts";
import type { ParentRun } from "../harness/parent_run.ts";
import { threadCredentials } from "../inspect/threads.ts";
import { judgeConfinement } from "./privileges.ts";
import { isPinned } from "./protections.ts";
import type { Child } from "../harness/child.ts";
import { judgeFilter, type KnownWorker } from "../inspect/worker_filter.ts";

export { CONFINEMENT_CHECKS } from "../evidence/checks.ts";

/** The child's part: what it makes of itself, a second opinion; and the threads that the parent then sees. */
export async function proveConfinement(
  run: ChildRun,
  known: KnownDescriptors,
  identity: Identity,
): Promise<void> {
  run.check("HARD-01", judgeConfinement(threadCredentials("self"), identity));
  run.check("HARD-02", await judgeLaterThreads(known.channelFd, identity));
  run.check("HARD-03", judgeDescriptors(known));
}

/** What a worker was given: the parent's copies of its sockets, and whether it receives by an io_uring. */
export interface Given extends Pick<KnownWorker, "packetFd" | "egressFd" | "ioUring"> {
  /** A look at it before it was hardened: a thread that is not in it was started later. */
  readonly before?: View;
}

/** The parent's part: it looks at the child from outside, and at its own copy of the socket. */
export function judgeHardened(run: ParentRun, child: Child, given: Given): void {
  const { packetFd, egressFd, ioUring, before } = given;
  const linkOf = (fd: number) => readLink(`/proc/self/fd/${fd}`);
  const view = child.look({
    expected: {
      passed: linkOf(packetFd),
      egress: egressFd === undefined ? undefined : linkOf(egressFd),
      ring: ioUring,
    },
  });
  const threads = judgeConfinement(view.threads, run.setting.identity);
  run.check("HARD-01", threads);
  if (before === undefined) run.check("HARD-02", threads, ["parent", "child"]); // it reports which are later ones
  else run.check("HARD-02", judgeLaterOnes(before, view, threads));
  run.check("HARD-03", judgeFootholds(view));
  run.check("HARD-04", judgeSecondLine(child.pid, packetFd));
  const { pid, channelFd } = child;
  run.check("HARD-05", judgeFilter({ pid, channelFd, packetFd, egressFd, ioUring }));
}

function judgeLaterOnes(before: View, after: View, threads: Finding): Finding {
  const known = new Set(before.threads.map(({ tid }) => tid));
  const later = after.threads.filter(({ tid }) => !known.has(tid)).length;
  return judged(
    threads.status === "pass" && later >= LATER_THREADS,
    `${later} threads started later; ${threads.observed}`,
    threads.evidence,
  );
}

/** Whether the worker holds what it was given and what the runtime needs, and nothing else. */
function judgeFootholds({ descriptors, footholds }: View): Finding {
  return judged(
    footholds.length === 0,
    footholds.length === 0
      ? `${descriptors.length} descriptors, each with its reason`
      : `unexplained: ${footholds.join(", ")}`,
    { descriptors, footholds },
  );
}

/** The protections behind the filter of system calls, which hides it if one of them is missing. */
function judgeSecondLine(pid: number, packetFd: number): Finding {
  const limits = readTextFile(`/proc/${pid}/limits`);
  const isAtMost = (most: number, what: string) =>
    Number(limits.match(new RegExp(`^Max ${what} +(\\d+) `, "m"))?.[1]) <= most; // not "unlimited"
  const seen = {
    "locked-filter": getsockoptInt(packetFd, SOL_SOCKET, SO_LOCK_FILTER) === 1,
    "fanout-pin": isPinned(packetFd),
    // proc(5): the files of a process that is not dumpable are root's.
    "undumpable": Deno.statSync(`/proc/${pid}/environ`).uid === 0,
    "resource-limits": isAtMost(MOST_DESCRIPTORS, "open files") && isAtMost(0, "file size") &&
      isAtMost(0, "core file size"),
  };
  const missing = Object.entries(seen).filter(([, inPlace]) => !inPlace).map(([name]) => name);
  return judged(
    missing.length === 0,
    missing.length === 0 ? Object.keys(seen).join(", ") : `missing: ${missing.join(", ")}`,
    seen,
  );
}

/** A worker needs a few dozen descriptors; the usual limit is 1024 and more. */
const MOST_DESCRIPTORS = 256;

/**
 * Starts threads, by the runtime (a nonblocking call) and by libc, and looks at all there are.
 *
 * Those of libc's wait until the worker ends: so they are there, on however slow a machine, when the parent looks.
 */
async function judgeLaterThreads(channelFd: number, identity: Identity): Promise<Finding> {
  const before = threadCredentials("self");
  const waiting = pollAsync([channelFd], 0, RUNTIME_THREAD_TIME);
  new WaitingThreads(LATER_THREADS);
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

/** How many threads of libc's are started. The runtime's may be an idle one, which is not new. */
const LATER_THREADS = 4;

/** How long the runtime's has something to do, in milliseconds; idle, it stays for some seconds. */
const RUNTIME_THREAD_TIME = 5;

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
