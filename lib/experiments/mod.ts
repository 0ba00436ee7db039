/**
 * The experiments, in the order in which `--experiment all` runs them.
 *
 * @module
 */

import type { Experiment } from "../experiment.ts";
import { authority } from "./authority.ts";
import { ioUring } from "./io_uring.ts";
import { privilegeDrop } from "./privilege_drop.ts";
import { receivePaths } from "./receive_paths.ts";
import { relay } from "./relay.ts";
import { supervisor } from "./supervisor.ts";

/** Every experiment. */
export const EXPERIMENTS: readonly Experiment[] = [
  privilegeDrop,
  authority,
  ioUring,
  receivePaths,
  supervisor,
  relay,
];
