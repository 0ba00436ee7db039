/**
 * The findings of `authority`: pure functions of the table of operations, columns and outcomes.
 *
 * @module
 */

import type { CheckId } from "../../evidence/checks.ts";
import {
  type Cell,
  type Finding,
  judged,
  type Matrix,
  NOT_TRIED,
  skipped,
} from "../../evidence/evidence.ts";
import { OPERATION_CATALOGUE } from "../../evidence/operations.ts";
import { HARDENED, PLAIN } from "./expected_outcome.ts";
import type { Operation } from "./operation.ts";

/** The outcomes of each operation, by the name of the column. */
export type Table = ReadonlyMap<Operation, ReadonlyMap<string, Cell>>;

/** How the outcome of an operation compares with the listed one. */
export type Comparison = "as listed" | "less" | "differs";

/** The errnos of a refusal for want of a permission, by the kernel or by a filter from outside. */
const FOR_WANT_OF_PERMISSION = ["EPERM", "EACCES", "ENOSYS"];

/** The errnos of a refusal for want of room: limits of processes and memory. */
const FOR_WANT_OF_ROOM = ["EAGAIN", "ENOMEM"];

/**
 * Compares the outcome of an operation in a column with the listed one.
 *
 * A host may refuse what is listed as allowed (a chroot, a hardened kernel, a filter around the
 * whole program). That is less authority than listed, and refutes nothing. Where the host refuses
 * an operation, it does so in the plain column too, and may do so before the protection of another
 * column can: then the outcome is that of the plain column. A host without room may refuse in one
 * column alone. An operation that sends is excepted: the parent's witness has to see its frame.
 */
export function compareOutcome(
  operation: Operation,
  cells: ReadonlyMap<string, Cell>,
  column: string,
): Comparison {
  const cell = cells.get(column);
  if (cell === undefined) return "differs";
  const { outcome, known } = cell;
  if (outcome === known) return "as listed";
  if (outcome === "allowed" || outcome === NOT_TRIED || known === NOT_TRIED) return "differs";
  if (operation.witness !== undefined) return "differs";
  if (FOR_WANT_OF_ROOM.includes(outcome)) return "less";
  if (column === PLAIN) {
    return known === "allowed" || FOR_WANT_OF_PERMISSION.includes(outcome) ? "less" : "differs";
  }
  const isRefusedByHost = compareOutcome(operation, cells, PLAIN) === "less";
  return isRefusedByHost && outcome === cells.get(PLAIN)?.outcome ? "less" : "differs";
}

/**
 * Returns the operations that are allowed in a column. One that was never attempted there counts as
 * allowed.
 */
export function allowedIn(table: Table, column: string): string[] {
  return [...table]
    .filter(([, cells]) => (cells.get(column)?.outcome ?? "allowed") === "allowed")
    .map(([{ name }]) => name);
}

/** Returns the operations that cannot be tried on this machine, each with the reason. */
export function operationsNotTried(table: Table): string[] {
  return [...table.keys()].flatMap(({ name, whyNotTried }) => {
    const reason = whyNotTried?.();
    return reason === undefined ? [] : [`Not tried: ${name}: ${reason}`];
  });
}

/** Returns the outcomes in a column that are less than listed, each in words. */
export function lessThanListed(table: Table, column: string): string[] {
  return [...table]
    .filter(([operation, cells]) => compareOutcome(operation, cells, column) === "less")
    .map(([{ name }, cells]) => {
      const { outcome, refusal, known } = cells.get(column)!;
      return `Less than listed: ${name}: ${refusal ? refusal : outcome}; listed: ${known}`;
    });
}

/** Why a table cannot be judged as it stands. */
export interface Doubts {
  /** The operations that cannot be tried here, with the reasons. */
  readonly notTried: readonly string[];
  /** Why frames that a worker sends cannot be seen here; `undefined` if they can. */
  readonly unseen?: string | undefined;
  /** Whether the worker of the plain column has confined itself, so that less shows nothing. */
  readonly isSelfConfined?: boolean;
}

