/**
 * Processes that a test watches and controls while they run.
 *
 * @module
 */

import { assert } from "@std/assert";
import { type Outcome, ROOT } from "../support/programs.ts";
import { pause } from "../support/pause.ts";

/** A line of `/proc/PID/status`; `undefined` if there is no such process. */
function statusOf(pid: number, key: string): string | undefined {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/status`)
      .match(new RegExp(`^${key}:\\s*(.*)$`, "m"))?.[1];
  } catch {
    return undefined;
  }
}

function allPids(): number[] {
  return [...Deno.readDirSync("/proc")].map(({ name }) => Number(name)).filter(Number.isInteger);
}

/** The parent of a process; `undefined` if the process is gone. */
function parentOf(pid: number): number | undefined {
  const parent = statusOf(pid, "PPid");
  return parent === undefined ? undefined : Number(parent);
}

/** Whether a process was started by another, or by one that descends from it. */
function descendsFrom(pid: number, ancestor: number): boolean {
  const parent = parentOf(pid) ?? 0;
  return parent !== 0 && (parent === ancestor || descendsFrom(parent, ancestor));
}

/**
 * The workers of a running fdpass, or of a program that runs it.
 *
 * @param experiment As its folder is named.
 */
export function workersOf(pid: number, experiment: string): number[] {
  return processesWith(import.meta.resolve(`../../lib/experiments/${experiment}/experiment.ts`))
    .filter((each) => descendsFrom(each, pid));
}

/** Stops the parent of a process for a number of milliseconds. */
export async function stopParentOf(pid: number, milliseconds: number): Promise<void> {
  const parent = parentOf(pid);
  if (parent === undefined) return;
  Deno.kill(parent, "SIGSTOP");
  await pause(milliseconds);
  Deno.kill(parent, "SIGCONT");
}

/** The children of a process that it has not reaped. */
export function childrenOf(pid: number): number[] {
  return allPids().filter((each) => parentOf(each) === pid);
}

/** The processes with a word in their command line. */
export function processesWith(word: string): number[] {
  return allPids().filter((pid) => {
    try {
      return Deno.readTextFileSync(`/proc/${pid}/cmdline`).split("\0").includes(word);
    } catch {
      return false;
    }
  });
}

/** The effective uid of a process; `undefined` if it is gone. */
export function uidOf(pid: number): number | undefined {
  const uid = statusOf(pid, "Uid")?.split("\t")[1];
  return uid === undefined ? undefined : Number(uid);
}

/** Whether a process has ended, reaped or not. */
export function hasEnded(pid: number): boolean {
  return statusOf(pid, "State")?.startsWith("Z") ?? true;
}

/** Whether a process is stopped, as by SIGSTOP. */
export function isStopped(pid: number): boolean {
  return statusOf(pid, "State")?.startsWith("T") ?? false;
}

/** Whether a process has a filter of system calls. */
export function isFiltered(pid: number): boolean {
  return statusOf(pid, "Seccomp") === "2";
}

function netNamespaceOf(pid: number): string | undefined {
  try {
    return Deno.readLinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return undefined;
  }
}

const OWN_NAMESPACE = Deno.statSync("/proc/self/ns/net").ino;

/**
 * The network namespace of a run. It is held open, because the kernel might give its number to the
 * next run's namespace.
 */
export class NetworkNamespace implements Disposable {
  #held: { readonly file: Deno.FsFile; readonly name: string } | undefined;

  /** @param pid The process that starts in the namespace of the test, and moves to its own. */
  constructor(readonly pid: number) {}

  /** Looks whether the process has moved. */
  find(): void {
    if (this.#held !== undefined) return;
    try {
      const file = Deno.openSync(`/proc/${this.pid}/ns/net`);
      const { ino } = file.statSync();
      if (ino === OWN_NAMESPACE) return file.close();
      this.#held = { file, name: `net:[${ino}]` };
    } catch {
      // The process has ended.
    }
  }

  /** The processes in the namespace. */
  get processes(): number[] {
    const { name } = this.#held ?? {};
    return name === undefined ? [] : allPids().filter((pid) => netNamespaceOf(pid) === name);
  }

  [Symbol.dispose](): void {
    this.#held?.file.close();
  }
}

/**
 * Waits until something holds.
 *
 * @param what What is waited for, for the message.
 * @param limit In milliseconds.
 * @throws {Error} If it does not hold in time.
 */
export async function until(what: string, holds: () => boolean, limit: number): Promise<void> {
  const deadline = performance.now() + limit;
  while (!holds()) {
    assert(performance.now() < deadline, `after ${limit} ms still not: ${what}`);
    await pause(5);
  }
}

/** A running program. Leaving the scope of an `await using` kills it. */
export class Running implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #outcome: Promise<Outcome & { readonly signal: Deno.Signal | null }>;

  constructor([program, ...args]: readonly string[]) {
    this.#process = new Deno.Command(program, {
      args,
      cwd: ROOT,
      env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#outcome = this.#process.output().then(({ code, signal, stdout, stderr }) => ({
      code,
      signal,
      stdout: new TextDecoder().decode(stdout),
      stderr: new TextDecoder().decode(stderr),
    }));
  }

  /** Its process id. */
  get pid(): number {
    return this.#process.pid;
  }

  /** Waits for its end, and for the end of every process that holds its output. */
  ended(): Promise<Outcome & { readonly signal: Deno.Signal | null }> {
    return this.#outcome;
  }

  /** Kills it, if it has not ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#process.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#outcome;
  }
}
