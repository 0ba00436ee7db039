/**
 * Older Denos, which npm brings into `.tools/old_deno`, pinned by checksum.
 *
 * @module
 */

import { ROOT, runProgram } from "../support/programs.ts";

/** The versions that `tests/support/old_deno/package.json` pins, each by its alias there. */
export type OldDeno = "2.2" | "2.3" | "2.5" | "2.6";

const FOLDER = `${ROOT}/.tools/old_deno`;
const PINS = `${ROOT}/tests/support/old_deno`;

/** The path of an older Deno. The first call needs a network. */
export async function oldDeno(version: OldDeno): Promise<string> {
  const path = `${FOLDER}/node_modules/deno-${version}/deno`;
  if (await isThere(path)) return path;
  await Deno.mkdir(FOLDER, { recursive: true });
  for (const name of ["package.json", "package-lock.json"]) {
    await Deno.copyFile(`${PINS}/${name}`, `${FOLDER}/${name}`);
  }
  const { code, stderr } = await runProgram("npm", [
    ...["ci", "--loglevel", "error", "--ignore-scripts", "--no-audit", "--no-fund"],
    ...["--prefix", await Deno.realPath(FOLDER)],
  ], { timeout: 300_000 });
  if (code !== 0) throw new Error(`npm could not bring Deno ${version}: ${stderr}`);
  await Deno.chmod(path, 0o755);
  return path;
}

async function isThere(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}
