/**
 * The terminal of a process as a way back: ioctl_tty(2), `TIOCSTI`, puts input into the terminal
 * that controls its session, as if it had been typed. A shell of root's that shares the terminal
 * executes it. The kernel asks for no privilege, unless `dev.tty.legacy_tiocsti` is 0.
 *
 * @module
 */

import { readTextFile } from "../../../ffi/process/file.ts";
import { unlessGone } from "../../../ffi/process/proc.ts";
import { systemSetting } from "../../host/kernel.ts";
import { listed } from "../listed.ts";
import { allProcesses } from "./processes.ts";
import { nameOf } from "./process_name.ts";
import { statFields } from "./stat_fields.ts";

/**
 * Finds the processes into whose terminal a process may type, and which have another user, in
 * words.
 *
 * @throws {SystemError} If /proc cannot be read.
 */
export function sharersOfTerminal(pid: number): string[] {
  // Before Linux 6.2 there is no such setting, and no other behaviour.
  if (systemSetting("dev/tty/legacy_tiocsti", "1") === "0") return [];
  const own = seat(pid);
  if (own === undefined) return [];
  const others = allProcesses().filter((other) => {
    const there = other === pid ? undefined : seat(other);
    return there?.terminal === own.terminal && there.uids !== own.uids;
  });
  return listed(
    others.map((other) =>
      `it may type into the terminal of process ${other} (${
        nameOf(other).name
      }), which has another ` +
      "user (TIOCSTI)"
    ),
  );
}

/**
 * The session and terminal of a process, and its uids; undefined if it is gone or has no terminal.
 * Source: proc_pid_stat(5), `session` and `tty_nr`.
 */
function seat(pid: number): { terminal: string; uids: string } | undefined {
  const stat = unlessGone(() => readTextFile(`/proc/${pid}/stat`));
  if (stat === undefined) return undefined;
  const [, , , session, device] = statFields(stat);
  if (device === "0") return undefined;
  const status = unlessGone(() => readTextFile(`/proc/${pid}/status`));
  if (status === undefined) return undefined;
  const [, uids = ""] = status.match(/^Uid:\s*(.*)$/m) ?? [];
  return { terminal: `${session} ${device}`, uids };
}
