/**
 * The rules for operations on processes: others of the same uid, and the ties of a process to its
 * parent.
 *
 * @module
 */

import {
  AT_FDCWD,
  CAP_SYS_PTRACE,
  O_RDONLY,
  PR_SET_DUMPABLE,
  PTRACE_SEIZE,
  SIGKILL,
} from "../../../ffi/abi/constants.ts";
import type { OperationName } from "../../evidence/operations.ts";
import { any, type Call, call, NOT_NULL, POINTER } from "./calls.ts";
import { needs } from "./powers.ts";
import { cannotTell, type KernelAnswer, refused, type Rule, step, type View } from "./rule.ts";
import { nextDescriptor, openingCalls, PIDFD_FROM_ELSEWHERE } from "./socket_steps.ts";

const SYS_PTRACE = { bit: CAP_SYS_PTRACE, name: "CAP_SYS_PTRACE" };

/** Source: asm-generic/fcntl.h, asm-generic/ioctls.h, asm-generic/sockios.h. */
const F_SETFL = 4, F_SETOWN = 8, F_SETOWN_EX = 15, O_ASYNC = 0o20000;
const FIOASYNC = 0x5452, FIOSETOWN = 0x8901, SIOCSPGRP = 0x8902;

/** The limit of processor time, at which a process is killed. Source: asm-generic/resource.h. */
const RLIMIT_CPU = 0;

/** PTRACE_ATTACH, the older way. Source: sys/ptrace.h. */
const PTRACE_ATTACH = 16;

/** Any process of the same uid; the number of no process if there is no other. */
function siblingOf({ daemon: { siblings } }: View): number {
  return siblings?.dumpable[0] ?? siblings?.undumpable[0] ?? NO_PROCESS;
}

const NO_PROCESS = 1 << 22; // PID_MAX_LIMIT of include/linux/threads.h

/**
 * Returns the answer of a call that has no target, or perhaps none; undefined if there is one.
 *
 * @param errno The errno of that call without a target.
 */
function alone({ daemon: { siblings } }: View, errno: string): KernelAnswer {
  if (siblings === undefined) return cannotTell("not all processes of its uid were looked at");
  return siblings.dumpable.length + siblings.undumpable.length === 0
    ? refused(errno, "namespace", "it sees no other process of its uid")
    : undefined;
}

/**
 * Returns the answer of `ptrace_may_access` in kernel/ptrace.c.
 *
 * @param errno The errno of a call whose target is not dumpable.
 * @param none The errno of a call without a target.
 */
function access(view: View, errno: string, none: string): KernelAnswer {
  const nobody = alone(view, none);
  if (nobody !== undefined) return nobody;
  if (view.daemon.siblings?.dumpable.length !== 0) return undefined;
  const power = needs(view, "machine", SYS_PTRACE);
  return power?.outcome === "EPERM"
    ? refused(errno, "credential", "no other process of its uid is dumpable")
    : power;
}

/** Returns the same for a call that attaches, on which Yama has a word. */
function attachment(view: View): KernelAnswer {
  const { ptraceScope = "0" } = view.surroundings;
  if (alone(view, "ESRCH") !== undefined || ptraceScope === "0") {
    return access(view, "EPERM", "ESRCH");
  }
  if (ptraceScope === "3") return refused("EPERM", "kernel", "kernel.yama.ptrace_scope is 3");
  const power = needs(view, "machine", SYS_PTRACE);
  return power?.outcome === "EPERM"
    ? refused("EPERM", "credential", `kernel.yama.ptrace_scope is ${ptraceScope}`)
    : power;
}

/** Returns the calls that signal a process. */
function signalling(pid: number): Call[] {
  return [0, SIGKILL].flatMap((signal) => [
    call("kill", pid, any(signal)),
    call("tkill", pid, any(signal)),
    call("tgkill", pid, pid, any(signal)),
    call("rt_sigqueueinfo", pid, any(signal), POINTER),
    call("rt_tgsigqueueinfo", pid, pid, any(signal), POINTER),
  ]);
}

