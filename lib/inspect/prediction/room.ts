/**
 * The limit of descriptors.
 *
 * @module
 */

import { RLIMIT_NOFILE } from "../../../ffi/abi/constants.ts";
import { any, type Call, call, NOT_NULL, POINTER } from "./calls.ts";
import { passes } from "./filter_wall.ts";
import { cannotTell, type KernelAnswer, refused, type View } from "./rule.ts";
import { tableOf } from "./table.ts";

/** Returns the kernel's answer to a call that takes some new descriptors. */
export function room(view: View, wanted: number): KernelAnswer {
  const { daemon: { descriptorLimit }, surroundings: { mostDescriptors } } = view;
  if (descriptorLimit === undefined) return cannotTell("its limit of descriptors cannot be read");
  const table = tableOf(view.daemon);
  const free = (limit: number) => limit - table.takenBelow(limit);
  if (free(descriptorLimit) >= wanted) return undefined;
  if (mostDescriptors !== undefined && free(mostDescriptors) >= wanted) {
    const raise = passes(view.thread.filters, RAISING);
    if (raise === true) return undefined;
    if (typeof raise === "string") return cannotTell(raise);
  }
  return refused("EMFILE", "limit", `RLIMIT_NOFILE is ${descriptorLimit}`);
}

/** The calls that raise the soft limit to the hard one. */
const RAISING: readonly Call[] = [
  call("prlimit64", any(0), RLIMIT_NOFILE, NOT_NULL, POINTER),
  call("setrlimit", RLIMIT_NOFILE, POINTER),
];
