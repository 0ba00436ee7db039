/** The places in the program from where the parent looks into the child. */
const INSPECTING = /@(lib\/inspect\/|ffi\/(ptrace\/|seccomp\/installed_filters\.ts))/;

/** Whether the parent makes a call there to look into the child. */
export function isInspecting(place: string): boolean {
  return INSPECTING.test(place);
}
