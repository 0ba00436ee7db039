/**
 * An injection: one answer given in the kernel's place, and the record of the run with it.
 *
 * @module
 */

import type { LeftBehind } from "../../support/left_behind.ts";
import type { Answering } from "../stand_in/stand_in.ts";
import type { Aim, AimElsewhere, Side } from "./marks.ts";

/** A run: its arguments, and the answer that is injected. */
export interface Job {
  /** The arguments of fdpass. */
  readonly args: readonly string[];
  /** Who gives the answer and keeps the log. */
  readonly by: "strace" | "stand-in";
  /** The answer of the stand-in; none in an undisturbed run. */
  readonly answering?: Answering;
  /**
   * The injection in strace's syntax, such as `close:error=EIO:when=300`; none in an undisturbed
   * run.
   */
  readonly inject?: string;
  readonly aim?: Aim | AimElsewhere;
  /** The system calls to log, in strace's syntax; by default all that the tool may make. */
  readonly trace?: string;
  /** Whether the kernel would give the same answer. Then the log counts it as true. */
  readonly isUsual?: boolean;
  /** The longest that the run may take, in milliseconds. */
  readonly limit: number;
}

/** A logged call: a system call in an strace log, or a call of libc in a journal. */
export interface LoggedCall {
  /** In a journal: its name, such as `child.2`. */
  readonly process?: string;
  readonly tid: number;
  /** Whose thread made it; `undefined` for a thread that runs no JavaScript. */
  readonly side: Side | undefined;
  readonly name: string;
  readonly ordinal: number;
  readonly args: string;
  readonly result: string;
  readonly injected: boolean;
  /** The function of libc that the tool called; `undefined` for a call of the runtime itself. */
  readonly libc: string | undefined;
  readonly place: string;
  readonly turn: number;
  /** The ordinal among the calls of that name within the call of libc, from 1. */
  readonly nth: number;
}

/** How a run ended. */
export interface Outcome {
  readonly job: Job;
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly milliseconds: number;
  /** Whether it had to be killed. */
  readonly hung: boolean;
  readonly left: LeftBehind;
}

/** The record of a run. */
export interface RunRecord extends Outcome {
  /** Every call that was answered in the kernel's place. */
  readonly injected: readonly LoggedCall[];
  /** Why a PASS would be wrong, by the logs alone: what did not really happen. */
  readonly untrue: readonly string[];
  /** In an undisturbed run: the tool's system calls on JavaScript's threads. */
  readonly calls?: readonly LoggedCall[];
  /** In an undisturbed run: those of other threads, of names that the tool uses there. */
  readonly elsewhere?: readonly LoggedCall[];
  /** In an undisturbed run: the most system calls of each name on any one thread. */
  readonly most?: Readonly<Record<string, number>>;
}

/** One wrong answer, and the run that gets it. */
export interface Injection {
  /**
   * The function of libc that is called, the system call that it makes, and the calling side;
   * `undefined` for a thread of the runtime.
   */
  readonly libc: string;
  readonly syscall: string;
  readonly side: Side | undefined;
  readonly place: string;
  readonly turn: number;
  /** An errno by name, or the result of a success that did not happen. */
  readonly answer: { readonly errno: string } | { readonly result: number };
  /** The kernel's answer in the undisturbed run. */
  readonly usual: string;
  readonly job: Job;
}

/** A run of which injections are planned. */
export type Run = Pick<Job, "args" | "limit" | "by">;

/** A logged call with its time in seconds since 1970: of strace, or of its return. */
export type TimedCall = LoggedCall & { readonly time: number };
