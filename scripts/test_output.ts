/**
 * What `deno test` prints: read, and added up over several runs.
 *
 * @module
 */

/** What a run of tests, or several of them, came to. */
export interface TestResult {
  /** The lines of the tests, without errors and summary. */
  readonly lines: string;
  /** The errors, as they were printed; empty if there is none. */
  readonly errors: string;
  readonly passed: number;
  readonly failed: number;
  readonly ignored: number;
}

// deno-lint-ignore no-control-regex
const COLOR = /\x1b\[[0-9;]*m/g;
const SUMMARY = /^(?:ok|FAILED) \| (\d+) passed\b.*? \| (\d+) failed(?:.*? \| (\d+) ignored)?.*$/gm;
const ERRORS = /^ ERRORS ?$/m, FAILURES = /^ FAILURES ?$/m;

/**
 * Reads the output of `deno test`. A run that did not get as far as its summary, or that failed
 * although no test did, counts as one failed test, whose error is everything that it printed.
 *
 * @param isGood Whether the exit status was 0.
 */
export function readTestOutput(output: string, isGood: boolean): TestResult {
  const text = output.replaceAll(COLOR, "");
  const summary = [...text.matchAll(SUMMARY)].at(-1);
  const [passed, failed, ignored] = [1, 2, 3].map((i) => Number(summary?.[i] ?? 0));
  if (summary === undefined || isGood !== (failed === 0)) {
    return { lines: "", errors: text, passed, failed: failed + 1, ignored };
  }
  const [lines, ofTests = ""] = text.slice(0, summary.index).split(ERRORS);
  const ofFiles = lines.match(/^error .*$/gm) ?? []; // a file that ended the process, for example
  const errors = [...ofFiles, ofTests.split(FAILURES)[0].trim()].join("\n").trim();
  return { lines, errors, passed, failed, ignored };
}

/** Returns what `deno test` would print at the end of one run with all these results. */
export function endOfTests(results: readonly TestResult[], milliseconds: number): string {
  const sum = (key: "passed" | "failed" | "ignored") =>
    results.reduce((total, result) => total + result[key], 0);
  const errors = results.map(({ errors }) => errors).filter((text) => text !== "");
  const [passed, failed, ignored] = [sum("passed"), sum("failed"), sum("ignored")];
  const seconds = Math.round(milliseconds / 1000);
  const counts = [`${passed} passed`, `${failed} failed`, ...ignored ? [`${ignored} ignored`] : []];
  const isGood = failed === 0 && passed > 0;
  return [
    ...errors.length > 0 ? [" ERRORS ", "", errors.join("\n\n"), ""] : [],
    `${isGood ? "ok" : "FAILED"} | ${counts.join(" | ")} (${seconds / 60 | 0}m${seconds % 60}s)`,
    "",
  ].join("\n");
}
