import { assertEquals } from "@std/assert";
import type { Cell, Matrix } from "../../../lib/evidence/evidence.ts";
import { groupPredictions, isExpected, kindOf, reasonOf } from "../../../lib/report/predictions.ts";

const cell = (outcome: string, more: Partial<Cell> = {}): Cell => ({
  ...{ outcome, known: null, rule: null, wall: null, refusal: null },
  ...more,
});

/** A matrix of the outcomes on sockets `fd 3`, `fd 4`, … of operations by name. */
function matrix(rows: Record<string, readonly Cell[]>): Matrix {
  const columns = Object.values(rows)[0].map((_, i) => `fd ${i + 3}`);
  return {
    columns,
    rows: Object.entries(rows).map(([operation, cells]) => ({
      ...{ operation, gives: "", source: "" },
      cells: Object.fromEntries(cells.map((cell, i) => [columns[i], cell])),
    })),
  };
}

const summary = (rows: Record<string, readonly Cell[]>) =>
  groupPredictions(matrix(rows)).map(({ heading, operations }) => [heading, ...operations]);

const ALLOWED = cell("allowed");

Deno.test("kindOf() tells what is allowed from what is refused, and from what is not known", () => {
  const kinds = ["allowed", "no effect", "cannot tell", "EPERM", "killed"].map((outcome) =>
    kindOf(cell(outcome))
  );
  assertEquals(kinds, ["allowed", "no effect", "unknown", "refused", "refused"]);
});

Deno.test("isExpected() is false only for an outcome that contradicts the expectation", () => {
  for (
    const [outcome, known, expected] of [
      ["allowed", null, true],
      ["allowed", "refused", false],
      ["EPERM", "refused", true],
      ["killed", "refused", true],
      ["no effect", "refused", true],
      ["cannot tell", "refused", true],
      ["EPERM", "EPERM", true],
      ["EACCES", "EPERM", false],
      ["allowed", "EPERM", false],
    ] as const
  ) {
    const wall = kindOf(cell(outcome)) === "refused" ? "filter" : null;
    assertEquals(isExpected(cell(outcome, { known, wall })), expected, `${outcome}, ${known}`);
  }
  assertEquals(isExpected(cell("ENOENT", { known: "refused" })), false, "refused by nothing");
});

Deno.test("reasonOf() is the rule of a filter, or another reason", () => {
  assertEquals(reasonOf(cell("EPERM", { rule: "a rule", refusal: "a reason" })), "a rule");
  assertEquals(reasonOf(cell("EPERM", { refusal: "a reason" })), "a reason");
  assertEquals(reasonOf({ outcome: "EPERM", known: null, rule: null }), null);
});

Deno.test("groupPredictions() joins operations with the same outcome by the same wall", () => {
  const [credential, filter] = ["credential", "filter"].map((wall) => cell("EPERM", { wall }));
  assertEquals(
    summary({ mark: [credential], send: [filter], bind: [ALLOWED], write: [filter] }),
    [
      ["allowed", "bind"],
      ["refused with EPERM by its credentials", "mark"],
      ["refused with EPERM by its system call filter", "send", "write"],
    ],
  );
});

Deno.test("groupPredictions() names the sockets where others differ", () => {
  const locked = cell("EPERM", { wall: "lock" });
  assertEquals(
    summary({ attach: [locked, ALLOWED, ALLOWED], bind: [ALLOWED, ALLOWED, ALLOWED] }),
    [
      ["allowed", "attach (fd 4, fd 5)", "bind"],
      ["refused with EPERM by the lock of the socket's filter", "attach (fd 3)"],
    ],
  );
});

Deno.test("groupPredictions() shows first what must not be allowed, then what cannot be told", () => {
  const known = "refused";
  assertEquals(
    summary({
      shutdown: [cell("EOPNOTSUPP", { known, wall: "kernel", refusal: "it has none" })],
      bind: [ALLOWED],
      timestamp: [cell("no effect", { known })],
      send: [cell("cannot tell", { known, refusal: "a filter is installed, content unknown" })],
      execute: [cell("killed", { known, wall: "filter" })],
      write: [cell("allowed", { known })],
      mark: [cell("EACCES", { known: "EPERM", wall: "another" })],
    }),
    [
      ["allowed that should be refused", "write"],
      ["refused with EACCES by another; expected: EPERM", "mark"],
      ["allowed", "bind"],
      ["cannot be told (a filter is installed, content unknown)", "send"],
      ["no effect", "timestamp"],
      ["refused with EOPNOTSUPP by the kernel (it has none)", "shutdown"],
      ["killed by its system call filter", "execute"],
    ],
  );
});
