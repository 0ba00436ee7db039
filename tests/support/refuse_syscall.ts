/**
 * Runs a command under a filter that refuses one system call to it and to everything that it
 * starts.
 *
 *     refuse_syscall.ts SYSCALL ERRNO [ARGUMENT=VALUE…] -- COMMAND [ARG…]
 *
 * The arguments are counted from 0, and are ints. Unlike `installFilter()` this does not set
 * no_new_privs, which would change more; root may do so.
 *
 * @module
 */

import { passThrough } from "./pass_through.ts";
import {
  bpfProgram,
  compileFilter,
  Errno,
  intIs,
  rawSyscall,
  SECCOMP_FILTER_FLAG_TSYNC,
  SECCOMP_SET_MODE_FILTER,
  type SyscallAction,
  type SyscallName,
} from "../../ffi/mod.ts";

const end = Deno.args.indexOf("--");
const [syscall, action, ...conditions] = Deno.args.slice(0, end);
if (!Object.hasOwn(Errno, action)) throw new TypeError(`There is no errno ${action}`);
const filter = compileFilter({
  rules: [{
    syscall: syscall as SyscallName,
    action: action as SyscallAction,
    when: conditions.map((each) => {
      const [argument, value] = each.split("=").map(Number);
      return intIs(argument, value);
    }),
    reason: "a test",
  }],
  otherwise: { action: "allow", reason: "a test" },
});
rawSyscall("seccomp", SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, bpfProgram(filter));

const [command, ...args] = Deno.args.slice(end + 1);
const code = await passThrough(command, args);
Deno.exit(code);
