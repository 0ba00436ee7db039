/**
 * An experiment: one question, the checks that answer it, and two straight-line programs, the
 * parent's and the child's.
 *
 * @module
 */

import type { Capability } from "../host/capabilities.ts";
import type { ChildRun } from "./child_run.ts";
import type { Conclusion } from "../evidence/evidence.ts";
import type { WatchedLink } from "../host/link_watch.ts";
import type { ExperimentOptions } from "./options.ts";
import type { ParentRun } from "./parent_run.ts";
import type { ExperimentDescription } from "../evidence/description.ts";

/** One question, and the two programs that answer it. */
export interface Experiment<Options = unknown> extends ExperimentDescription {
  /**
   * The URL of its module, `file:`. As a program the module is the child, so that a child loads
   * only what its experiment needs.
   */
  readonly module: string;
  /** The capabilities that it needs in addition to those of every run. */
  readonly capabilities?: readonly Capability[];
  /** Returns why it cannot be answered here; `undefined` if it can. */
  readonly whyNoAnswer?: () => string | undefined;
  /** Its default time limit, in seconds, if not 10. */
  readonly timeout?: number;
  /** Its own options on the command line. */
  readonly options?: ExperimentOptions<Options, unknown>;
  /**
   * Returns the interfaces that it uses in addition to the one under test and that of the stimulus.
   */
  links?(options: Options): readonly WatchedLink[];
  /** The privileged program. Returns the conclusion that stands if every check holds. */
  parent(run: ParentRun<Options>): Promise<Conclusion>;
  /** The program of the process that receives the socket. */
  child(run: ChildRun): void | Promise<void>;
}
