/**
 * Hardening: what a supervisor can take away from a worker that holds a packet socket, as protections with names.
 *
 * Theory of operation. The kernel asks for CAP_NET_RAW once, in `packet_create`; what the holder of a packet socket does later with it must
 * be stopped by something else, and nothing stops all of it but a system call filter. Each protection closes what
 * the others leave open, and the order in which they are put on is not free:
 *
 *   1. On the socket, by the parent, before the socket is passed (the worker could undo what it does itself):
 *      a. `locked-filter`: a classic BPF program lets pass what the worker is for, and SO_LOCK_FILTER makes it final;
 *         packet_setsockopt asks for nothing more. After the bind, so that the parent's own set-up is not in its way.
 *      b. `fanout-pin`: a member of a fanout group cannot be bound elsewhere (packet_do_bind: EINVAL), nor join another.
 *   2. At birth, by the parent, since a capability set belongs to a thread, and a runtime has many before its first line runs:
 *      c. `no-capabilities`: bounding, inheritable and ambient set empty. The child is born with effective uid 0 and no
 *         capability, and with the worker's uid as its real one: so it can still become the worker (setresuid(2) grants
 *         any of the three ids that one has), but has nothing else of root's. On every thread, because all descend from that birth.
 *   3. In the child, before its ids change: `closed-descriptors`: what is open and has no reason to be is closed. No filter does this one's
 *      work: an io_uring that root made, polled by the kernel, needs no system call.
 *   4. In the child, after the ids have changed (a uid change resets the first two; the last would forbid the others):
 *      d. `undumpable`: no process of the same uid may trace it, read its memory or take its descriptors (ptrace_may_access).
 *      e. `parent-death-signal`: it is killed when the parent dies; and since the parent may have died before, the control channel is looked at.
 *      f. `resource-limits`: no more descriptors than now and a few, no file grows, no core. RLIMIT_NPROC is left: it counts
 *         threads, of all processes of that uid, and the runtime starts threads as it needs them; new processes fall to (h).
 *      g. `no-new-privs`: no execve gains a privilege. prctl(2) reaches one thread; a seccomp filter that allows everything, put on with
 *         SECCOMP_FILTER_FLAG_TSYNC, carries it to all.
 *      h. `receive-only`: the system call filter, last: see `receive_only.ts`. With TSYNC it reaches every thread, and later ones inherit it.
 *
 * @module
 */

import {
  CAP_NET_RAW,
  CAP_SETGID,
  CAP_SETUID,
  O_WRONLY,
  PACKET_FANOUT,
  PACKET_FANOUT_CPU,
  POLLHUP,
  POLLIN,
  PR_SET_DUMPABLE,
  PR_SET_PDEATHSIG,
  RLIMIT_CORE,
  RLIMIT_FSIZE,
  RLIMIT_NOFILE,
  SIGKILL,
  SOL_PACKET,
} from "../../ffi/abi/constants.ts";
import { AnswerError } from "../../ffi/abi/errno.ts";
import { attachFilter, lockFilter } from "../../ffi/packet/bpf.ts";
import {
  dropPrivileges,
  type Identity,
  setresgid,
  setresuid,
} from "../../ffi/process/credentials.ts";
import { close } from "../../ffi/process/descriptor.ts";
import { openDescriptors } from "../../ffi/process/proc.ts";
import { parentDeathSignal, prctl, setrlimit } from "../../ffi/process/process.ts";
import {
  compileFilter,
  explainRefusal,
  installFilter,
  type SyscallPolicy,
} from "../../ffi/seccomp/seccomp.ts";
import { getsockoptInt } from "../../ffi/socket/calls.ts";
import { poll } from "../../ffi/socket/poll.ts";
import { auditDescriptors, type WorkerDescriptors } from "./descriptors.ts";
import { CannotAnswer, ExperimentError } from "../evidence/errors.ts";
import { beginFanoutGroup } from "../packets/socket.ts";
import { threadFiles } from "../inspect/threads.ts";
import { ALLOW_EVERYTHING, prepareForFilter, receiveOnlyPolicy } from "./policy.ts";
import { multicastFilter } from "../packets/filters.ts";

/** What each protection takes away, by its name, in the order in which they are put on. */
export const PROTECTIONS = {
  "locked-filter": "what the worker is not for does not reach it, and it cannot change that",
  "fanout-pin": "the socket cannot be bound elsewhere, nor join another fanout group",
  "no-capabilities":
    "no thread ever has a capability, nor has a program that it executes, be it root's",
  "closed-descriptors": "nothing is open that has no reason to be",
  "undumpable": "no process of the same uid can trace it or take its descriptors",
  "parent-death-signal": "it does not outlive its parent",
  "resource-limits": "no hoard of descriptors, no file that grows, no core",
  "no-new-privs": "no program that it executes gains a privilege",
  "receive-only": "no system call but those that receive, report and keep the runtime going",
} as const;

