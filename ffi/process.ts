/**
 * A process and its limits.
 *
 * @module
 */

import { check, SystemError } from "./errno.ts";
import { rlimit } from "./layouts.ts";
import { cString, libc } from "./libc.ts";
import { addressOf } from "./struct.ts";

/**
 * prctl(2) with one argument. Many of its operations reach the calling thread alone; those of the address space, such as
 * `PR_SET_DUMPABLE`, the process.
 *
 * @returns What the operation returns, 0 or more.
 * @throws {SystemError} `EINVAL`, `EPERM`, …
 */
export function prctl(operation: number, argument: number): number {
  return check(libc.prctl(operation, BigInt(argument), 0n, 0n, 0n), "prctl");
}

/** getppid(2): the parent's process id; another one, and the parent has ended. */
export function getppid(): number {
  return libc.getppid();
}

/**
 * setrlimit(2): lowers a limit of this process, soft and hard, for good.
 *
 * @param resource Such as `RLIMIT_NOFILE`.
 * @throws {SystemError} `EPERM` if it would be raised.
 */
export function setrlimit(resource: number, limit: number): void {
  const limits = rlimit.alloc();
  limits.rlim_cur = BigInt(limit);
  limits.rlim_max = BigInt(limit);
  check(libc.setrlimit(resource, limits.bytes), "setrlimit");
}

/**
 * posix_spawn(3): starts a program with this process's descriptors and no environment.
 *
 * For a program that means to show that it can; otherwise `Deno.Command` is the better choice, which reaps.
 *
 * @param path The program's path.
 * @param args Its arguments, from `argv[0]` on.
 * @returns Its process id.
 * @throws {SystemError} `EPERM`, `EAGAIN`, `ENOENT`, …
 */
export function posix_spawn(path: string, args: readonly string[]): number {
  const texts = args.map(cString);
  const argv = BigUint64Array.from([...texts.map(addressOf), 0n]);
  const pid = new Int32Array(1);
  // SAFETY: `argv` holds the addresses of `texts`, which are looked at again after the call, and so live through it.
  const errno = libc.posix_spawn(pid, cString(path), null, null, argv, new BigUint64Array(1));
  if (texts.length !== args.length || errno !== 0) throw new SystemError("posix_spawn", errno);
  return pid[0];
}
