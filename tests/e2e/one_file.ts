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

let built: Promise<Uint8Array> | undefined;

/** Returns the bytes of the build, which is made once. */
async function build(): Promise<Uint8Array> {
  const folder = await Deno.makeTempDir();
  try {
    const made = await runProgram(Deno.execPath(), [
      ...["run", "-A", `${ROOT}/scripts/bundle.ts`, `${folder}/fdpass.js`],
    ]);
    assertEquals(made.code, 0, made.stderr);
    return await Deno.readFile(`${folder}/fdpass.js`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Calls back with the file in a folder of its own. */
export async function bundled(test: (place: Place) => Promise<void>): Promise<void> {
  const place = await Deno.makeTempDir();
  const [folder, cache] = [`${place}/alone`, `${place}/cache`];
  try {
    await Deno.mkdir(cache);
    await Deno.mkdir(folder);
    await Deno.writeFile(`${folder}/fdpass.js`, await (built ??= build()));
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
  const commands = [[...FDPASS, "--json", ...args], alone(place, ["--json", ...args])];
  const [ours, theirs] = await Promise.all(
    commands.map((command) => inNamespace(command, { timeout: 60_000 })),
  );
  assertEquals(answers(theirs), answers(ours), args.join(" "));
}