/** The name of a protection. */
export type Protection = keyof typeof PROTECTIONS;

/** All of them. */
export const ALL_PROTECTIONS = Object.keys(PROTECTIONS) as Protection[];

/** Whether there is a protection of that name. */
export function isProtection(name: unknown): name is Protection {
  return typeof name === "string" && Object.hasOwn(PROTECTIONS, name);
}

/** Whether a socket is pinned: the only member of a fanout group of its own. */
export function isPinned(packetFd: number): boolean {
  return getsockoptInt(packetFd, SOL_PACKET, PACKET_FANOUT) >>> 16 === PACKET_FANOUT_CPU;
}

/**
 * Stage 1: protects a bound socket before it is passed.
 *
 * @param filter What the worker is for, as a program of classic BPF.
 * @throws {SystemError} If the kernel refuses.
 * @throws {AnswerError} If it does not, and does not do it either.
 */
export function protectSocket(
  packetFd: number,
  chosen: readonly Protection[],
  filter = multicastFilter(),
): void {
  if (chosen.includes("locked-filter")) {
    attachFilter(packetFd, filter);
    lockFilter(packetFd);
  }
  if (chosen.includes("fanout-pin")) {
    beginFanoutGroup(packetFd, PACKET_FANOUT_CPU);
  }
}

const SETPRIV = "/usr/bin/setpriv";

/** The capabilities that its drop and the control before it need, as setpriv(1) names them. */
const USUAL_CAPABILITIES = {
  setuid: CAP_SETUID,
  setgid: CAP_SETGID,
  net_raw: CAP_NET_RAW,
} as const;

/** The most capabilities that a child may be born with, as a set of bits. */
export function launchCapabilities(chosen: readonly Protection[]): bigint {
  if (chosen.includes("no-capabilities")) return 0n;
  return Object.values(USUAL_CAPABILITIES).reduce((set, bit) => set | 1n << BigInt(bit), 0n);
}

/**
 * The program that starts a child with these capabilities and no other, on every thread, with its arguments. What the child executes gains nothing; its
 * groups are its own to leave. Wraps setpriv(1).
 */
export function birthWith(capabilities: readonly string[]): readonly string[] {
  const kept = ["-all", ...capabilities.map((name) => `+${name}`)];
  return [
    SETPRIV,
    "--no-new-privs",
    `--bounding-set=${kept.join(",")}`,
    "--inh-caps=-all",
    "--ambient-caps=-all",
    "--",
  ];
}

/** How every child is started that needs nothing more. */
export const USUAL_LAUNCHER = birthWith(Object.keys(USUAL_CAPABILITIES));

/** Stage 2: the program that starts a child without any capability if that protection is chosen, and as usual if not. */
export function launcherFor(identity: Identity, chosen: readonly Protection[]): readonly string[] {
  if (!chosen.includes("no-capabilities")) return USUAL_LAUNCHER;
  return birthUnder(identity, [...chosen, "no-new-privs"]);
}

/**
 * Stage 2, with nothing but the chosen protections: to see what each takes away.
 *
 * @returns Nothing to put before the child's command, if none of them is put on at birth.
 */
export function birthUnder(
  { uid, gid }: Identity,
  chosen: readonly Protection[],
): readonly string[] {
  if (!chosen.includes("no-capabilities")) return [];
  return [
    SETPRIV,
    ...chosen.includes("no-new-privs") ? ["--no-new-privs"] : [],
    "--bounding-set=-all",
    "--inh-caps=-all",
    "--ambient-caps=-all",
    "--clear-groups",
    `--ruid=${uid}`,
    `--rgid=${gid}`,
    "--",
  ];
}

/**
 * Makes sure that a child can be started with less than root has.
 *
 * @throws {CannotAnswer} If not.
 */
export function requireBirth(program = SETPRIV): void {
  try {
    const { stdout } = new Deno.Command(program, { args: ["--version"] }).outputSync();
    if (new TextDecoder().decode(stdout).includes("util-linux")) return; // busybox has another
  } catch (error) {
    const { NotFound, PermissionDenied } = Deno.errors;
    if (!(error instanceof NotFound || error instanceof PermissionDenied)) throw error;
  }
  throw new CannotAnswer(
    `"${program}" is missing, or not that of util-linux`,
    "Install the package util-linux",
  );
}

