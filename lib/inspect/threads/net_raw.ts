/**
 * Whether a thread may create a packet socket in its network namespace, by its credentials alone.
 *
 * The kernel asks `ns_capable(net->user_ns, CAP_NET_RAW)` in packet_create. cap_capable in
 * security/commoncap.c then walks from the user namespace that owns the network namespace upward:
 *   - in the thread's own user namespace, its effective set decides;
 *   - a thread has every capability over a child of its user namespace that its effective user
 *     owns;
 *   - a namespace that is not below the thread's own is out of reach.
 *
 * A capability that is permitted, or a user to which the thread can change, counts as well: the
 * thread needs nobody's leave to make it effective.
 *
 * @module
 */

import { CAP_NET_RAW } from "../../../ffi/abi/constants.ts";
import { holds, type ThreadCredentials } from "./threads.ts";
import type { UserNamespace } from "./user_namespaces.ts";

/**
 * Returns whether a thread has, or can raise, CAP_NET_RAW over a network namespace; undefined if
 * that cannot be told.
 *
 * @param own The link of the thread's user namespace.
 * @param above The user namespaces from the owner of the network namespace upward: `ownersAbove()`.
 * @param isInSight Whether the thread's user namespace is that of this process, or below it. Others
 * may be above all that this process sees.
 */
export function hasNetRaw(
  thread: Pick<ThreadCredentials, "uids" | "capabilities">,
  own: string,
  above: readonly UserNamespace[],
  isInSight: boolean,
): boolean | undefined {
  const at = above.findIndex(({ link }) => link === own);
  if (at === -1) return isInSight ? false : undefined;
  if (holds(thread, CAP_NET_RAW)) return true;
  if (at === 0) return false;
  const { owner } = above[at - 1];
  // The filesystem uid does not count, and follows the effective one.
  return owner === undefined ? undefined : thread.uids.slice(0, 3).includes(owner);
}
