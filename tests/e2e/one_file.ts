/**
 * The one-file build, in a folder without anything else.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { evidenceIn, inNamespace, type Outcome, ROOT, runProgram } from "../support/programs.ts";
import { FDPASS } from "./here.ts";

/** The folders of the build. */
export interface Place {
  /** The folder with nothing but the file. */
  readonly folder: string;
  /** An empty folder for Deno's cache. */
  readonly cache: string;
}

/** Builds the file and calls back. */
export async function bundled(test: (place: Place) => Promise<void>): Promise<void> {
  const place = await Deno.makeTempDir();
  const [folder, cache] = [`${place}/alone`, `${place}/cache`];
  try {
    await Deno.mkdir(cache);
    const made = await runProgram(Deno.execPath(), [
      ...["run", "-A", `${ROOT}/scripts/bundle.ts`, `${folder}/fdpass.js`],
    ]);
    assertEquals(made.code, 0, made.stderr);
    await test({ folder, cache });
  } finally {
    await Deno.remove(place, { recursive: true });
  }
}

/** What Deno has to do without. */
export const ALONE = [
  "run",
  "-A",
  "--no-config",
  "--no-lock",
  "--no-remote",
  "--no-npm",
  "--cached-only",
];

/** The command that runs the build with nothing but its folder. */
export function alone({ folder, cache }: Place, args: readonly string[]): string[] {
  const command = [Deno.execPath(), ...ALONE, "fdpass.js", ...args];
  return ["env", `--chdir=${folder}`, `DENO_DIR=${cache}`, "HOME=/", ...command];
}

/** The questions and their answers. */
function answers(outcome: Outcome) {
  const { verdict, exit, experiments } = evidenceIn(outcome);
  return {
    code: outcome.code,
    verdict,
    exit,
    experiments: experiments.map(({ name, verdict, checks }) => ({
      name,
      verdict,
      checks: checks.map(({ id, status, claim }) => [id, status, claim]),
    })),
  };
}

/** Asserts that the build answers as `main.ts` does. */
export async function assertSame(place: Place, args: readonly string[]): Promise<void> {
  const ours = answers(await inNamespace([...FDPASS, "--json", ...args], { timeout: 60_000 }));
  const theirs = answers(await inNamespace(alone(place, ["--json", ...args]), { timeout: 60_000 }));
  assertEquals(theirs, ours, args.join(" "));
}
