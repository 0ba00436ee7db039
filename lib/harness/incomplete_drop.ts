/**
 * The control of a parent that is not root: a drop by setgroups(2), setresgid(2) and setresuid(2)
 * alone, in processes of its own. From a uid that is not 0 these calls empty no capability set. So
 * the process keeps CAP_NET_RAW, and becomes root by CAP_SETUID.
 *
 * The processes are setpriv(1), which makes the calls, and then cat(1), which waits while the
 * parent reads its status. They get no descriptor of the run.
 *
 * @module
 */

import type { Identity } from "../../ffi/process/credentials.ts";
import { readTextFile } from "../../ffi/process/file.ts";
import { unlessGone } from "../../ffi/process/proc.ts";
import { ownChildren } from "./orphans.ts";
import { pause } from "../host/pause.ts";
import { runtimeCall } from "../host/runtime_call.ts";
import { parseStatus, type ThreadCredentials } from "../inspect/threads/threads.ts";

const SETPRIV = "/usr/bin/setpriv";
const WAITING = "/bin/cat";

/** How long a process may take to become cat(1), in milliseconds. */
const PATIENCE = 2000;

/** The credentials of the processes of the control; `undefined` where one could not be seen. */
export interface IncompleteDrop {
  /** After the three calls. */
  readonly dropped: ThreadCredentials | undefined;
  /** After the three calls, and setresuid(0, 0, 0). */
  readonly regained: ThreadCredentials | undefined;
}

/**
 * Drops and regains, and looks.
 *
 * @throws {SystemError} If a process cannot be started.
 */
export async function seeIncompleteDrop({ uid, gid }: Identity): Promise<IncompleteDrop> {
  const drop = [SETPRIV, `--reuid=${uid}`, `--regid=${gid}`, "--clear-groups", "--"];
  const regain = [SETPRIV, "--reuid=0", "--regid=0", "--clear-groups", "--"];
  const [dropped, regained] = await Promise.all([
    credentialsAfter([...drop, WAITING]),
    credentialsAfter([...drop, ...regain, WAITING]),
  ]);
  return { dropped, regained };
}

async function credentialsAfter(
  [program, ...args]: readonly string[],
): Promise<ThreadCredentials | undefined> {
  const command = new Deno.Command(program, {
    args,
    clearEnv: true,
    stdin: "piped",
    stdout: "null",
    stderr: "null",
  });
  const child = runtimeCall("spawn", `Cannot start "${program}"`, () => command.spawn());
  ownChildren.add(child.pid);
  try {
    for (const deadline = performance.now() + PATIENCE; performance.now() < deadline;) {
      const status = unlessGone(() => readTextFile(`/proc/${child.pid}/status`));
      if (status === undefined || /^State:\s*[ZX]/m.test(status)) return undefined;
      if (/^Name:\tcat$/m.test(status)) return parseStatus(child.pid, status);
      await pause(1);
    }
    return undefined;
  } finally {
    await child.stdin.abort().catch(() => {}); // it reads the end of its input, or has ended
    await child.status;
    ownChildren.delete(child.pid);
  }
}
