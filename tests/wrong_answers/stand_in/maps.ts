/**
 * The parent looks for shared memory in the child, and would find the journal. So it opens a copy of the child's `/proc/PID/maps` that lacks the
 * journal's line.
 *
 * @module
 */

const MAPS = /^\/proc\/\d+\/maps$/;

/**
 * Returns what takes the path that open(2) is to be given, with its NUL, and returns that or another's.
 *
 * @param folder The journals are there; the copy comes beside it.
 */
export function pathsWithoutJournals(folder: string): (path: Uint8Array) => Uint8Array {
  const copy = `${folder}.maps`;
  const copyPath = new TextEncoder().encode(`${copy}\0`);
  const decoder = new TextDecoder();
  return (path) => {
    const text = decoder.decode(path.subarray(0, -1));
    if (!MAPS.test(text)) return path;
    try {
      const lines = Deno.readTextFileSync(text).split("\n");
      Deno.writeTextFileSync(copy, lines.filter((line) => !line.includes(folder)).join("\n"));
      return copyPath;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return path; // the tool is to be told so
      throw error;
    }
  };
}
