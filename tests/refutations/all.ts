/**
 * Every refutation, by `EXPERIMENT/NAME`.
 *
 * @module
 */

import type { Refutations } from "./refutation.ts";
import { IO_URING_REFUTATIONS } from "./io_uring.ts";
import { PRIVILEGE_DROP_REFUTATIONS } from "./privilege_drop.ts";
import { RECEIVE_PATHS_REFUTATIONS } from "./receive_paths.ts";
import { RELAY_REFUTATIONS } from "./relay.ts";
import { SUPERVISOR_REFUTATIONS } from "./supervisor.ts";

/** The refutations of all experiments but `authority`, where protections are left out instead. */
export const REFUTATIONS: Refutations = {
  ...PRIVILEGE_DROP_REFUTATIONS,
  ...IO_URING_REFUTATIONS,
  ...RECEIVE_PATHS_REFUTATIONS,
  ...RELAY_REFUTATIONS,
  ...SUPERVISOR_REFUTATIONS,
};
