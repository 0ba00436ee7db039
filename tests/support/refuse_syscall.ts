/**
 * Runs a command in a place where one system call is refused, by a filter: to it, and to whatever it starts.
 *
 *     refuse_syscall.ts SYSCALL ERRNO [ARGUMENT=VALUE…] -- COMMAND [ARG…]
 *
 * The arguments, counted from 0, are ints. Unlike `installFilter()` it leaves no_new_privs alone, which would change more; root may do so.
 *
 * @module
 */

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
const { code } = await new Deno.Command(command, {
  args,
  stdin: "inherit",
  stdout: "inherit",
  stderr: "inherit",
}).output();
Deno.exit(code);
