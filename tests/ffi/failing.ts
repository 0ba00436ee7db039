/**
 * A system call that fails when a test wants it to: the function of libc's is replaced, in the isolate of the test's file alone.
 *
 * @module
 */

import { libc } from "../../ffi/libc.ts";

type Libc = typeof libc;

/** Runs a step while a function of libc's is another. */
export function withLibc<Name extends keyof Libc>(
  name: Name,
  other: (real: Libc[Name]) => Libc[Name],
  step: () => void,
): void {
  const real = libc[name];
  Object.defineProperty(libc, name, { value: other(real), configurable: true });
  try {
    step();
  } finally {
    Object.defineProperty(libc, name, { value: real, configurable: true });
  }
}

/** {@linkcode withLibc}, where some calls fail with `EBADF`. */
export function withFailing<Name extends "mmap" | "setsockopt" | "syscall">(
  name: Name,
  fails: (...args: Parameters<Libc[Name]>) => boolean,
  step: () => void,
): void {
  const other = (real: (...args: Parameters<Libc[Name]>) => number) =>
    ((...args: Parameters<Libc[Name]>) => fails(...args) ? libc.close(-1) : real(...args)) as Libc[
      Name
    ];
  withLibc(name, other as (real: Libc[Name]) => Libc[Name], step);
}
