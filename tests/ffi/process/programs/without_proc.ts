/**
 * Prints the threads that this process finds, and those of them that the kernel knows as its own.
 * With the argument `drop`: the threads that have a capability after a drop.
 *
 *     without_proc.ts list | drop
 *
 * @module
 */

import {
  dropPrivileges,
  errnoOf,
  ownThreads,
  rawSyscall,
  threadsWithCapabilities,
  WaitingThreads,
} from "../../../../ffi/mod.ts";
import { printJson } from "../../programs/print_json.ts";

using _threads = new WaitingThreads(5);
if (Deno.args[0] === "drop") {
  dropPrivileges({ uid: 65534, gid: 65534 });
  printJson({ isProcThere: isThere("/proc/self"), left: threadsWithCapabilities() });
} else {
  const found = [...ownThreads().keys()];
  const isOwn = (tid: number) => errnoOf(() => rawSyscall("tgkill", Deno.pid, tid, 0)) === 0;
  printJson({ pid: Deno.pid, accepted: found.filter(isOwn), found });
}

function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
