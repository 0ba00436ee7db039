/**
 * Runs fdpass in a surrounding, and reports what is wrong with the outcome.
 *
 * @module
 */

import { inNamespace, runProgram } from "../support/programs.ts";
import type { LeavingReport } from "../support/report_left_behind.ts";
import { commandIn, type Surrounding } from "./surroundings.ts";

/** The longest that a run may take, in milliseconds; it ends by itself before. */
const LIMIT = 40_000;

/** When a hanging run is killed, in milliseconds. */
const HANGS = 90_000;

/** The outcome of a run. */
export interface SurroundingOutcome extends LeavingReport {
  readonly code: number;
  /** Standard output and standard error. */
  readonly output: string;
}

/**
 * Makes a DENO_DIR for one run only. A runtime that is short of descriptors rebuilds its caches,
 * and other users of the same ones then fail.
 */
async function ownCache(folder: string): Promise<string> {
  const { stdout } = await runProgram(Deno.execPath(), ["info", "--json"]);
  const cache = `${folder}/deno`;
  await Deno.mkdir(cache);
  await Deno.symlink(JSON.parse(stdout).npmCache.replace(/\/$/, ""), `${cache}/npm`);
  return cache;
}

/** A folder in which runs may leave files. Leaving the scope of an `await using` removes it. */
export class RunFolder implements AsyncDisposable {
  readonly #folder = Deno.makeTempDirSync();
  readonly #cache: Promise<string>;
  #runs = 0;

  constructor() {
    this.#cache = ownCache(this.#folder);
  }

  /** Runs fdpass in a surrounding. */
  async run(surrounding: Surrounding): Promise<SurroundingOutcome> {
    const place = `${this.#folder}/${++this.#runs}`;
    const report = `${place}.json`;
    await Deno.mkdir(place);
    const leaving = [Deno.execPath(), "run", "-A", "tests/support/report_left_behind.ts", report];
    const { code, stdout, stderr } = await inNamespace([...leaving, ...commandIn(surrounding)], {
      env: { DENO_DIR: await this.#cache, TMPDIR: place },
      timeout: HANGS,
    });
    const { milliseconds, left }: LeavingReport = JSON.parse(await Deno.readTextFile(report));
    return { code, output: stdout + stderr, milliseconds, left };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cache;
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** What is wrong with an outcome; empty if it is right. */
export function problemsOf(
  { exit, says, runtimeFails }: Surrounding,
  { code, output, milliseconds, left }: SurroundingOutcome,
): string[] {
  const isPass = /^PASS |✓ Core assumption validated|✓ SUCCESS/m.test(output);
  const isSilent = output === "";
  const problems: [wrong: boolean, problem: string][] = [
    [![exit].flat().includes(code), `exit ${code}, wanted ${exit}`],
    [!says.test(output), `does not say ${says}: ${output}`],
    [code === 0 && !isPass && !isSilent, `exit 0 without a PASS: ${output}`],
    [code !== 0 && /✓ SUCCESS/.test(output), `SUCCESS with exit ${code}`],
    [/fdpass itself failed/.test(output), `a defect: ${output}`],
    [
      !runtimeFails && /^ +at .*:\d+:\d+\)?$|^thread .* panicked/m.test(output),
      `a stack trace: ${output}`,
    ],
    [milliseconds > LIMIT, `${milliseconds} ms`],
    ...Object.entries(left).map(([what, which]): [boolean, string] => [
      which.length > 0,
      `left ${what}: ${which}`,
    ]),
  ];
  return problems.filter(([wrong]) => wrong).map(([, problem]) => problem);
}

/** A line about a run: its surrounding, its status, its time, and the first words of its reason. */
export function summary(
  { what }: Surrounding,
  { code, output, milliseconds }: SurroundingOutcome,
): string {
  const lines = output.split("\n").map((line) => line.trim());
  const reason = lines.find((line) => /^fdpass: |^No answer: /.test(line)) ??
    lines[lines.findIndex((line) => /^✗ FAILURE/.test(line)) + 1] ?? "";
  const verdict = output.match(/✓ SUCCESS|✗ FAILURE|INCONCLUSIVE|^PASS/m)?.[0] ?? "–";
  return [
    what.padEnd(62),
    String(code).padStart(4),
    verdict.padEnd(12),
    `${milliseconds} ms`.padStart(8),
    code === 0 ? "" : reason,
  ].join("  ").slice(0, 200).trimEnd();
}
