/**
 * A process that holds sockets of this one and does nothing, until it is disposed of.
 *
 * @module
 */

import { setCloseOnExec } from "../../ffi/mod.ts";

/** Starts a process that inherits some descriptors, under the same numbers. */
export function heldByChild(...fds: readonly number[]): AsyncDisposable & { readonly pid: number } {
  fds.forEach((fd) => setCloseOnExec(fd, false));
  const child = new Deno.Command("sleep", { args: ["60"], stdin: "null" }).spawn();
  fds.forEach((fd) => setCloseOnExec(fd, true));
  return {
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.status;
    },
  };
}
