import { assertEquals, assertStringIncludes } from "@std/assert";
import { type Cell, NOT_TRIED } from "../../../../lib/evidence/evidence.ts";
import {
  allowedIn,
  asMatrix,
  compareOutcome,
  judgeColumns,
  judgeMore,
  judgeRefusal,
  lessThanListed,
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

const NO_DOUBTS = { notTried: [] };

Deno.test("judgeColumns() passes only if no outcome is more than listed", () => {
  assertEquals(judgeColumns(HOLDS, ["plain"], NO_DOUBTS).status, "pass");
  assertEquals(judgeColumns(HOLDS, ["plain"], NO_DOUBTS).observed, "2 of 2 as expected");
  for (
    const wrong of [cell("allowed", "EPERM"), cell("EBADF", "EPERM"), cell("no effect", "EPERM")]
  ) {
    const { status, observed } = judgeColumns(
      table([cell("EPERM"), cell("EPERM")], [wrong, cell("EPERM")]),
      ["plain"],
      NO_DOUBTS,
    );
    assertEquals(status, "fail");
    assertEquals(observed, `${SECOND.name} (plain): ${wrong.outcome}, expected: ${wrong.known}`);
  }
});

Deno.test("Less than listed is left open, in words of its own, or refuted if the worker confined itself", () => {
  for (
    const less of [cell("EPERM", "allowed"), cell("no effect", "allowed"), cell("EPERM", "EINVAL")]
  ) {
    const refused = table([cell("EPERM"), cell("EPERM")], [less, cell("EPERM")]);
    const { status, observed, evidence } = judgeColumns(refused, ["plain"], NO_DOUBTS);
    assertEquals(status, "skip");
    assertStringIncludes(
      observed,
      `1 of 2 as expected, 1 less than listed: ${SECOND.name} (plain): ${less.outcome}; `,
    );
    assertEquals((evidence.less as unknown[]).length, 1);
    assertEquals(lessThanListed(refused, "plain"), [
      `Less than listed: ${SECOND.name}: ${less.outcome}; listed: ${less.known}`,
    ]);
    const byItself = { notTried: [], isSelfConfined: true };
    assertEquals(judgeColumns(refused, ["plain"], byItself).status, "fail");
    assertEquals(judgeColumns(refused, ["hardened"], byItself).status, "pass");
  }
});

Deno.test("Behind a refusal by the host, a column may have that refusal in place of its own", () => {
  const compared = (plain: Cell, pinned: Cell) =>
    compareOutcome(FIRST, new Map([["plain", plain], ["fanout-pin", pinned]]), "fanout-pin");
  const byHost = cell("ENOSYS", "allowed");
  assertEquals(compared(byHost, cell("ENOSYS", "EINVAL")), "less");
  assertEquals(compared(byHost, cell("allowed", "EINVAL")), "differs");
  assertEquals(compared(byHost, cell("EBADF", "EINVAL")), "differs");
  assertEquals(compared(cell("EACCES"), cell("EACCES", "EBADF")), "differs", "not by the host");
  assertEquals(compared(cell("allowed"), cell("ENOSYS", "EINVAL")), "differs");
  assertEquals(compared(cell("allowed"), cell("no effect", "allowed")), "differs");
  assertEquals(compared(cell("no effect", "allowed"), cell("no effect", "allowed")), "less");
  assertEquals(compared(cell("no effect"), cell("EAGAIN", "no effect")), "less", "no room");
});

Deno.test("An operation that sends must be seen, or be refused as listed", () => {
  const send = { ...FIRST, witness: "far" } as const;
  const compared = (outcome: Cell) => compareOutcome(send, new Map([["plain", outcome]]), "plain");
  assertEquals(compared(cell("allowed")), "as listed");
  for (const word of ["EPERM", "no effect"]) {
    assertEquals(compared(cell(word, "allowed")), "differs", "it may only claim that");
  }
});

Deno.test("Where root's own frame is not seen, nothing is shown, except what is more than listed", () => {
  const unseen = { notTried: [], unseen: "a reason" };
  const { status, observed } = judgeColumns(HOLDS, ["plain"], unseen);
  assertEquals([status, observed], ["skip", "a reason"]);
  assertEquals(judgeRefusal(HOLDS, unseen).status, "skip");
  const more = table([cell("allowed", "EPERM"), cell("EPERM")], [cell("allowed"), cell("EPERM")]);
  assertEquals(judgeColumns(more, ["plain"], unseen).status, "fail");
});

Deno.test("judgeColumns() fails for a column that was never attempted, and without columns", () => {
  assertEquals(judgeColumns(HOLDS, ["another"], NO_DOUBTS).status, "fail");
  assertEquals(judgeColumns(HOLDS, [], NO_DOUBTS).status, "fail");
});

Deno.test("judgeColumns() does not count an operation that was not tried", () => {
  const untried = table([cell(NOT_TRIED), cell(NOT_TRIED)], [cell("allowed"), cell("EPERM")]);
  const { status, observed, evidence } = judgeColumns(untried, ["plain", "hardened"], {
    notTried: ["a reason"],
  });
  assertEquals([status, observed], ["pass", "2 of 2 as expected, 2 not tried"]);
  assertEquals(evidence.not_tried, ["a reason"]);
});

Deno.test("judgeRefusal() fails for what is allowed under all protections, expected or not", () => {
  assertEquals(judgeRefusal(HOLDS, NO_DOUBTS).status, "pass");
  for (const wrong of [cell("allowed"), cell("allowed", "EPERM")]) {
    const { status, observed } = judgeRefusal(
      table([cell("EPERM"), cell("EPERM")], [cell("allowed"), wrong]),
      NO_DOUBTS,
    );
    assertEquals([status, observed], ["fail", `allowed: ${SECOND.name}`]);
  }
  const otherErrno = table([cell("EPERM"), cell("EACCES", "EPERM")], [
    cell("allowed"),
    cell("EPERM"),
  ]);
  assertEquals(judgeRefusal(otherErrno, NO_DOUBTS).status, "fail");
});

Deno.test("judgeMore() finds what is more than listed in the columns so far, and nothing else", () => {
  assertEquals(judgeMore(HOLDS), {});
  assertEquals(judgeMore(new Map([[FIRST, new Map()]])), {});
  const less = table([cell("EPERM"), cell("EPERM")], [cell("EPERM", "allowed"), cell("EBADF")]);
  assertEquals(judgeMore(less), {});
  const more = table([cell("allowed", "EPERM"), cell("allowed", "EPERM")], [
    cell("allowed"),
    cell("EPERM"),
  ]);
  const found = judgeMore(more);
  assertEquals(Object.keys(found), ["AUTH-01", "AUTH-03"]);
  assertEquals(found["AUTH-01"], {
    status: "fail",
    observed: `${FIRST.name} (plain): allowed, expected: EPERM`,
    evidence: {},
  });
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
