/**
 * The oldest Deno that fdpass runs on. This file is loaded by any Deno, so it has no imports and no
 * new syntax.
 *
 * @module
 */

/** The oldest Deno, as its major and minor version. `scripts/tools.sh` has the same. */
export const OLDEST_DENO = "2.6";

/**
 * Says what is wrong with a version of Deno that is too old.
 *
 * @param version Such as `2.5.6`.
 * @returns `undefined` if it is new enough.
 */
export function denoTooOld(version: string): string | undefined {
  const [major, minor] = version.split(".").map(Number);
  const [oldestMajor, oldestMinor] = OLDEST_DENO.split(".").map(Number);
  if (major > oldestMajor || major === oldestMajor && minor >= oldestMinor) return undefined;
  return `This is Deno ${version}, and Deno ${OLDEST_DENO} or later is needed: deno upgrade, ` +
    "or run scripts/netns.sh, which brings a newer one";
}
