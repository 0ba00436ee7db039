/** The places in the program from which the parent inspects the child. */
const INSPECTING = /@(lib\/inspect\/|ffi\/(ptrace\/|seccomp\/installed_filters\.ts))/;

/** Whether a call from a place serves to inspect the child. */
export function isInspecting(place: string): boolean {
  return INSPECTING.test(place);
}
