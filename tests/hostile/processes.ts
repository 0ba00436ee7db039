/**
 * Processes that a hostile child keeps beside itself. Deno cannot fork: in the copy, no JavaScript
 * would run. But libc can start a process that runs one function of libc in the memory of this one.
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

// SAFETY: each process uses one of these stacks for as long as it lives.
const stacks: Uint8Array<ArrayBuffer>[] = [];

/**
 * Starts a process with the memory of this one, which waits for ever: clone(3).
 *
 * @param flags What else it shares, and which process becomes its parent.
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

/** Starts a program that waits: a process with the present credentials of this one. */
export function startAnother(): void {
  posix_spawn("/bin/sleep", ["sleep", "100"]);
}

/** How long a tracer may take to attach, in milliseconds. */
const PATIENCE = 5000;

/** Starts a tracer of this process, so that nobody else can trace it. */
export function haveOneselfTraced(): void {
  const status = () => readTextFile("/proc/self/status");
  const [, pid] = status().match(/^Pid:\s*(\d+)/m)!;
  const ownPid = status().match(/^NSpid:.*\s(\d+)$/m)?.[1] ?? pid;
  posix_spawn("/usr/bin/strace", ["strace", "-qq", "-e", "trace=none", "-p", ownPid]);
  for (const end = performance.now() + PATIENCE; performance.now() < end; sleep(5)) {
    if (!/^TracerPid:\s*0$/m.test(status())) return;
  }
  throw new Error("No tracer came");
}
