/**
 * The rules for operations that execute a program, or enter a user namespace, which a program with
 * one thread may do.
 *
 * @module
 */

import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  CAP_SYS_ADMIN,
  CLONE_NEWUSER,
  CLONE_THREAD,
  CLONE_VM,
  SIGCHLD,
  SO_MARK,
  SOL_SOCKET,
} from "../../../ffi/abi/constants.ts";
import type { OperationName } from "../../evidence/operations.ts";
import { any, type Call, call, POINTER } from "./calls.ts";
import { canHave } from "./powers.ts";
import { cannotTell, type KernelAnswer, refused, type Rule, step, type View } from "./rule.ts";
import { setOption } from "./socket_steps.ts";

const CLONE_VFORK = 0x4000;

const UNSHARING = call("unshare", {
  sample: BigInt(CLONE_NEWUSER),
  free: BigInt.asUintN(64, ~BigInt(CLONE_NEWUSER)),
});

/**
 * Returns the calls that start a process.
 *
 * @param flags Flags of clone(2) that it takes.
 */
function starting(flags = 0): Call[] {
  const kept = BigInt(CLONE_THREAD | flags); // a thread is no process
  const cloning = (sample: number) => ({
    sample: BigInt(sample | flags),
    free: BigInt.asUintN(64, ~kept),
  });
  return [
    call("clone", cloning(CLONE_VM | CLONE_VFORK | SIGCHLD)),
    call("clone", cloning(SIGCHLD)),
    call("clone3", POINTER, any(88)),
    ...flags === 0 ? [call("fork"), call("vfork")] : [],
  ];
}

/** The calls that execute a program. Any process can write one to memory. */
const EXECUTING = [
  call("execve", POINTER, POINTER, POINTER),
  call("execveat", any(AT_FDCWD), POINTER, POINTER, POINTER, any(0)),
  call("execveat", any(3), POINTER, POINTER, POINTER, any(AT_EMPTY_PATH)),
];

/** Returns the ways to execute a program: in a new process, or in the place of this one. */
const executing = (answer?: KernelAnswer) => [
  [step(starting()), step(EXECUTING, answer)],
  [step(EXECUTING, answer)],
];

/** Source: bprm_fill_uid in fs/exec.c. */
function setUid({ thread: { credentials }, surroundings }: View): KernelAnswer {
  if (credentials.noNewPrivs === 1) {
    return refused("no effect", "credential", "no_new_privs is set");
  }
  return surroundings.hasSetUidProgram === true
    ? undefined
    : cannotTell("whether its root folder has a set-uid program is not known");
}

/** Source: create_user_ns in kernel/user_namespace.c, user_namespaces(7). */
function newUserNamespace(view: View): KernelAnswer {
  const { daemon: { shown: { root } }, surroundings } = view;
  if (root === null) return cannotTell("its root folder cannot be read");
  if (root !== "/") return refused("EPERM", "namespace", "it is in a chroot");
  if (surroundings.maxUserNamespaces === "0") {
    return refused("ENOSPC", "kernel", "user.max_user_namespaces is 0");
  }
  const isRestricted = surroundings.unprivilegedUserNamespaces === "0";
  const isAdministrator = canHave(view, CAP_SYS_ADMIN);
  if (isRestricted && isAdministrator === false) {
    return refused("EPERM", "credential", "kernel.unprivileged_userns_clone is 0");
  }
  return surroundings.restrictedUserNamespaces === "1" && isAdministrator !== true
    ? cannotTell("AppArmor decides on user namespaces")
    : undefined;
}

/** The rules, by the name of the operation. */
export const PROGRAM_RULES = {
  "execute": { needsSocket: false, ways: () => executing() },
  "set-uid-program": { needsSocket: false, ways: (view) => executing(setUid(view)) },
  "user-namespace": {
    needsSocket: false,
    ways: (view) => {
      const threads = view.daemon.threads.length;
      // Source: check_unshare_flags in kernel/fork.c.
      const several = refused("EINVAL", "kernel", `it has ${threads} threads, and one is required`);
      const answer = threads > 1 ? several : newUserNamespace(view);
      return [[step([UNSHARING], answer)]];
    },
  },
  "user-namespace-program": {
    needsSocket: false,
    ways: (view) => {
      const unshare = step([UNSHARING], newUserNamespace(view));
      const program = executing().map((way) => [...way, unshare]);
      const process = step(starting(CLONE_NEWUSER), newUserNamespace(view));
      return [...program, [process]];
    },
  },
  "user-namespace-socket": {
    needsSocket: true,
    ways: (view) => {
      const another = "the socket's network namespace belongs to another user namespace";
      const marked = step(
        setOption(view, SOL_SOCKET, SO_MARK),
        refused("no effect", "namespace", another),
      );
      // A program that may not unshare, or not set the option, ends without an effect.
      const program = step([], marked.answer);
      return executing().map((way) => [...way, program]);
    },
  },
} satisfies { readonly [name in OperationName]?: Rule };
