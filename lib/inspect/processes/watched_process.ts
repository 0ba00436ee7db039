/**
 * The identity of a process over a whole look. A process id may pass to another process; a
 * descriptor of the process (pidfd_open(2)) does not. While it shows that the process has not
 * ended, its id is still its own.
 *
 * @module
 */

import { POLLIN } from "../../../ffi/abi/constants.ts";
import { Errno, SystemError } from "../../../ffi/abi/errno.ts";
import type { OwnedFd } from "../../../ffi/process/descriptor.ts";
import { readTextFile } from "../../../ffi/process/file.ts";
import { openProcess } from "../../../ffi/process/pidfd.ts";
import { unlessGone } from "../../../ffi/process/proc.ts";
import { isKernelThread } from "../../../ffi/ptrace/thread_state.ts";
import { Poller } from "../../../ffi/socket/poll.ts";
import { CannotAnswer } from "../../evidence/errors.ts";
import { requireProc } from "../../host/proc.ts";
import { linkAt } from "../links.ts";
import { statFields } from "./stat_fields.ts";

/** A process that can be looked at from outside. */
export class WatchedProcess implements Disposable {
  readonly #pidfd: OwnedFd;
  readonly #end: Poller;

  /**
   * @param pid Its id.
   * @throws {CannotAnswer} If there is no such process, or it cannot be inspected: it is a kernel
   * thread, a thread of another process, or this process; or /proc does not show it.
   */
  constructor(readonly pid: number) {
    requireProc();
    if (pid === Deno.pid) {
      throw new CannotAnswer(
        `Process ${pid} is fdpass itself, which cannot inspect itself`,
        "Name another process",
      );
    }
    this.#pidfd = opened(pid);
    this.#end = new Poller([this.#pidfd.fd], POLLIN);
    try {
      requireInspectable(pid);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** Whether its last thread has ended. */
  get hasEnded(): boolean {
    return this.#end.wait(0) !== 0;
  }

  /**
   * Runs a step that reads from /proc.
   *
   * @throws {CannotAnswer} If the process ends meanwhile, or may not be examined, or if the step
   * throws it.
   * @throws Any other error of the step.
   */
  read<T>(step: () => T): T {
    try {
      const result = step();
      if (!this.hasEnded) return result;
    } catch (error) {
      if (error instanceof CannotAnswer) throw error;
      if (this.hasEnded) throw hasEnded(this.pid);
      if (error instanceof SystemError && REFUSALS.includes(error.errno)) {
        throw mayNotExamine(this.pid, error.message);
      }
      throw error;
    }
    throw hasEnded(this.pid);
  }

  /** Closes the descriptor. The process goes on. */
  [Symbol.dispose](): void {
    this.#pidfd[Symbol.dispose]();
  }
}

const REFUSALS: readonly number[] = [Errno.EACCES, Errno.EPERM];

function hasEnded(pid: number): CannotAnswer {
  return new CannotAnswer(
    `Process ${pid} ended while it was looked at`,
    "Inspect it while it runs",
  );
}

function mayNotExamine(pid: number, message: string): CannotAnswer {
  return new CannotAnswer(
    `Process ${pid} may not be examined: ${message}`,
    "Run as root with CAP_SYS_PTRACE, outside the container of the process, or in the same one",
  );
}

function noSuchProcess(pid: number): CannotAnswer {
  return new CannotAnswer(
    `There is no process ${pid}`,
    "Name a process that runs: ps -e lists them",
  );
}

function opened(pid: number): OwnedFd {
  try {
    return openProcess(pid);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    const leader = leaderOf(pid);
    if (leader !== undefined && leader !== pid) {
      throw new CannotAnswer(
        `${pid} is a thread of process ${leader}, and no process`,
        `Inspect ${leader}`,
      );
    }
    if (leader === undefined) throw noSuchProcess(pid);
    throw new CannotAnswer(
      `Process ${pid} cannot be held while it is looked at: ${error.message}`,
      "Linux 5.3 is needed, and a container must permit pidfd_open(2)",
    );
  }
}

/** Returns the process that a thread belongs to; undefined if /proc shows none. */
function leaderOf(tid: number): number | undefined {
  const status = unlessGone(() => readTextFile(`/proc/${tid}/status`));
  const [, leader] = status?.match(/^Tgid:\s*(\d+)$/m) ?? [];
  return leader === undefined ? undefined : Number(leader);
}

function requireInspectable(pid: number): void {
  if (leaderOf(pid) === undefined) {
    throw new CannotAnswer(
      `/proc does not show process ${pid}`,
      "Run as root, or show all processes: mount -o remount,hidepid=0 /proc",
    );
  }
  if (isKernelThread(pid)) {
    throw new CannotAnswer(
      `Process ${pid} is a thread of the kernel, which has no credentials to give up`,
      "Name a process of a program",
    );
  }
}

/** The fields of /proc/PID/stat from the third on that another execve(2) or process changes. */
const BIRTH = { starttime: 22, startcode: 26, startstack: 28, arg_start: 48 };

/**
 * Returns what tells a program in a process from another that it executes later: the start of the
 * process, its executable, and the places of its memory, which the kernel draws at each execve(2).
 * Source: proc_pid_stat(5).
 *
 * @param folder A thread of it that has not ended, such as `/proc/4711/task/4711`.
 */
export function programIn(folder: string): string {
  const fields = statFields(unlessGone(() => readTextFile(`${folder}/stat`)) ?? "");
  const birth = Object.values(BIRTH).map((field) => fields[field - 3]);
  return [linkAt(`${folder}/exe`), ...birth].join(" ");
}
