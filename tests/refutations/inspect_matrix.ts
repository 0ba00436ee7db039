/**
 * The predicted matrix of a worker beside the real one, of one run of `authority`.
 *
 * @module
 */

import type { Evidence, Matrix } from "../../lib/evidence/evidence.ts";
import { NOT_TRIED } from "../../lib/evidence/evidence.ts";
import { CANNOT_TELL, type Prediction } from "../../lib/inspect/subject.ts";
import { inNamespace } from "../support/programs.ts";

/** Whether the worker was only looked at, or asked too. */
export type Manner = "seen" | "asked";

/** The output of `inspect_matrix_run.ts`. */
export interface Run {
  readonly matrix: Matrix;
  readonly verdict: string;
  /** By column, manner and operation. */
  readonly predicted: Readonly<Record<string, Record<Manner, Record<string, Prediction>>>>;
}

/** A cell of the matrix: the outcome of the attack, and the prediction. */
export interface Compared {
  readonly operation: string;
  readonly column: string;
  readonly real: string;
  readonly prediction: Prediction;
}

/** Runs the experiment, with some columns or all, and perhaps a defect in the worker. */
export async function inspectedRun(...args: readonly string[]): Promise<Run> {
  const script = "tests/refutations/inspect_matrix_run.ts";
  const command = [Deno.execPath(), "run", "-A", script, ...args];
  const { code, stdout, stderr } = await inNamespace(command);
  if (code !== 0) throw new Error(`${code}: ${stderr}`);
  const { predicted, experiments }: Evidence & Pick<Run, "predicted"> = JSON.parse(stdout);
  const [{ matrix, error, verdict }] = experiments;
  if (matrix === null) throw new Error(error ?? "no matrix");
  return { matrix, verdict, predicted };
}

/** Returns every cell that was tried, beside its prediction. */
export function compare({ matrix, predicted }: Run, manner: Manner): Compared[] {
  return matrix.rows.flatMap(({ operation, cells }) =>
    Object.entries(cells).filter(([, { outcome }]) => outcome !== NOT_TRIED)
      .map(([column, { outcome }]) => ({
        operation,
        column,
        real: outcome,
        prediction: predicted[column][manner][operation],
      }))
  );
}

/** Returns the cells whose prediction is another outcome, in words. */
export function wrong(cells: readonly Compared[]): string[] {
  return cells
    .filter(({ real, prediction: { outcome } }) => outcome !== real && outcome !== CANNOT_TELL)
    .map(({ operation, column, real, prediction }) =>
      `${operation} (${column}): ${real}, predicted: ${JSON.stringify(prediction)}`
    );
}

/** Returns the operations of which nothing was predicted, by column. */
export function untold(cells: readonly Compared[]): Record<string, string[]> {
  const open = cells.filter(({ prediction }) => prediction.outcome === CANNOT_TELL);
  const columns = Map.groupBy(open, ({ column }) => column);
  return Object.fromEntries(
    [...columns].map(([column, each]) => [column, each.map(({ operation }) => operation)]),
  );
}

/** Whether an outcome is a refusal, by whatever wall. */
export const isRefusal = (outcome: string) => outcome !== "allowed" && outcome !== CANNOT_TELL;
