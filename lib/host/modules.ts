/**
 * The files of a program: its main module, and all that it imports.
 *
 * @module
 */

/** An import or export from a relative path. In a comment it may name a file that is not there. */
const SPECIFIER = /\b(?:from|import)\s*\(?\s*"(\.{1,2}\/[^"]+)"/g;

/**
 * Returns the paths of the local modules that a program can load, dynamic imports and imports of
 * types included. The first one is its main module. Files that cannot be read are left out.
 *
 * @param main The URL of its main module, `file:`. Its query and fragment are ignored.
 */
export function modulesOf(main: string): string[] {
  const read: string[] = [];
  const seen = new Set([new URL(main).pathname]);
  for (const path of seen) { // a Set also visits what is added on the way
    const text = textOf(decodeURIComponent(path));
    if (text === undefined) continue;
    read.push(decodeURIComponent(path));
    for (const [, specifier] of text.matchAll(SPECIFIER)) {
      seen.add(new URL(specifier, `file://${path}`).pathname);
    }
  }
  return read;
}

function textOf(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
}
