/**
 * Installs two filters on itself, prints their programs, the older first, and exits with status 7
 * when its input ends.
 *
 * @module
 */

import { compileFilter, installFilter, type SyscallPolicy } from "../../../../ffi/mod.ts";
import { printJson } from "../../programs/print_json.ts";

const policies: SyscallPolicy[] = [
  { rules: [], otherwise: { action: "allow", reason: "a test" } },
  {
    rules: [{ syscall: "ptrace", action: "EPERM", reason: "a test" }],
    otherwise: { action: "allow", reason: "a test" },
  },
];
const programs = policies.map((policy) => compileFilter(policy));
programs.forEach(installFilter);
printJson(programs.map((program) => program.toBase64()));
await Deno.stdin.read(new Uint8Array(1));
Deno.exit(7);
