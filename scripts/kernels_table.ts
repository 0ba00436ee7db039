/**
 * Prints the tables of scripts/kernels.sh in Markdown: what holds on which kernel, and where a
 * kernel differs from this machine.
 *
 *     kernels_table.ts FOLDER KERNEL…
 *
 * FOLDER has a folder for each kernel, and `here` for this machine, with a report of `--json` for
 * each experiment.
 *
 * @module
 */

import {
  type CheckResult,
  type Evidence,
  type ExperimentEvidence,
  NOT_TRIED,
} from "../lib/evidence/evidence.ts";

/** The reports of one kernel, by experiment; undefined for a missing one. */
export interface Runs {
  readonly kernel: string;
  readonly reports: ReadonlyMap<string, Evidence | undefined>;
}

/** The verdicts, kernel by experiment. */
export function verdictTable(kernels: readonly Runs[]): string {
  const experiments = [...new Set(kernels.flatMap(({ reports }) => [...reports.keys()]))];
  return table(
    ["experiment", ...kernels.map(({ kernel }) => kernel)],
    experiments.map((name) => [
      name,
      ...kernels.map(({ reports }) => sumUp(reports.get(name))),
    ]),
  );
}

/** The checks that did not pass, or differ from this machine. */
export function differingChecks(here: Runs, kernels: readonly Runs[]): string {
  const rows = kernels.flatMap(({ kernel, reports }) =>
    [...reports].flatMap(([name, report]) => {
      const ours = new Map(checksOf(here.reports.get(name)).map(({ id, status }) => [id, status]));
      return checksOf(report)
        .filter(({ id, status }) => status !== "pass" || status !== (ours.get(id) ?? status))
        .map(({ id, status, observed }) => ({ key: [kernel, name, status, observed], id }));
    })
  );
  return table(
    ["kernel", "experiment", "status", "observed", "checks"],
    grouped(rows.map(({ key, id }) => [key, id])),
  );
}

/**
 * The operations of an attacker whose outcome differs from this machine, or from what is expected.
 */
export function differingOperations(here: Runs, kernels: readonly Runs[]): string {
  const rows = kernels.flatMap(({ kernel, reports }) =>
    [...reports].flatMap(([name, report]) => {
      const ours = new Map(cellsOf(here.reports.get(name)).map((cell) => [cell.place, cell]));
      return cellsOf(report).flatMap(({ place, operation, column, outcome, known }) => {
        const usual = outcome === NOT_TRIED ? "" : ours.get(place)?.outcome ?? "";
        const key = [kernel, operation, usual, outcome, known ?? ""];
        return outcome === usual && outcome === known ? [] : [[key, column] as const];
      });
    })
  );
  return table(["kernel", "operation", "here", "there", "known", "columns"], grouped(rows));
}

/** Joins rows that differ in the last cell only. */
function grouped(rows: readonly (readonly [key: readonly string[], last: string])[]): string[][] {
  const groups = Map.groupBy(rows, ([key]) => JSON.stringify(key));
  return [...groups.values()].map((same) => [
    ...same[0][0],
    same.map(([, last]) => last).join(", "),
  ]);
}

function sumUp(report: Evidence | undefined): string {
  if (report === undefined) return "no report";
  const count = (status: CheckResult["status"]) =>
    checksOf(report).filter((check) => check.status === status).length;
  const counts = [[count("pass"), ""], [count("fail"), " failed"], [count("skip"), " skipped"]]
    .filter(([number]) => number !== 0)
    .map((words) => words.join(""));
  return `${report.verdict} (${counts.join(", ")})`;
}

function experimentsOf(report: Evidence | undefined): readonly ExperimentEvidence[] {
  return report?.experiments ?? [];
}

/** The checks, with the reason for each one that never ran. */
function checksOf(report: Evidence | undefined): CheckResult[] {
  return experimentsOf(report).flatMap(({ checks, error }) =>
    checks.map((check) =>
      check.status === "fail" && error !== null
        ? { ...check, observed: `${check.observed}: ${error}` }
        : check
    )
  );
}

function cellsOf(report: Evidence | undefined) {
  return experimentsOf(report).flatMap(({ matrix }) =>
    (matrix?.rows ?? []).flatMap(({ operation, cells }) =>
      Object.entries(cells).map(([column, cell]) => (
        { place: `${operation} ${column}`, operation, column, ...cell }
      ))
    )
  );
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |\n`;
  return line(head) + line(head.map(() => "---")) + rows.map(line).join("");
}

/** Reads a kernel's folder. An incomplete report counts as missing. */
function readRuns(folder: string, kernel: string): Runs {
  const reports = new Map<string, Evidence | undefined>();
  for (const { name } of Deno.readDirSync(`${folder}/${kernel}`)) {
    const [, experiment] = name.match(/^(.*)\.json$/) ?? [];
    if (experiment === undefined) continue;
    try {
      reports.set(experiment, JSON.parse(Deno.readTextFileSync(`${folder}/${kernel}/${name}`)));
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      reports.set(experiment, undefined);
    }
  }
  const release = [...reports.values()].find((report) => report)?.environment.kernel ?? kernel;
  return { kernel: release, reports: new Map([...reports].sort()) };
}

if (import.meta.main) {
  const [folder, ...kernels] = Deno.args;
  const here = readRuns(folder, "here");
  const runs = kernels.map((kernel) => readRuns(folder, kernel));
  const text = `${verdictTable([here, ...runs])}
Checks with another status than on ${here.kernel}:

${differingChecks(here, runs)}
Operations of an attacker with another outcome:

${differingOperations(here, runs)}`;
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}
