/**
 * An injection: one answer of strace's in the place of the kernel's, and what came of the run.
 *
 * @module
 */

import type { LeftBehind } from "../../support/left_behind.ts";
import type { Answering } from "../stand_in/stand_in.ts";
import type { Aim, AimElsewhere, Side } from "./marks.ts";

/** What is run, and what is done to it. */
export interface Job {
  /** fdpass's arguments. */
  readonly args: readonly string[];
  /** Who answers in the kernel's place, and writes down what it answers. */
  readonly by: "strace" | "stand-in";
  /** What the stand-in answers; none for a run as it is. */
  readonly answering?: Answering;
  /** As strace takes it, such as `close:error=EIO:when=300`; none for a run as it is. */
  readonly inject?: string;
  readonly aim?: Aim | AimElsewhere;
  /** The system calls that are looked at, as strace takes it; all that may be the tool's if nothing is given. */
  readonly trace?: string;
  /** Whether strace's answer is what the kernel says anyway: then it is believed. */
  readonly isUsual?: boolean;
  /** When the run must have ended, in milliseconds. */
  readonly limit: number;
}

/** A call as a log has it: a system call of strace's, or a call of libc's of a stand-in's. */
export interface LoggedCall {
  /** A stand-in says so: the name of the journal, such as `child.2`. */
  readonly process?: string;
  readonly tid: number;
  /** Whose thread it was; `undefined` for one that JavaScript does not run on. */
  readonly side: Side | undefined;
  readonly name: string;
  readonly ordinal: number;
  readonly args: string;
  readonly result: string;
  readonly injected: boolean;
  /** The function of libc's that the tool called; `undefined` for one of the runtime's own. */
  readonly libc: string | undefined;
  readonly place: string;
  readonly turn: number;
  /** Which of that name it is within the call of libc's, from 1 on. */
  readonly nth: number;
}

/** How a run ended. */
export interface Outcome {
  readonly job: Job;
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly milliseconds: number;
  /** It had to be killed. */
  readonly hung: boolean;
  readonly left: LeftBehind;
}

/** What came of a run. */
export interface RunRecord extends Outcome {
  /** Every system call that strace answered. */
  readonly injected: readonly LoggedCall[];
  /** Why a PASS would be wrong, by the logs alone: what did not really take place. */
  readonly untrue: readonly string[];
  /** Of a run as it is, every system call of the tool's that JavaScript's threads made; */
  readonly calls?: readonly LoggedCall[];
  /** what other threads made, of names that the tool has made there; */
  readonly elsewhere?: readonly LoggedCall[];
  /** and how often any one thread made a system call of each name, at most. */
  readonly most?: Readonly<Record<string, number>>;
}
