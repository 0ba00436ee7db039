/**
 * Powers: whether a thread has a capability where the kernel asks for it, or can get it.
 *
 * A thread can use what is in its permitted set: capset(2) makes it effective. A thread that is
 * root, or can become root, gets the capabilities of its bounding set by execve(2), unless
 * no_new_privs is set.
 *
 * Source: capabilities(7), `cap_capable` in security/commoncap.c.
 *
 * @module
 */

import { AT_FDCWD, CAP_NET_RAW, CAP_SETUID } from "../../../ffi/abi/constants.ts";
import { Errno } from "../../../ffi/abi/errno.ts";
import { isInSet } from "../threads/threads.ts";
import { any, type Call, call, POINTER } from "./calls.ts";
import { passes } from "./filter_wall.ts";
import { cannotTell, type KernelAnswer, refused, type View } from "./rule.ts";

/** The namespace over which a capability is needed. */
export type Over =
  /** The first user namespace: `capable()`. */
  | "machine"
  /** The network namespace of the thread. */
  | "own network"
  /** The network namespace of the packet socket. */
  | "socket's network";

/** Names for the reasons. */
export interface Needed {
  readonly bit: number;
  readonly name: string;
}

/** Whether a thread has a power: yes, no, or the reason why that cannot be told. */
type Power = boolean | string;

/** The user namespace that the kernel starts with. Source: PROC_USER_INIT_INO. */
const FIRST_USER_NAMESPACE = "user:[4026531837]";

/**
 * Returns the kernel's answer where it asks for one of some capabilities.
 *
 * @param needed The capabilities, of which one suffices; the first is named in the refusal.
 */
export function needs(view: View, over: Over, ...needed: readonly Needed[]): KernelAnswer {
  const powers = needed.map(({ bit }) => powerOver(view, over, bit));
  if (powers.includes(true)) return undefined;
  const doubt = powers.find((power) => typeof power === "string");
  if (typeof doubt === "string") return cannotTell(doubt);
  const names = needed.map(({ name }) => name).join(", ");
  return refused("EPERM", "credential", `no thread has ${names}`);
}

function powerOver(view: View, over: Over, bit: number): Power {
  switch (over) {
    case "machine":
      return powerOverMachine(view, bit);
    case "own network":
      return powerOverOwnNetwork(view, bit);
    case "socket's network":
      return powerOverSocket(view, bit);
  }
}

function powerOverMachine(view: View, bit: number): Power {
  const has = canHave(view, bit);
  if (has !== true) return has;
  const namespace = userNamespaceOf(view);
  return namespace === undefined
    ? "its user namespace cannot be read"
    : namespace === FIRST_USER_NAMESPACE;
}

/**
 * A thread has CAP_NET_RAW over its network namespace by the capability, or as the owner of the
 * user namespace that owns it, which has every capability there.
 */
function powerOverOwnNetwork(view: View, bit: number): Power {
  const { netRaw, credentials, answers } = view.thread;
  const has = canHave(view, bit);
  if (bit === CAP_NET_RAW && netRaw === true || answers.socket === 0) return true;
  if (netRaw === undefined) {
    if (has === false && answers.socket === Errno.EPERM) return false;
    return "whether its network namespace belongs to it cannot be seen";
  }
  const isHeld = isInSet(credentials, "CapEff", CAP_NET_RAW);
  if (netRaw) return isHeld ? has : true;
  if (has === false) return false;
  if (isHeld) return false; // its capabilities do not count over this namespace
  return userNamespaceOf(view) === FIRST_USER_NAMESPACE
    ? has
    : "whether its capabilities count in its network namespace cannot be seen";
}

function powerOverSocket(view: View, bit: number): Power {
  if (view.socket.isInOwnNamespace === true) return powerOverOwnNetwork(view, bit);
  if (powerOverMachine(view, bit) === true) return true;
  return "the socket is in another network namespace, whose owner is not known";
}

/** Whether a thread has a capability in its own user namespace, or can get it there. */
export function canHave({ thread: { credentials, filters } }: View, bit: number): Power {
  const powerBy = (calls: readonly Call[]): Power => {
    const passage = passes(filters, calls);
    return typeof passage === "string" ? passage : passage === true;
  };
  if (isInSet(credentials, "CapEff", bit)) return true;
  if (isInSet(credentials, "CapPrm", bit)) return powerBy([call("capset", POINTER, POINTER)]);
  const isRoot = credentials.uids.includes(0) || isInSet(credentials, "CapPrm", CAP_SETUID);
  if (!isRoot || credentials.noNewPrivs === 1 || !isInSet(credentials, "CapBnd", bit)) return false;
  return powerBy([
    call("execve", POINTER, POINTER, POINTER),
    call("execveat", any(AT_FDCWD), POINTER, POINTER, POINTER, any(0)),
  ]);
}

function userNamespaceOf({ daemon }: View): string | undefined {
  return daemon.shown.namespaces.find(({ kind }) => kind === "user")?.link;
}
