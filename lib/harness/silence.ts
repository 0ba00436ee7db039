/**
 * Tells a child that fell silent from a run that had too little time.
 *
 * A child is silent if it had everything that its next stage needs, and did not reach that stage
 * for a second at least and for half of the run's time. It is excused if it is still at work and
 * spent a quarter of that time waiting for a processor, as on a busy machine, or computing, as
 * during its start on a slow one. It is not excused if it has computed for longer than any start
 * takes: a child that sleeps, is stopped, or computes without end is silent.
 *
 * @module
 */

import { SystemError } from "../../ffi/abi/errno.ts";
import { readTextFile } from "../../ffi/process/file.ts";
import { sleep } from "../../ffi/socket/poll.ts";
import { ExperimentError } from "../evidence/errors.ts";
import { threadFiles } from "../inspect/threads/threads.ts";

/** The shortest wait after which a child counts as silent, in milliseconds. */
const SHORTEST = 1000;

/** The use that the main thread of a process has made of the processor, in milliseconds. */
export interface ProcessorUse {
  /** How long it has run. */
  readonly ran: number;
  /** How long it has been ready to run and has waited for a processor. */
  readonly queued: number;
}

/** A wait for a child that ended with the time of the run. Times are in milliseconds. */
export interface Wait {
  /** How long the child has had everything that its next stage needs, while the parent watched. */
  readonly waited: number;
  /** The time limit of the run. */
  readonly timeout: number;
  readonly child: ProcessorUse;
  readonly parent: ProcessorUse;
  /** {@linkcode isAtRest} of the child. */
  readonly isAtRest: () => boolean;
}

/**
 * Whether a child for which the parent waited in vain is to blame for that. The parent loads more
 * modules than a child, so no start of a child takes twice as much of the processor.
 */
export function wasSilent({ waited, timeout, child, parent, isAtRest }: Wait): boolean {
  if (waited < Math.max(SHORTEST, timeout / 2)) return false;
  const share = waited / 4;
  const longestStart = Math.max(SHORTEST, 2 * parent.ran);
  if (child.ran > Math.max(longestStart, share)) return true; // it had a processor, to no avail
  return child.queued <= share && child.ran <= share || isAtRest();
}

/** How often {@linkcode isAtRest} looks, and the time between two looks, in milliseconds. */
const LOOKS = 5, LOOK_INTERVAL = 40;

/**
 * Whether a process does nothing: in each of several looks, each of its threads sleeps or is
 * stopped. A thread that is ready to run, or waits for a disk, is at work. Source:
 * proc_pid_stat(5), `state`.
 */
export function isAtRest(pid: number): boolean {
  for (let looks = 0; looks < LOOKS; looks++) {
    if (looks > 0) sleep(LOOK_INTERVAL);
    if (statesOf(pid).some((state) => state === "R" || state === "D")) return false;
  }
  return true;
}

/** Returns the state of each thread of a process; none if the process is gone, or has too many. */
function statesOf(pid: number): string[] {
  try {
    const stats = [...threadFiles(pid, "stat").values()];
    return stats.map((stat) => stat.charAt(stat.lastIndexOf(")") + 2));
  } catch (error) {
    if (error instanceof SystemError || error instanceof ExperimentError) return [];
    throw error;
  }
}

/**
 * Reads the use that a process has made of the processor: `/proc/PID/schedstat`. Source: the
 * kernel's Documentation/scheduler/sched-stats.rst.
 *
 * @returns Zeros if it cannot be read: the process is gone, or the kernel has no CONFIG_SCHED_INFO.
 */
export function processorUse(pid: number): ProcessorUse {
  try {
    const [ran, queued] = readTextFile(`/proc/${pid}/schedstat`).split(" ");
    return { ran: Number(ran) / 1e6, queued: Number(queued) / 1e6 };
  } catch (error) {
    if (error instanceof SystemError) return { ran: 0, queued: 0 };
    throw error;
  }
}
