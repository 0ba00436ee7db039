/**
 * The child's main module, with a stand-in for libc.
 *
 * @param folder Where the child keeps its journal.
 * @param answering The call that is answered wrongly, as JSON; empty for none.
 * @returns A `file:` URL; its query carries the parameters.
 */
export function childWithStandIn(folder: string, answering = ""): string {
  const child = new URL("./stand_in_child.ts", import.meta.url);
  child.search = encodeURIComponent(JSON.stringify([folder, answering]));
  return child.href;
}
