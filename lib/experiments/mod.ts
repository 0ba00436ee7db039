/**
 * The experiments, in the order in which `--experiment all` runs them.
 *
 * @module
 */

import type { Experiment } from "../harness/experiment.ts";
import { authority } from "./authority/experiment.ts";
import { ioUring } from "./io_uring/experiment.ts";
import { privilegeDrop } from "./privilege_drop/experiment.ts";
import { receivePaths } from "./receive_paths/experiment.ts";
import { relay } from "./relay/experiment.ts";
import { supervisor } from "./supervisor/experiment.ts";

/** Every experiment. */
export const EXPERIMENTS: readonly Experiment[] = [
  privilegeDrop,
  authority,
  ioUring,
  receivePaths,
  supervisor,
  relay,
];
