import { assertEquals, assertStringIncludes } from "@std/assert";
import { type Cell, NOT_TRIED } from "../../../../lib/evidence/evidence.ts";
import {
  allowedIn,
  asMatrix,
  judgeColumns,
  judgeRefusal,
  operationsNotTried,
  type Table,
} from "../../../../lib/experiments/authority/judge.ts";
import { OPERATIONS } from "../../../../lib/experiments/authority/operations.ts";

const [FIRST, SECOND] = OPERATIONS;

const cell = (outcome: string, known = outcome): Cell => ({ outcome, known, rule: null });

/** A table of two operations, with the outcome of each in the columns `plain` and `hardened`. */
function table(first: [plain: Cell, hardened: Cell], second: [plain: Cell, hardened: Cell]): Table {
  const row = ([plain, hardened]: [Cell, Cell]) =>
    new Map([["plain", plain], ["hardened", hardened]]);
  return new Map([[FIRST, row(first)], [SECOND, row(second)]]);
}

const HOLDS = table([cell("EPERM"), cell("EPERM")], [cell("allowed"), cell("EPERM")]);

Deno.test("judgeColumns() passes only if every outcome is the expected one", () => {
  assertEquals(judgeColumns(HOLDS, ["plain"], []).status, "pass");
  assertEquals(judgeColumns(HOLDS, ["plain"], []).observed, "2 of 2 as expected");
  for (
    const wrong of [cell("allowed", "EPERM"), cell("EPERM", "allowed"), cell("EACCES", "EPERM")]
  ) {
    const { status, observed } = judgeColumns(
      table([cell("EPERM"), cell("EPERM")], [wrong, cell("EPERM")]),
      ["plain"],
      [],
    );
    assertEquals(status, "fail");
    assertEquals(observed, `${SECOND.name} (plain): ${wrong.outcome}, expected: ${wrong.known}`);
  }
});

Deno.test("judgeColumns() fails for a column that was never attempted, and without columns", () => {
  assertEquals(judgeColumns(HOLDS, ["another"], []).status, "fail");
  assertEquals(judgeColumns(HOLDS, [], []).status, "fail");
});

Deno.test("judgeColumns() does not count an operation that was not tried", () => {
  const untried = table([cell(NOT_TRIED), cell(NOT_TRIED)], [cell("allowed"), cell("EPERM")]);
  const { status, observed, evidence } = judgeColumns(untried, ["plain", "hardened"], ["a reason"]);
  assertEquals([status, observed], ["pass", "2 of 2 as expected, 2 not tried"]);
  assertEquals(evidence.not_tried, ["a reason"]);
});

Deno.test("judgeRefusal() fails for what is allowed under all protections, expected or not", () => {
  assertEquals(judgeRefusal(HOLDS, []).status, "pass");
  for (const wrong of [cell("allowed"), cell("allowed", "EPERM")]) {
    const { status, observed } = judgeRefusal(
      table([cell("EPERM"), cell("EPERM")], [cell("allowed"), wrong]),
      [],
    );
    assertEquals([status, observed], ["fail", `allowed: ${SECOND.name}`]);
  }
  const otherErrno = table([cell("EPERM"), cell("EACCES", "EPERM")], [
    cell("allowed"),
    cell("EPERM"),
  ]);
  assertEquals(judgeRefusal(otherErrno, []).status, "fail");
});

Deno.test("allowedIn() counts an operation that was never attempted as allowed", () => {
  assertEquals(allowedIn(HOLDS, "plain"), [SECOND.name]);
  assertEquals(allowedIn(HOLDS, "hardened"), []);
  assertEquals(allowedIn(HOLDS, "another"), [FIRST.name, SECOND.name]);
});

Deno.test("operationsNotTried() names each operation with its reason", () => {
  const untried = new Map([[{ ...FIRST, whyNotTried: () => "a reason" }, new Map()], [
    SECOND,
    new Map(),
  ]]);
  assertEquals(operationsNotTried(untried), [`Not tried: ${FIRST.name}: a reason`]);
});

Deno.test("asMatrix() keeps the rows, the columns and every outcome", () => {
  const { columns, rows } = asMatrix(HOLDS, ["plain", "hardened"]);
  assertEquals(columns, ["plain", "hardened"]);
  assertEquals(rows.map(({ operation }) => operation), [FIRST.name, SECOND.name]);
  assertEquals(rows[1].cells, { plain: cell("allowed"), hardened: cell("EPERM") });
  assertStringIncludes(rows[0].source, "packet_create");
});
