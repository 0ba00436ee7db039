/**
 * Finds a program.
 *
 * @module
 */

/** The path of a program in PATH; `undefined` if there is none. */
export function which(program: string): string | undefined {
  return (Deno.env.get("PATH") ?? "").split(":").map((folder) => `${folder}/${program}`)
    .find((path) => {
      try {
        return Deno.statSync(path).isFile;
      } catch {
        return false;
      }
    });
}