/** The calls that name another process as the owner of a descriptor: fcntl(2), F_SETOWN. */
const OWNING = [
  call("fcntl", any(0), F_SETOWN, any(1)),
  call("fcntl", any(0), F_SETOWN_EX, POINTER),
  call("ioctl", any(0), FIOSETOWN, POINTER),
  call("ioctl", any(0), SIOCSPGRP, POINTER),
];

/** The calls after which the owner gets SIGIO, which ends it, or the signal of F_SETSIG. */
const SIGNALLING_OWNER = [
  call("fcntl", any(0), F_SETFL, any(O_ASYNC)),
  call("ioctl", any(0), FIOASYNC, POINTER),
];

/**
 * The answer of the process about its parent-death signal. Programs set it on their first thread,
 * and only that one is asked if there are many; an answer of any other counts too.
 */
function deathSignal({ asked, daemon }: View): KernelAnswer {
  const threads = asked?.threads ?? [];
  if (threads.some(({ parentDeathSignal }) => parentDeathSignal === SIGKILL)) {
    return refused("no effect", "kernel", "the kernel kills it when its parent ends");
  }
  const first = threads.find(({ tid }) => tid === daemon.pid);
  return first?.parentDeathSignal === undefined
    ? cannotTell("its parent-death signal was not asked")
    : undefined;
}

/** The rules, by the name of the operation. */
export const PROCESS_RULES = {
  "make-dumpable": {
    needsSocket: false,
    ways: () => [[step([call("prctl", PR_SET_DUMPABLE, 1n, any(0), any(0), any(0))])]],
  },
  "take-sibling-socket": {
    needsSocket: false,
    ways: (view) => {
      const taking = [call("pidfd_getfd", any(nextDescriptor(view)), any(3), any(0))];
      return [
        [
          step([call("pidfd_open", siblingOf(view), any(0))]),
          step(taking, attachment(view)),
        ],
        [step(taking, attachment(view) ?? PIDFD_FROM_ELSEWHERE)],
      ];
    },
  },
  "list-sibling": {
    needsSocket: false,
    ways: (view) => [[
      step([
        call("readlink", POINTER, POINTER, any(4096)),
        call("readlinkat", any(AT_FDCWD), POINTER, POINTER, any(4096)),
        ...openingCalls(O_RDONLY),
      ], access(view, "EACCES", "ENOENT")),
    ]],
  },
  "trace-sibling": {
    needsSocket: false,
    ways: (view) => [[
      step(
        [PTRACE_SEIZE, PTRACE_ATTACH].map((request) =>
          call("ptrace", BigInt(request), BigInt(siblingOf(view)), POINTER, POINTER)
        ),
        attachment(view),
      ),
    ]],
  },
  "read-sibling-memory": {
    needsSocket: false,
    ways: (view) => [[
      step(
        [call("process_vm_readv", siblingOf(view), POINTER, any(1), POINTER, any(1), any(0))],
        attachment(view),
      ),
    ]],
  },
  "kill-sibling": {
    needsSocket: false,
    ways: (view) => {
      const nobody = alone(view, "ESRCH");
      const sending = [
        call("pidfd_send_signal", any(nextDescriptor(view)), any(SIGKILL), POINTER, any(0)),
      ];
      const limiting = call("prlimit64", siblingOf(view), any(RLIMIT_CPU), NOT_NULL, any(0));
      return [
        [step(signalling(siblingOf(view)), nobody)],
        [step([call("kill", -1, any(SIGKILL))], nobody)],
        [step([call("pidfd_open", siblingOf(view), any(0))], nobody), step(sending)],
        [step(sending, nobody ?? PIDFD_FROM_ELSEWHERE)],
        [step(OWNING, nobody), step(SIGNALLING_OWNER)],
        [step([limiting], nobody ?? cannotTell("a limit kills a process of the same group too"))],
      ];
    },
  },
  "outlive-parent": { needsSocket: false, ways: (view) => [[step([], deathSignal(view))]] },
} satisfies { readonly [name in OperationName]?: Rule };
