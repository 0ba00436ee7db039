/**
 * System calls that fail on demand: a function of libc is replaced, only in the isolate of the test
 * file.
 *
 * @module
 */

import { libc } from "../../ffi/abi/libc.ts";

type Libc = typeof libc;

/** Runs a step with a function of libc replaced, and returns its result. */
export function withLibc<Name extends keyof Libc, Result>(
  name: Name,
  replace: (real: Libc[Name]) => Libc[Name],
  step: () => Result,
): Result {
  const real = libc[name];
  Object.defineProperty(libc, name, { value: replace(real), configurable: true });
  try {
    return step();
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
