/**
 * A PID namespace for each child, so that the kernel ends everything that the child has started
 * when this process ends the namespace, or dies.
 *
 * The kernel kills every process of a PID namespace when its first process ends. Here the first
 * process is cat(1), reading a pipe whose other end only this process holds. If this process dies
 * for any reason, cat reads end of file and exits. cat has all of root's capabilities. A child has
 * fewer, so it can neither trace cat nor take its descriptors, and no signal from inside the
 * namespace ends a first process.
 *
 * A process in the namespace also has an ordinary pid in this one. Its descendants are in the
 * namespace too, however often they fork, whatever session they create, and whoever their parent
 * is.
 *
 * @module
 */

import { pause } from "../host/pause.ts";
import { CLONE_NEWPID, O_CLOEXEC, O_RDONLY } from "../../ffi/abi/constants.ts";
import { AnswerError, attempt, Errno, SystemError } from "../../ffi/abi/errno.ts";
import { OwnedFd } from "../../ffi/process/descriptor.ts";
import { open } from "../../ffi/process/file.ts";
import { setns, unshare } from "../../ffi/process/namespaces.ts";
import { unlessGone } from "../../ffi/process/proc.ts";
import { reap } from "../../ffi/process/process.ts";
import { pidNamespaceOf, processesIn, type SeenProcess } from "../inspect/processes/processes.ts";
import { ExperimentError } from "../evidence/errors.ts";
import { ownChildren } from "./orphans.ts";
import { runtimeCall } from "../host/runtime_call.ts";

/** The program that runs as the first process of a namespace. */
const FIRST = "/bin/cat";

/** How long the kernel may take to end all processes of a namespace, in milliseconds. */
const PATIENCE = 10_000;

/** The pause between two attempts to reap, in milliseconds. */
const INTERVAL = 5;

/**
 * The errnos of unshare(2) and setns(2) that mean that no namespace can be made here: no
 * CAP_SYS_ADMIN, a kernel without PID namespaces, the limit of namespaces reached, or a seccomp
 * filter.
 */
const UNAVAILABLE: readonly number[] = [
  Errno.EPERM,
  Errno.EINVAL,
  Errno.ENOSPC,
  Errno.ENOSYS,
];

/** A PID namespace with its first process. */
export class PidNamespace {
  /** The name that /proc gives it, such as `pid:[4026532281]`. */
  readonly name: string;
  readonly #first: Deno.ChildProcess;
  /** The children that were started in it and are not reaped yet. */
  readonly #children = new Set<number>();

  private constructor(first: Deno.ChildProcess) {
    this.#first = first;
    ownChildren.add(first.pid);
    this.name = pidNamespaceOf(first.pid);
  }

  /**
   * Creates a namespace.
   *
   * @returns `undefined` where none can be created.
   * @throws {SystemError} If its first process cannot be started, or this thread cannot return.
   */
  static make(): PidNamespace | undefined {
    const command = new Deno.Command(FIRST, {
      stdin: "piped",
      stdout: "null",
      stderr: "null",
      clearEnv: true,
    });
    const first = inNewNamespace(() =>
      runtimeCall("spawn", `Cannot start "${FIRST}"`, () => command.spawn())
    );
    if (first === undefined) return undefined;
    if (pidNamespaceOf(first.pid) === pidNamespaceOf("self")) {
      first.kill("SIGKILL");
      // or every process of this one would count as the child's
      throw new AnswerError("unshare", "no PID namespace was made");
    }
    return new PidNamespace(first);
  }

