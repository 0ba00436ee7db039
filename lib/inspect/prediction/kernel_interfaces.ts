/**
 * The rules for operations by io_uring and eBPF: interfaces by which the kernel itself works for a
 * process.
 *
 * @module
 */

import {
  BPF_PROG_LOAD,
  CAP_BPF,
  CAP_DAC_OVERRIDE,
  CAP_DAC_READ_SEARCH,
  CAP_SYS_ADMIN,
  IORING_ENTER_GETEVENTS,
  IORING_ENTER_SQ_WAKEUP,
  SO_ATTACH_BPF,
  SOL_SOCKET,
} from "../../../ffi/abi/constants.ts";
import type { OperationName } from "../../evidence/operations.ts";
import { isInSet } from "../threads/threads.ts";
import { any, type Call, call, POINTER } from "./calls.ts";
import { room } from "./room.ts";
import { needs } from "./powers.ts";
import {
  cannotTell,
  type KernelAnswer,
  refused,
  type Rule,
  type Step,
  step,
  type View,
} from "./rule.ts";
import { lock, nextDescriptor, sending, setOption } from "./socket_steps.ts";
import { tableOf } from "./table.ts";

/** The size of `union bpf_attr`, in bytes, as far as a program needs it. */
const BPF_ATTRIBUTES = 24;

const SYS_ADMIN = { bit: CAP_SYS_ADMIN, name: "CAP_SYS_ADMIN" };
const BPF = { bit: CAP_BPF, name: "CAP_BPF" };

const SETTING_UP = [call("io_uring_setup", any(4), POINTER)];

/** Returns the calls that enter a ring. A registered ring has another number there. */
const entering = (fd: number): Call[] =>
  [0, IORING_ENTER_GETEVENTS, IORING_ENTER_SQ_WAKEUP].map((flags) =>
    call("io_uring_enter", any(fd), any(1), any(1), any(flags), POINTER, any(0))
  );

/** Source: io_uring_allowed in io_uring/io_uring.c. */
function newRing(view: View): KernelAnswer {
  const { surroundings: { ioUringDisabled, ioUringGroup, hasIoUring }, thread } = view;
  if (!hasIoUring) return refused("ENOSYS", "kernel", "the kernel has no io_uring");
  if (ioUringDisabled === "2") {
    return refused("EPERM", "kernel", "kernel.io_uring_disabled is 2");
  }
  const { gids, groups } = thread.credentials;
  const isMember = [gids[1], ...groups].includes(Number(ioUringGroup ?? -1));
  if (ioUringDisabled !== "1" || isMember) return room(view, 1);
  const answer = needs(view, "machine", SYS_ADMIN);
  return answer?.outcome === "EPERM"
    ? refused("EPERM", "credential", "kernel.io_uring_disabled is 1")
    : answer ?? room(view, 1);
}

/** Whether a thread may read root's files, as far as its own credentials decide. */
function isRootsReader({ thread: { credentials } }: View): boolean {
  return credentials.uids[3] === 0 ||
    [CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH].some((bit) => isInSet(credentials, "CapEff", bit));
}

const NO_RING = refused("EBADF", "kernel", "it holds no io_uring");
const OWN_CREDENTIALS = refused("EACCES", "credential", "the ring acts as the one who enters it");

/** Returns a rule with one way for each ring, which takes io_uring_enter(2). */
function byEntering(
  answer: (view: View, ring: View["daemon"]["rings"][number]) => KernelAnswer,
): Rule {
  return {
    needsSocket: false,
    ways: (view) => {
      const { rings } = view.daemon;
      return rings.length === 0
        ? [[step(entering(nextDescriptor(view)), NO_RING)]]
        : rings.map((ring) => [step(entering(ring.fd), answer(view, ring))]);
    },
  };
}

function asPersonality(view: View, personalities: readonly number[] | undefined): KernelAnswer {
  if (isRootsReader(view)) return undefined;
  if (personalities === undefined) return cannotTell("the kernel does not list its personalities");
  return personalities.includes(0) ? undefined : OWN_CREDENTIALS;
}

/**
 * The answer of the kernel threads that poll rings. The kernel names such a thread by its number in
 * the first PID namespace, so it cannot always be told from others that work for a ring.
 */
function byPolling({ daemon, surroundings: { kernelThreads } }: View): KernelAnswer {
  const polling = daemon.rings.flatMap(({ pollingThread }) => pollingThread ?? []);
  if (polling.length === 0) {
    return refused("no effect", "kernel", "the kernel polls no ring of this process");
  }
  const known = polling.filter((tid) => kernelThreads.includes(tid));
  const candidates = known.length === polling.length ? known : kernelThreads;
  const uids = candidates.map((tid) => daemon.threads.find((each) => each.tid === tid)?.uids[3]);
  if (uids.length > 0 && uids.every((uid) => uid === 0)) return undefined;
  return uids.length === 0 || uids.includes(0) || uids.includes(undefined)
    ? cannotTell("the credentials of the thread that polls a ring were not seen")
    : refused("EACCES", "credential", "the polling thread is not root");
}

/** Returns the ways to send by rings that the process holds already. */
function byHeldRings(view: View): Step[][] {
  return view.daemon.rings.map(({ fd, pollingThread }) => {
    const doubt = cannotTell(`descriptor ${fd} is an io_uring, which may be restricted or not`);
    return [step(pollingThread === undefined ? entering(fd) : [], doubt)];
  });
}

/** The rules, by the name of the operation. */
export const KERNEL_INTERFACE_RULES = {
  "io-uring": { needsSocket: false, ways: (view) => [[step(SETTING_UP, newRing(view))]] },
  "io-uring-send": {
    needsSocket: true,
    ways: (view) => [
      ...sending(view, entering(nextDescriptor(view)), step(SETTING_UP, newRing(view))),
      ...byHeldRings(view),
    ],
  },
  "early-ring": byEntering((view, { pollingThread }) => {
    if (pollingThread !== undefined) return NO_RING;
    return isRootsReader(view) ? undefined : OWN_CREDENTIALS;
  }),
  "early-personality": byEntering((view, { personalities }) => asPersonality(view, personalities)),
  "early-polled-ring": { needsSocket: false, ways: (view) => [[step([], byPolling(view))]] },
  "ebpf": {
    needsSocket: true,
    ways: (view) => {
      const isForAll = view.surroundings.unprivilegedBpfDisabled === "0";
      const loading = isForAll ? undefined : needs(view, "machine", BPF, SYS_ADMIN);
      const attaching = setOption(view, SOL_SOCKET, SO_ATTACH_BPF);
      const { program } = tableOf(view.daemon);
      return [
        [
          step([call("bpf", BPF_PROG_LOAD, POINTER, any(BPF_ATTRIBUTES))], loading),
          step(attaching, lock(view)),
        ],
        ...program === undefined ? [] : [[
          step(
            attaching,
            lock(view) ??
              cannotTell(`descriptor ${program.fd} is a program, which may be one for it`),
          ),
        ]],
      ];
    },
  },
} satisfies { readonly [name in OperationName]?: Rule };
