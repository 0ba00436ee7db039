/**
 * Where a program is.
 *
 * @module
 */

/** The path of a program, looked up in PATH; `undefined` if it is not there. */
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
