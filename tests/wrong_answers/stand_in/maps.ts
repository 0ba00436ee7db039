/**
 * Hides the journals from the parent, which looks for shared memory in the child: it opens a copy
 * of the child's `/proc/PID/maps` without the lines of the journals.
 *
 * @module
 */

const MAPS = /^\/proc\/\d+\/maps$/;

/**
 * Makes a function that takes a path for open(2), with its NUL, and returns that path or the path
 * of a copy without journals.
 *
 * @param folder Where the journals are; the copy is written beside it.
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
      if (error instanceof Deno.errors.NotFound) return path; // the tool must see this error
      throw error;
    }
  };
}