  /**
   * Starts a child in it.
   *
   * @param spawn Starts the child and does nothing else: between the two setns(2) calls around it,
   * this process can start no thread.
   * @throws {SystemError} If setns(2) is refused, or the child cannot be started.
   */
  start(spawn: () => Deno.ChildProcess): Deno.ChildProcess {
    using there = namespaceFile(this.#first.pid);
    const child = inNamespace(there.fd, spawn);
    if ((unlessGone(() => pidNamespaceOf(child.pid)) ?? this.name) !== this.name) {
      child.kill("SIGKILL");
      throw new AnswerError("setns", "the child is not in its PID namespace");
    }
    this.#children.add(child.pid);
    return child;
  }

  /** Lists the processes in it except its first process and the other children, sorted by pid. */
  processesOf(child: number): SeenProcess[] {
    return processesIn(this.name).filter(({ pid }) =>
      pid !== this.#first.pid && (pid === child || !this.#children.has(pid))
    );
  }

  /**
   * Counts the processes that an ended child has left behind. Ends the namespace after its last
   * child.
   *
   * @returns How many processes are left.
   * @throws {ExperimentError} If the namespace does not end.
   */
  async leave(child: number): Promise<number> {
    this.#children.delete(child);
    const left = this.#countLeft(child);
    if (this.#children.size === 0) await this.end();
    return left;
  }

  /** Ends the namespace if it has no child. */
  endIfEmpty(): void {
    if (this.#children.size === 0) this.#kill();
  }

  /**
   * Ends every process in it.
   *
   * @throws {ExperimentError} If one does not end.
   */
  async end(): Promise<void> {
    this.#kill();
    let isOver = false;
    const over = this.#first.status.then(() => {
      isOver = true;
    });
    for (const deadline = performance.now() + PATIENCE; !isOver;) {
      const isLate = performance.now() > deadline;
      await Promise.race([over, pause(INTERVAL)]);
      if (!isOver) this.#reapStrangers();
      if (isLate && !isOver) {
        throw new ExperimentError("The child's PID namespace does not end");
      }
    }
    ownChildren.delete(this.#first.pid);
    await this.#first.stdin.abort().catch(() => {});
  }

  /** Kills the first process. Only `end` reaps it, so its pid is not reused. */
  #kill(): void {
    try {
      runtimeCall("kill", "Cannot end a PID namespace", () => this.#first.kill("SIGKILL"));
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it has ended
    }
  }

  /**
   * Counts the processes that are alive. A process that forks and exits over and over may never be
   * seen alive, but its zombies accumulate, because the first process reaps none. So a growing
   * number counts as one.
   */
  #countLeft(child: number): number {
    const before = this.processesOf(child);
    const after = this.processesOf(child);
    const known = new Set(before.map(({ pid }) => pid));
    const isGrowing = after.some(({ pid }) => !known.has(pid));
    const alive = (all: readonly SeenProcess[]) => all.filter(({ isAlive }) => isAlive).length;
    return Math.max(alive(before), alive(after), isGrowing ? 1 : 0);
  }

  /**
   * Reaps processes that a child started with CLONE_PARENT, which made them children of this
   * process. The kernel does not end the first process before they are reaped.
   */
  #reapStrangers(): void {
    for (const { pid, parent } of processesIn(this.name)) {
      if (parent === Deno.pid && !ownChildren.has(pid)) reap(pid);
    }
  }
}

/** Whether this process can create PID namespaces for its children. */
export function canHavePidNamespaces(): boolean {
  return inNewNamespace(() => true) ?? false;
}

function namespaceFile(process: number | "self"): OwnedFd {
  const path = `/proc/${process}/ns/pid`;
  return new OwnedFd(attempt(`Cannot open "${path}"`, () => open(path, O_RDONLY | O_CLOEXEC)));
}

/**
 * Calls `act` while new processes of this thread go to a new PID namespace.
 *
 * @returns The result of `act`; `undefined` where no namespace can be created.
 */
function inNewNamespace<T>(act: () => T): T | undefined {
  using own = namespaceFile("self");
  try {
    setns(own.fd, CLONE_NEWPID); // can this thread return? root of a user namespace cannot
    unshare(CLONE_NEWPID);
  } catch (error) {
    if (error instanceof SystemError && UNAVAILABLE.includes(error.errno)) return undefined;
    throw error;
  }
  return thenBack(own.fd, act);
}

/** Calls `act` while new processes of this thread go to a given PID namespace. */
function inNamespace<T>(fd: number, act: () => T): T {
  using own = namespaceFile("self");
  attempt("Cannot enter the child's PID namespace", () => setns(fd, CLONE_NEWPID));
  return thenBack(own.fd, act);
}

/** Calls `act`, then returns this thread to its own PID namespace. */
function thenBack<T>(ownFd: number, act: () => T): T {
  try {
    return act();
  } finally {
    try {
      setns(ownFd, CLONE_NEWPID);
    } catch {
      // A thread that stays there can start no other thread. Try once more before giving up.
      using own = namespaceFile("self");
      attempt("Cannot leave the child's PID namespace", () => setns(own.fd, CLONE_NEWPID));
    }
  }
}
