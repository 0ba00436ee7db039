/**
 * The results of a scenario as tables: what each contestant did, and how they compare.
 *
 * @module
 */

import type { Result } from "./contest.ts";
import { type Spread, spread, spreadOf } from "./spread.ts";

/** A result and its contestant. */
export interface Run {
  readonly scenario: string;
  readonly repetition: number;
  readonly path: string;
  readonly program: string;
  readonly result: Result;
}

/** How two programs compare: one ratio for each repetition. */
export interface Ratio {
  readonly scenario: string;
  readonly path: string;
  /** Such as `ours / C`. */
  readonly programs: string;
  readonly received_per_second: readonly number[];
  readonly cpu_us_per_frame: readonly number[];
  readonly spread: { readonly received_per_second: Spread; readonly cpu_us_per_frame: Spread };
}

const MEASURES = {
  "received, 1000/s": ({ received_per_second }: Result) => received_per_second / 1000,
  "loss, %": ({ loss_percent }: Result) => loss_percent,
  "CPU, µs/frame": ({ cpu_us_per_frame }: Result) => cpu_us_per_frame,
};

const NAME_WIDTH = 20;
const SPREAD_WIDTH = 24;

const heading = (first: string, second: string, columns: readonly string[]) =>
  first.padEnd(NAME_WIDTH) + second.padEnd(NAME_WIDTH) +
  columns.map((column) => column.padStart(SPREAD_WIDTH)).join("");

/** The table of the contestants: minimum, median and maximum of each measure. */
export function resultTable(runs: readonly Run[]): string[] {
  const groups = Map.groupBy(runs, ({ path, program }) => path.padEnd(NAME_WIDTH) + program);
  return [
    heading("path", "program", Object.keys(MEASURES)),
    ...Array.from(groups, ([name, group]) =>
      name.padEnd(2 * NAME_WIDTH) +
      Object.values(MEASURES)
        .map((measure) => spread(group.map(({ result }) => measure(result)))).join("")),
  ];
}

/** The table of the ratios. */
export function ratioTable(ratios: readonly Ratio[]): string[] {
  if (ratios.length === 0) return [];
  return [
    heading("path", "ratio", ["received/s", "CPU/frame"]),
    ...ratios.map(({ path, programs, received_per_second, cpu_us_per_frame }) =>
      path.padEnd(NAME_WIDTH) + programs.padEnd(NAME_WIDTH) +
      spread(received_per_second) + spread(cpu_us_per_frame)
    ),
  ];
}

/**
 * The ratios of a scenario: ours to C on each path, and our TPACKET_V3 to the capture tools, which
 * use it too.
 */
export function ratiosOf(runs: readonly Run[]): Ratio[] {
  const ours = runs.filter(({ program }) => program === "ours");
  const paths = [...new Set(ours.map(({ path }) => path))];
  const tools = [
    ...new Set(runs.filter(({ path }) => path === "capture").map(({ program }) => program)),
  ];
  const on = (path: string) => ours.filter((run) => run.path === path);
  const by = (program: string) => (run: Run) => run.program === program;
  return [
    ...paths.map((path) =>
      ratio(on(path), runs.filter((run) => run.path === path).filter(by("C")))
    ),
    ...tools.map((tool) => ratio(on("tpacket-v3"), runs.filter(by(tool)))),
  ].filter(({ received_per_second }) => received_per_second.length > 0);
}

function ratio(ours: readonly Run[], theirs: readonly Run[]): Ratio {
  const pairs = ours.flatMap((our) =>
    theirs.filter(({ repetition }) => repetition === our.repetition)
      .map((their) => [our.result, their.result])
  );
  const [first] = ours;
  const received_per_second = pairs.map(([our, their]) =>
    our.received_per_second / their.received_per_second
  );
  const cpu_us_per_frame = pairs.map(([our, their]) =>
    our.cpu_us_per_frame / their.cpu_us_per_frame
  );
  return {
    scenario: first?.scenario ?? "",
    path: first?.path ?? "",
    programs: `ours / ${theirs[0]?.program}`,
    received_per_second,
    cpu_us_per_frame,
    spread: {
      received_per_second: spreadOf(received_per_second),
      cpu_us_per_frame: spreadOf(cpu_us_per_frame),
    },
  };
}
