/**
 * What an experiment is: one question, the checks that answer it, and two straight-line programs, the
 * parent's and the child's.
 *
 * @module
 */

import type { Capability } from "../host/capabilities.ts";
import type { ChildRun } from "./child_run.ts";
import type { Conclusion } from "../evidence/evidence.ts";
import type { ExperimentOptions } from "./options.ts";
import type { ParentRun } from "./parent_run.ts";
import type { ExperimentDescription } from "../evidence/description.ts";

/** One question, and the two programs that answer it. */
export interface Experiment<Options = unknown> extends ExperimentDescription {
  /** The module that it is in, a `file:` URL: started as a program, it is the child, with nothing loaded that other experiments need. */
  readonly module: string;
  /** What it needs of root beside what every run needs. */
  readonly capabilities?: readonly Capability[];
  /** Why there is no answer to be had here, in words; `undefined` if there is. */
  readonly whyNoAnswer?: () => string | undefined;
  /** The longest that it may take if nothing is said of it, in seconds; 10 if it is not there. */
  readonly timeout?: number;
  /** Its own options on the command line. */
  readonly options?: ExperimentOptions<Options, unknown>;
  /** The privileged program. Returns what is to be said if every check holds. */
  parent(run: ParentRun<Options>): Promise<Conclusion>;
  /** The program of the process that receives the socket. */
  child(run: ChildRun): void | Promise<void>;
}
