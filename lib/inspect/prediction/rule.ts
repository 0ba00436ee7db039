/**
 * Rules: what a process has to do for an operation, and who may refuse it.
 *
 * An operation is done in one of several ways. A way is a list of steps; each is one of some system
 * calls, which the filters of the thread let pass or refuse, and then the kernel's own answer. The
 * filters come first, as in the kernel.
 *
 * @module
 */

import {
  CANNOT_TELL,
  type Prediction,
  type SeenDaemon,
  type SocketState,
  type Subject,
  type Wall,
} from "../subject.ts";
import type { ThreadCredentials } from "../threads/threads.ts";
import type { Answers } from "../asking/questions.ts";
import type { Call } from "./calls.ts";
import type { ThreadFilters } from "./filter_wall.ts";
import type { Surroundings } from "./surroundings.ts";

/** A thread that may try the operations. */
export interface SubjectThread {
  readonly credentials: ThreadCredentials;
  readonly filters: ThreadFilters;
  /**
   * Whether it has CAP_NET_RAW over its own network namespace; undefined if that cannot be told.
   */
  readonly netRaw: boolean | undefined;
  /** The kernel's answers beneath its filters, as far as it was asked. */
  readonly answers: Partial<Answers>;
}

/** All that a rule looks at. */
export interface View {
  readonly thread: SubjectThread;
  /** The socket of the column. */
  readonly socket: SocketState;
  readonly daemon: SeenDaemon;
  readonly asked: Subject["asked"];
  readonly surroundings: Surroundings;
}

/** The kernel's answer to a step: a refusal or a doubt; undefined if it does it. */
export type KernelAnswer = Prediction | undefined;

/** A step of a way. */
export interface Step {
  /** System calls of which one does it; empty if it takes none. */
  readonly calls: readonly Call[];
  readonly answer: KernelAnswer;
  /** What is used, in words, if that is worth a remark. */
  readonly remark?: string | undefined;
}

/** A rule for one operation. */
export interface Rule {
  /** Whether it takes a packet socket. */
  readonly needsSocket: boolean;
  /** The ways to do it, the usual one first. */
  ways(view: View): readonly (readonly Step[])[];
}

/** Returns a step. */
export function step(calls: readonly Call[], answer?: KernelAnswer, remark?: string): Step {
  return { calls, answer, remark };
}

/** Returns the prediction that something refuses an operation. */
export function refused(outcome: string, wall: Wall, reason: string): Prediction {
  return { outcome, wall, reason };
}

/** Returns the prediction that nothing can be predicted. */
export function cannotTell(reason: string): Prediction {
  return { outcome: CANNOT_TELL, wall: null, reason };
}

/** The prediction that nothing refuses an operation. */
export const ALLOWED: Prediction = { outcome: "allowed", wall: null, reason: null };
