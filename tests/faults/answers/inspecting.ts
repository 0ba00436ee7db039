import type { LoggedCall } from "../syscalls/injection.ts";

/** The places in the program from where the parent looks into the child. */
const INSPECTING = /@(lib\/inspect\/|ffi\/(ptrace|installed_filters)\.ts)/;

/** Whether it is a call by which the parent looks into the child. */
export function isInspecting({ side, place }: LoggedCall): boolean {
  return side === "parent" && INSPECTING.test(place);
}
