/**
 * Everything that judges checks, for `--explain` and `--list --verbose`.
 *
 * @module
 */

import { INSPECT_COMMANDS } from "../commands/inspect/description.ts";
import type { ExperimentDescription } from "../evidence/description.ts";
import { EXPERIMENTS } from "../experiments/mod.ts";

/** The experiments, and the commands with checks of their own. */
export const EXPLAINED: readonly ExperimentDescription[] = [...EXPERIMENTS, ...INSPECT_COMMANDS];
