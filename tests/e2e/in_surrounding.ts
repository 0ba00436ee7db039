/**
 * Runs fdpass in a surrounding, and says what is wrong with what came of it.
 *
 * @module
 */

import { inNamespace, runProgram } from "../support/programs.ts";
import type { Leaving } from "../support/report_left_behind.ts";
import { commandIn, type Surrounding } from "./surroundings.ts";

/** The longest that a run may take, in milliseconds: it ends by itself before. */
const LIMIT = 40_000;

/** When a run that hangs is killed, in milliseconds. */
const HANGS = 90_000;

/** What came of a run. */
export interface Coming extends Leaving {
  readonly code: number;
  /** Both streams. */
  readonly output: string;
}

/**
 * A DENO_DIR that nobody else has: a runtime that is starved of descriptors begins its caches anew, and whoever has the same ones then
 * complains.
 */
async function ownCache(folder: string): Promise<string> {
  const { stdout } = await runProgram(Deno.execPath(), ["info", "--json"]);
  const cache = `${folder}/deno`;
  await Deno.mkdir(cache);
  await Deno.symlink(JSON.parse(stdout).npmCache.replace(/\/$/, ""), `${cache}/npm`);
  return cache;
}

/** Where runs may leave something. Leaving the scope of an `await using` removes it. */
export class Ground implements AsyncDisposable {
  readonly #folder = Deno.makeTempDirSync();
  readonly #cache: Promise<string>;
  #runs = 0;

  constructor() {
    this.#cache = ownCache(this.#folder);
  }

  /** Runs fdpass there. */
  async run(surrounding: Surrounding): Promise<Coming> {
    const place = `${this.#folder}/${++this.#runs}`;
    const report = `${place}.json`;
    await Deno.mkdir(place);
    const leaving = [Deno.execPath(), "run", "-A", "tests/support/report_left_behind.ts", report];
    const { code, stdout, stderr } = await inNamespace([...leaving, ...commandIn(surrounding)], {
      env: { DENO_DIR: await this.#cache, TMPDIR: place },
      timeout: HANGS,
    });
    const { milliseconds, left }: Leaving = JSON.parse(await Deno.readTextFile(report));
    return { code, output: stdout + stderr, milliseconds, left };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cache;
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** What is wrong with what came of it; nothing, if it is as it should be. */
export function faultsOf(
  { exit, says, runtimeFails }: Surrounding,
  { code, output, milliseconds, left }: Coming,
): string[] {
  const isPass = /^PASS |✓ Core assumption validated|✓ SUCCESS/m.test(output);
  const isSilent = output === "";
  const faults: [wrong: boolean, fault: string][] = [
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
  return faults.filter(([wrong]) => wrong).map(([, fault]) => fault);
}

/** The run in a line: what it was, its end, how long it took, and the first words that say why. */
export function summary({ what }: Surrounding, { code, output, milliseconds }: Coming): string {
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