/**
 * Stage 3: closes whatever is open in the child and has no reason to be. With a ring of io_uring(7) its polling thread goes,
 * which acts, and shows in /proc, as whoever made the ring; that takes the kernel a moment, which is waited for.
 *
 * @throws {ExperimentError} If such a thread stays.
 */
export function closeUnknownDescriptors(
  known: WorkerDescriptors,
  chosen: readonly Protection[],
): void {
  if (!chosen.includes("closed-descriptors")) return;
  const unexplained = auditDescriptors(known).filter(({ why }) => why === undefined);
  for (const { fd } of unexplained) close(fd);
  untilRingThreadsEnd();
}

/**
 * Waits until no thread of an io_uring is left in this process; its rings must be closed.
 *
 * @throws {ExperimentError} If one stays.
 */
export function untilRingThreadsEnd(): void {
  const deadline = Date.now() + RING_TIMEOUT;
  while (hasRingThread()) {
    if (Date.now() > deadline) throw new ExperimentError("A thread of an io_uring does not end");
  }
}

/** How long the kernel may take to end the thread of a closed ring, in milliseconds. */
const RING_TIMEOUT = 2000;

function hasRingThread(): boolean {
  return [...threadFiles("self", "comm").values()].some((name) => name.startsWith("iou-"));
}

/**
 * Between stages 3 and 4: the child becomes the worker. One that was born without capabilities has the ids at hand, as its
 * real ones, and no group to leave.
 *
 * @throws {SystemError} If a call is refused.
 * @throws {PrivilegeError} If the drop did not take effect.
 */
export function becomeWorker({ uid, gid }: Identity, chosen: readonly Protection[]): void {
  if (!chosen.includes("no-capabilities")) return dropPrivileges({ uid, gid });
  setresgid(gid, gid, gid);
  setresuid(uid, uid, uid);
}

/** What libc asks of the kernel where that has another name, with the arguments that matter. */
const BEHIND_LIBC: { readonly [name: string]: [syscall: string, ...args: number[]] } = {
  open: ["openat", 0, 0, O_WRONLY],
  posix_spawn: ["clone"],
};

function policyOf(worker: WorkerDescriptors): SyscallPolicy {
  const { packetFd, sourceFd = packetFd } = worker;
  return receiveOnlyPolicy({ ...worker, ioUring: sourceFd !== packetFd, pid: Deno.pid });
}

/**
 * Names a violation: which rule of the system call filter refused a call.
 *
 * @param syscall The call, by libc's name or the kernel's.
 * @returns `undefined` if the filter is not on, or does not refuse that call.
 */
export function explainViolation(
  worker: WorkerDescriptors,
  chosen: readonly Protection[],
  syscall: string,
): string | undefined {
  if (!chosen.includes("receive-only")) return undefined;
  const [name, ...args] = BEHIND_LIBC[syscall] ?? [syscall, worker.packetFd];
  return explainRefusal(policyOf(worker), name, args);
}

/** How many descriptors more than now a worker may open: for files that are read, one after another. */
const SPARE_DESCRIPTORS = 4;

/**
 * Stage 4: what the child puts on itself, after its ids have changed.
 *
 * @throws {ExperimentError} If the parent is gone already.
 * @throws {SystemError} If the kernel refuses.
 * @throws {AnswerError} If it does not, and does not do it either, where nobody can see that from outside.
 */
export function protectWorker(
  worker: WorkerDescriptors,
  chosen: readonly Protection[],
): void {
  const steps: { readonly [name in Protection]?: () => void } = {
    "undumpable": () => prctl(PR_SET_DUMPABLE, 0),
    "parent-death-signal": () => {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (parentDeathSignal() !== SIGKILL) {
        throw new AnswerError("prctl", "the parent-death signal is not the one set");
      }
      // It holds the other end of the channel alone, and loses that before its children are told of its end.
      if ((poll([worker.channelFd], POLLIN, 0)[0] & POLLHUP) !== 0) {
        throw new ExperimentError("The parent is gone");
      }
    },
    "resource-limits": () => {
      // The limit is one of numbers: a high one, as the channel has it where the parent has many open, keeps the low ones free.
      setrlimit(RLIMIT_NOFILE, openDescriptors("self").size + SPARE_DESCRIPTORS);
      setrlimit(RLIMIT_FSIZE, 0);
      setrlimit(RLIMIT_CORE, 0);
    },
    "no-new-privs": () => installFilter(compileFilter(ALLOW_EVERYTHING)),
    "receive-only": () => installFilter(compileFilter(policyOf(worker))),
  };
  if (chosen.includes("receive-only")) prepareForFilter(); // opens descriptors: before they are limited
  for (const protection of ALL_PROTECTIONS) {
    if (chosen.includes(protection)) steps[protection]?.();
  }
}
