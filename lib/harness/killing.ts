/**
 * Killing a process that has changed its ids.
 *
 * A process may send signals to processes of its own user, and to others with CAP_KILL. CAP_SETUID
 * does as well: a helper becomes the user of the process. Source: kill(2).
 *
 * @module
 */

import { Errno, SystemError } from "../../ffi/abi/errno.ts";
import { readTextFile } from "../../ffi/process/file.ts";
import { unlessGone } from "../../ffi/process/proc.ts";
import { hasEnded } from "../../ffi/ptrace/thread_state.ts";
import { sleep } from "../../ffi/socket/poll.ts";
import { runtimeCall } from "../host/runtime_call.ts";

/**
 * How often a helper is sent. The process may change its user meanwhile, and others of that user
 * may end the helper.
 */
const TRIES = 5;

/** How long a killed process may take to end, in milliseconds. */
const PATIENCE = 500;

/**
 * Kills a process (SIGKILL).
 *
 * @param pid A child of this process that is not reaped, so that its id is not reused.
 * @param action The purpose, for the error.
 * @param kill Sends the signal.
 * @throws {SystemError} `EPERM` if it may not be killed.
 */
export function killProcess(pid: number, action: string, kill: () => void): void {
  try {
    runtimeCall("kill", action, kill);
  } catch (error) {
    if (!(error instanceof SystemError && error.errno === Errno.EPERM)) throw error;
    for (let i = 0; i < TRIES; i++) if (killAsItsUser(pid)) return;
    throw error;
  }
}

/** Sends a helper that becomes the user of a process. Returns whether the process has ended. */
function killAsItsUser(pid: number): boolean {
  const status = unlessGone(() => readTextFile(`/proc/${pid}/status`));
  if (status === undefined) return true;
  const [, uid] = status.match(/^Uid:\t(\d+)/m)!;
  new Deno.Command("/usr/bin/setpriv", {
    args: [
      ...[`--reuid=${uid}`, "--inh-caps=-all", "--ambient-caps=-all", "--"],
      ...["/bin/sh", "-c", 'kill -KILL "$1"', "sh", String(pid)],
    ],
    clearEnv: true,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).outputSync();
  const deadline = performance.now() + PATIENCE;
  while (!hasEnded(pid) && performance.now() < deadline) sleep(1);
  return hasEnded(pid);
}
