/**
 * The table of a sweep: the results of all injections, one call a line.
 *
 * @module
 */

import { type Judgement, type Offence, OFFENCES } from "./judge.ts";
import type { Injection } from "./injection.ts";
import { described } from "./plan.ts";

/** An injection and its judgement. */
export interface Result {
  readonly injection: Injection;
  readonly judgement: Judgement;
  readonly milliseconds: number;
}

/** The call of an injection, as a line of the table names it. */
export function callOf({ side, libc, syscall }: Injection): string {
  return `${side ?? "other thread"}: ${libc}${libc === syscall ? "" : ` → ${syscall}`}`;
}

const COLUMNS = ["runs", "hit", "PASS", "FAIL", "no answer", ...OFFENCES] as const;

type Row = Record<typeof COLUMNS[number], number>;

function row(results: readonly Result[]): Row {
  const count = (holds: (result: Result) => boolean) => results.filter(holds).length;
  const ends = (wanted: string) =>
    count(({ judgement: { hit, verdict } }) => hit && verdict === wanted);
  const offences = OFFENCES.map((kind) => [
    kind,
    count(({ judgement: { offences } }) => offences.some((each) => each.kind === kind)),
  ]);
  return {
    runs: results.length,
    hit: count(({ judgement: { hit } }) => hit),
    PASS: ends("PASS"),
    FAIL: ends("FAIL"),
    "no answer": ends("INCONCLUSIVE"),
    ...Object.fromEntries(offences) as Record<Offence, number>,
  };
}

/** The table. Its last row is the sum. */
export function table(title: string, results: readonly Result[]): string {
  const groups = [...Map.groupBy(results, ({ injection }) => callOf(injection))];
  const rows = [
    ...groups.map(([call, of]) => [call, row(of)] as const),
    ["all", row(results)] as const,
  ];
  const width = Math.max(title.length, ...rows.map(([call]) => call.length)) + 2;
  const line = (first: string, cells: readonly (string | number)[]) =>
    first.padEnd(width) +
    COLUMNS.map((name, i) => String(cells[i]).padStart(name.length + 2)).join("");
  const longest = Math.max(0, ...results.map(({ milliseconds }) => milliseconds));
  return [
    line(title, COLUMNS),
    ...rows.map(([call, cells]) => line(call, COLUMNS.map((name) => cells[name]))),
    `The longest run took ${(longest / 1000).toFixed(1)} s.`,
  ].join("\n");
}

/** The offences of these results, one a paragraph; empty if there are none. */
export function complaints(results: readonly Result[]): string {
  return results.flatMap(({ injection, judgement: { verdict, offences } }) =>
    offences.map(({ kind, what }) =>
      `${kind} (${verdict}): ${described(injection)}\n    ${what}\n    ${
        JSON.stringify(injection.job)
      }`
    )
  ).join("\n");
}
