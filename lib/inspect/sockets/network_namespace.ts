/**
 * A step in another network namespace.
 *
 * @module
 */

import { CLONE_NEWNET, O_CLOEXEC, O_RDONLY } from "../../../ffi/abi/constants.ts";
import { OwnedFd } from "../../../ffi/process/descriptor.ts";
import { open, readLink } from "../../../ffi/process/file.ts";
import { setns } from "../../../ffi/process/namespaces.ts";

/**
 * Runs a step in a network namespace. Only this thread enters it, and it has left it when this
 * returns, so the step must not wait.
 *
 * @param namespace A file of /proc/PID/ns.
 * @returns The result of the step.
 * @throws {SystemError} `EPERM` without CAP_SYS_ADMIN here and over that namespace.
 * @throws {Error} If this thread cannot return, which must end this process: from then on it would
 * look at, and send to, other interfaces than it believes.
 */
export function inNetworkNamespace<T>(namespace: OwnedFd, step: () => T): T {
  const own = "/proc/thread-self/ns/net";
  const home = readLink(own);
  if (readLink(`/proc/self/fd/${namespace.fd}`) === home) return step();
  using back = new OwnedFd(open(own, O_RDONLY | O_CLOEXEC));
  setns(namespace.fd, CLONE_NEWNET);
  try {
    return step();
  } finally {
    returnTo(back, home);
  }
}

function returnTo(namespace: OwnedFd, home: string): void {
  try {
    setns(namespace.fd, CLONE_NEWNET);
  } catch (error) {
    throw new Error(`This process cannot return to its network namespace ${home}`, {
      cause: error,
    });
  }
}
