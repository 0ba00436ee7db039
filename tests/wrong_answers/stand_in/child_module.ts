/**
 * The child's main module, with a stand-in for libc.
 *
 * @param folder Its journal comes there.
 * @param answering Which call is answered wrongly, as JSON; empty for none.
 * @returns A `file:` URL; its query says the rest.
 */
export function stoodInChild(folder: string, answering = ""): string {
  const child = new URL("./stand_in_child.ts", import.meta.url);
  child.search = encodeURIComponent(JSON.stringify([folder, answering]));
  return child.href;
}
