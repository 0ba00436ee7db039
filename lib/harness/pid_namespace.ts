/**
 * PID namespaces for children: all that a child starts ends when this process ends it, or ends itself, by the kernel's doing.
 *
 * The kernel kills every process of a PID namespace when the first one ends. That one is cat(1), which reads a pipe whose other end this
 * process alone holds: if this process dies, however that comes, cat reads the end of the pipe and exits. It has all of root's
 * capabilities, so that a child, which has fewer, can neither trace it nor reach into it; and inside its namespace no signal ends the first process.
 *
 * A process started in a namespace has an ordinary number out here. Whatever it starts is in there as well, however often it forks, whatever
 * session it makes, and whoever its parent is.
 *
 * @module
 */

import { CLONE_NEWPID, O_CLOEXEC, O_RDONLY } from "../../ffi/abi/constants.ts";
import { AnswerError, attempt, Errno, SystemError } from "../../ffi/abi/errno.ts";
import { OwnedFd } from "../../ffi/process/descriptor.ts";
import { open, unlessGone } from "../../ffi/process/file.ts";
import { setns, unshare } from "../../ffi/process/namespaces.ts";
import { reap } from "../../ffi/process/process.ts";
import { pidNamespaceOf, processesIn, type SeenProcess } from "../inspect/processes.ts";
import { ExperimentError } from "../evidence/errors.ts";
import { ownChildren } from "./orphans.ts";
import { runtimeCall } from "../host/runtime_call.ts";

/** The first process of a namespace. */
const FIRST = "/bin/cat";

/** How long the kernel may take to end all that is in a namespace, in milliseconds. */
const PATIENCE = 10_000;

/** How long it is waited for between two looks, in milliseconds. */
const INTERVAL = 5;

/** unshare(2), setns(2): without CAP_SYS_ADMIN, without PID namespaces in the kernel or its limit of them, under a filter of system calls. */
const CANNOT_BE_HAD: readonly number[] = [
  Errno.EPERM,
  Errno.EINVAL,
  Errno.ENOSPC,
  Errno.ENOSYS,
];

/** A PID namespace with its first process. */
export class PidNamespace {
  /** As /proc has it, such as `pid:[4026532281]`. */
  readonly name: string;
  readonly #first: Deno.ChildProcess;
  /** The children that were started in there and not yet reaped. */
  readonly #children = new Set<number>();

  private constructor(first: Deno.ChildProcess) {
    this.#first = first;
    ownChildren.add(first.pid);
    this.name = pidNamespaceOf(first.pid);
  }

  /**
   * Makes one.
   *
   * @returns `undefined` where this process cannot have one.
   * @throws {SystemError} If the system refuses a process, or to go on after it.
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
      throw new AnswerError("unshare", "no PID namespace was made"); // all in this one would be a child's
    }
    return new PidNamespace(first);
  }

  /**
   * Starts a child in it. Between the two calls that lead there and back no thread can be started here: so it may do nothing else.
   *
   * @throws {SystemError} If the system refuses.
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

  /** The processes in it, without the first, and without children but one; sorted. */
  processesOf(child: number): SeenProcess[] {
    return processesIn(this.name).filter(({ pid }) =>
      pid !== this.#first.pid && (pid === child || !this.#children.has(pid))
    );
  }

  /**
   * Counts what a child has left that has ended, and ends all of it if it was the last.
   *
   * @throws {ExperimentError} If it does not end.
   */
  async leave(child: number): Promise<number> {
    this.#children.delete(child);
    const left = this.#countLeft(child);
    if (this.#children.size === 0) await this.end();
    return left;
  }

  /** Ends it if no child was started in it. */
  endIfEmpty(): void {
    if (this.#children.size === 0) this.#kill();
  }

  /**
   * Ends everything in it.
   *
   * @throws {ExperimentError} If it does not end.
   */
  async end(): Promise<void> {
    this.#kill();
    let isOver = false;
    const over = this.#first.status.then(() => {
      isOver = true;
    });
    for (const deadline = Date.now() + PATIENCE; !isOver;) {
      await Promise.race([over, new Promise((resolve) => setTimeout(resolve, INTERVAL))]);
      if (!isOver) this.#reapStrangers();
      if (Date.now() > deadline) {
        throw new ExperimentError("The child's PID namespace does not end");
      }
    }
    ownChildren.delete(this.#first.pid);
    await this.#first.stdin.abort().catch(() => {});
  }

  /** Its first process is reaped by `end` only, so the number cannot be anybody else's. */
  #kill(): void {
    try {
      runtimeCall("kill", "Cannot end a PID namespace", () => this.#first.kill("SIGKILL"));
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it has ended
    }
  }

  /**
   * How many live. One that forks and ends at once, again and again, may be gone whenever it is looked at; but since the first process reaps nobody, its
   * remains are there, and more and more of them.
   */
  #countLeft(child: number): number {
    const before = this.processesOf(child);
    const after = this.processesOf(child);
    const known = new Set(before.map(({ pid }) => pid));
    const isGrowing = after.some(({ pid }) => !known.has(pid));
    const alive = (all: readonly SeenProcess[]) => all.filter(({ isAlive }) => isAlive).length;
    return Math.max(alive(before), alive(after), isGrowing ? 1 : 0);
  }

  /** Reaps whom a child has made this process's own (CLONE_PARENT): the first process does not end before they are gone. */
  #reapStrangers(): void {
    for (const { pid, parent } of processesIn(this.name)) {
      if (parent === Deno.pid && !ownChildren.has(pid)) reap(pid);
    }
  }
}

/** Whether this process can have PID namespaces for its children. */
export function canHavePidNamespaces(): boolean {
  return inNewNamespace(() => true) ?? false;
}

function namespaceFile(process: number | "self"): OwnedFd {
  const path = `/proc/${process}/ns/pid`;
  return new OwnedFd(attempt(`Cannot open "${path}"`, () => open(path, O_RDONLY | O_CLOEXEC)));
}

/** Does something while what this thread starts is in a new namespace; `undefined` where there is none to be had. */
function inNewNamespace<T>(act: () => T): T | undefined {
  using own = namespaceFile("self");
  try {
    setns(own.fd, CLONE_NEWPID); // the way back: closed to root of a user namespace, which may make one
    unshare(CLONE_NEWPID);
  } catch (error) {
    if (error instanceof SystemError && CANNOT_BE_HAD.includes(error.errno)) return undefined;
    throw error;
  }
  return thenBack(own.fd, act);
}

/** Does something while what this thread starts is in a namespace. */
function inNamespace<T>(fd: number, act: () => T): T {
  using own = namespaceFile("self");
  attempt("Cannot enter the child's PID namespace", () => setns(fd, CLONE_NEWPID));
  return thenBack(own.fd, act);
}

function thenBack<T>(ownFd: number, act: () => T): T {
  try {
    return act();
  } finally {
    try {
      setns(ownFd, CLONE_NEWPID);
    } catch {
      // Whoever stays there can start no thread: it is tried by another way before that is told.
      using own = namespaceFile("self");
      attempt("Cannot leave the child's PID namespace", () => setns(own.fd, CLONE_NEWPID));
    }
  }
}
