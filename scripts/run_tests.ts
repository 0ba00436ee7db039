/**
 * Runs every test of a folder, two files at a time, each in a private network namespace: the tests
 * mostly wait for programs that they start, so one after another leaves a processor idle. Meant to
 * run in `scripts/netns.sh`, whose end is the end of everything that it started.
 *
 *     run_tests.ts [--no-check] [FOLDER]
 *
 * Prints what `deno test` prints, with the lines of some files together once these are done; errors
 * and summary come at the end. The exit status is 1 if a test failed.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { endOfTests, readTestOutput, type TestResult } from "./test_output.ts";

const ROOT = new URL("..", import.meta.url).pathname;
/** Runs side by side. With more, tests that depend on time would wait for a processor. */
const LANES = 2;
/** Files of one run: enough to be worth a start, few enough for both lanes to end together. */
const FILES = 8;

const { _: [folder = ROOT], check } = parseArgs(Deno.args, {
  boolean: ["check"],
  negatable: ["check"],
  default: { check: true },
});

/** The files that `deno test` would find here. */
function testsUnder(folder: string): string[] {
  const entries = [...Deno.readDirSync(folder)].filter(({ name }) => !name.startsWith("."));
  return entries.toSorted((a, b) => a.name < b.name ? -1 : 1).flatMap(({ name, isDirectory }) => {
    const path = `${folder.replace(/\/$/, "")}/${name}`;
    if (isDirectory) return testsUnder(path);
    return name.endsWith("_test.ts") ? [path] : [];
  });
}

/** Runs a command in the project's folder. Returns standard output and error in one. */
async function outputOf(command: readonly string[]): Promise<{ output: string; isGood: boolean }> {
  const { success, stdout } = await new Deno.Command("sh", {
    args: ["-c", 'exec "$@" 2>&1', "sh", ...command],
    cwd: ROOT,
    stdin: "null",
    stderr: "inherit",
  }).output();
  return { output: new TextDecoder().decode(stdout), isGood: success };
}

async function runTests(files: readonly string[]): Promise<TestResult> {
  const test = ["deno", "test", "-A", "--no-check", `--config=${ROOT}deno.json`, ...files];
  const { output, isGood } = await outputOf([`${ROOT}scripts/netns.sh`, ...test]);
  return readTestOutput(output, isGood);
}

async function checkTypes(files: readonly string[]): Promise<TestResult> {
  const { output, isGood } = await outputOf(["deno", "check", "--quiet", ...files]);
  const none = { lines: "", passed: 0, ignored: 0 };
  return { ...none, errors: isGood ? "" : output, failed: isGood ? 0 : 1 };
}

const started = performance.now();
const files = testsUnder(String(folder));
const queue = Array.from({ length: Math.ceil(files.length / FILES) }, (_, i) => {
  const some = files.slice(i * FILES, (i + 1) * FILES);
  return () => runTests(some);
});
if (check) queue.unshift(() => checkTypes(files));

const results: TestResult[] = [];
async function lane(): Promise<void> {
  for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
    const result = await job();
    results.push(result);
    await print(result.lines);
  }
}
async function print(text: string): Promise<void> {
  await new Blob([text]).stream().pipeTo(Deno.stdout.writable, { preventClose: true });
}
await Promise.all(Array.from({ length: LANES }, lane));
await print(endOfTests(results, performance.now() - started));
Deno.exit(results.every(({ failed }) => failed === 0) && files.length > 0 ? 0 : 1);
