/**
 * Processes that a hostile child keeps beside itself. A Deno process cannot fork: of what is copied no line of JavaScript runs. But libc can
 * start a process that runs one function of libc's, in the memory of this one.
 *
 * @module
 */

import {
  addressOf,
  check,
  CLONE_VM,
  cString,
  libc,
  pages,
  posix_spawn,
  readTextFile,
  SIGCHLD,
  sleep,
} from "../../ffi/mod.ts";

// SAFETY: each of the processes runs on one of these for as long as it lives.
const stacks: Uint8Array<ArrayBuffer>[] = [];

/**
 * clone(3): starts a process with the memory of this one, which waits for ever.
 *
 * @param flags What else it shares, and whose child it is.
 */
export function startSharing(flags: number): void {
  const { symbols } = Deno.dlopen("libc.so.6", {
    clone: { parameters: ["pointer", "usize", "i32", "usize"], result: "i32" },
  });
  const stack = pages(1 << 16);
  stacks.push(stack);
  const top = addressOf(stack) + BigInt(stack.length);
  const program = libc.dlsym(null, cString("pause"));
  check(symbols.clone(program, top, CLONE_VM | flags | SIGCHLD, 0n), "clone");
}

/** Starts a program that waits: a process that is what this one is now. */
export function startAnother(): void {
  posix_spawn("/bin/sleep", ["sleep", "100"]);
}

/** How long a tracer may take to be there, in milliseconds. */
const PATIENCE = 5000;

/** Has a process of its own trace this one, so that nobody else can. */
export function haveOneselfTraced(): void {
  const status = () => readTextFile("/proc/self/status");
  const [, pid] = status().match(/^Pid:\s*(\d+)/m)!;
  const ownPid = status().match(/^NSpid:.*\s(\d+)$/m)?.[1] ?? pid;
  posix_spawn("/usr/bin/strace", ["strace", "-qq", "-e", "trace=none", "-p", ownPid]);
  for (const end = Date.now() + PATIENCE; Date.now() < end; sleep(5)) {
    if (!/^TracerPid:\s*0$/m.test(status())) return;
  }
  throw new Error("No tracer came");
}
