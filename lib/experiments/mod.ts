/**
 * The experiments, in the order in which `--experiment all` runs them.
 *
 * @module
 */

import type { Experiment } from "../experiment.ts";
import { authority } from "./authority.ts";
import { privilegeDrop } from "./privilege_drop.ts";

/** Every experiment. */
export const EXPERIMENTS: readonly Experiment[] = [privilegeDrop, authority];
