/**
 * Marks its descriptors from 701 up close-on-exec, and prints which are marked; if an errno is
 * given, close_range(2) fails with it.
 *
 * @module
 */

import {
  AF_UNIX,
  compileFilter,
  F_DUPFD,
  installFilter,
  isCloseOnExec,
  libc,
  markCloseOnExecFrom,
  SOCK_DGRAM,
  socket,
  type SyscallAction,
} from "../../../../ffi/mod.ts";
import { printJson } from "../../programs/print_json.ts";

const [errno] = Deno.args;
if (errno !== undefined) {
  installFilter(compileFilter({
    rules: [{ syscall: "close_range", action: errno as SyscallAction, reason: "a test" }],
    otherwise: { action: "allow", reason: "a test" },
  }));
}
const fd = socket(AF_UNIX, SOCK_DGRAM, 0);
const [below, first, above] = [700, 701, 900].map((lowest) => libc.fcntl(fd, F_DUPFD, lowest));
markCloseOnExecFrom(first);
printJson([below, first, above].map(isCloseOnExec));
