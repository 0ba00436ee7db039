/**
 * Every fault, by the name of its experiment and its own.
 *
 * @module
 */

import type { Faults } from "./refutation.ts";
import { IO_URING_FAULTS } from "./io_uring.ts";
import { PRIVILEGE_DROP_FAULTS } from "./privilege_drop.ts";
import { RECEIVE_PATHS_FAULTS } from "./receive_paths.ts";
import { RELAY_FAULTS } from "./relay.ts";
import { SUPERVISOR_FAULTS } from "./supervisor.ts";

/** Those of all experiments but `authority`, whose faults are protections left out. */
export const FAULTS: Faults = {
  ...PRIVILEGE_DROP_FAULTS,
  ...IO_URING_FAULTS,
  ...RECEIVE_PATHS_FAULTS,
  ...RELAY_FAULTS,
  ...SUPERVISOR_FAULTS,
};