/**
 * AUTH-01, AUTH-02: every operation has the listed outcome in these columns. Where the host allows
 * less, that cannot be shown: for the refusal there is only the word of the worker, and it would
 * hide what the worker can do elsewhere.
 */
export function judgeColumns(
  table: Table,
  columns: readonly string[],
  { notTried, unseen, isSelfConfined = false }: Doubts,
): Finding {
  const compared = [...table].flatMap(([operation, cells]) =>
    columns.map((column) => ({
      operation: operation.name,
      column,
      comparison: compareOutcome(operation, cells, column),
      ...cells.get(column),
    }))
  );
  const isExcused = (column: string) => !(column === PLAIN && isSelfConfined);
  const less = compared.filter(({ comparison, column }) =>
    comparison === "less" && isExcused(column)
  );
  const differing = compared.filter(({ comparison, column }) =>
    comparison === "differs" || comparison === "less" && !isExcused(column)
  );
  const differences = differing.map(({ operation, column, outcome, refusal, known }) =>
    `${operation} (${column}): ${outcome}${refusal ? ` (${refusal})` : ""}, expected: ${known}`
  );
  const tried = compared.filter(({ outcome }) => outcome !== NOT_TRIED).length;
  const words = [
    `${tried - less.length} of ${tried} as expected`,
    ...less.length > 0 ? [`${less.length} less than listed`] : [],
    ...tried < compared.length ? [`${compared.length - tried} not tried`] : [],
  ];
  const evidence = { differing, less, not_tried: notTried };
  if (columns.length > 0 && differing.length === 0) {
    if (unseen !== undefined) return skipped(unseen, evidence);
    if (less.length > 0) return skipped(whyLess(words, less), evidence);
  }
  return judged(
    columns.length > 0 && differing.length === 0,
    differing.length === 0 ? words.join(", ") : differences.join("; "),
    evidence,
  );
}

/** Returns why less than listed shows nothing, with the first refusals, in words. */
function whyLess(
  words: readonly string[],
  less: readonly { operation: string; column: string; outcome?: string; refusal?: string | null }[],
): string {
  const refusals = less.slice(0, 4).map(({ operation, column, outcome, refusal }) =>
    `${operation} (${column}): ${refusal || outcome}`
  );
  const more = less.length > refusals.length ? "; …" : "";
  return `${words.join(", ")}: ${refusals.join("; ")}${more}; if this host refuses them ` +
    "(a chroot, a container, limits), repeat it outside";
}

/** AUTH-03: under all protections no operation is allowed, and each is refused as expected. */
export function judgeRefusal(table: Table, doubts: Doubts): Finding {
  const allowed = allowedIn(table, HARDENED);
  if (allowed.length === 0) return judgeColumns(table, [HARDENED], doubts);
  return judged(false, `allowed: ${allowed.join(", ")}`);
}

/** The check that an outcome in a column belongs to. */
const checkOf = (column: string) =>
  column === PLAIN ? "AUTH-01" : column === HARDENED ? "AUTH-03" : "AUTH-02";

/**
 * Returns the findings that stand however the run ends: what was allowed so far although another
 * outcome is listed.
 */
export function judgeMore(table: Table): Partial<Record<CheckId, Finding>> {
  const more = [...table].flatMap(([{ name }, cells]) =>
    [...cells].filter(([, { outcome, known }]) => outcome === "allowed" && known !== "allowed")
      .map(([column, { known }]) => ({
        check: checkOf(column),
        words: `${name} (${column}): allowed, expected: ${known}`,
      }))
  );
  const byCheck = Map.groupBy(more, ({ check }) => check);
  return Object.fromEntries(
    [...byCheck].map(([check, found]) => [
      check,
      judged(false, found.map(({ words }) => words).join("; ")),
    ]),
  );
}

/** Returns the table in the form of the evidence. */
export function asMatrix(table: Table, columns: readonly string[]): Matrix {
  return {
    columns,
    rows: [...table].map(([{ name }, cells]) => ({
      operation: name,
      ...OPERATION_CATALOGUE[name],
      cells: Object.fromEntries(cells),
    })),
  };
}
