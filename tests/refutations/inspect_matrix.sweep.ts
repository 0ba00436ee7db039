/**
 * What is predicted of a worker is what its attack finds, operation by operation: under each
 * protection, under some of them together, and for workers that do not put on what they should.
 */

import { assertEquals } from "@std/assert";
import { ALL_PROTECTIONS } from "../../lib/confine/protections.ts";
import { CANNOT_TELL } from "../../lib/inspect/subject.ts";
import { TestsAhead } from "../support/tests_ahead.ts";
import { compare, inspectedRun, isRefusal, type Run, untold, wrong } from "./inspect_matrix.ts";

const root = { root: true, programs: { ip: "iproute2", setpriv: "util-linux" } };
const tests = new TestsAhead();

let whole: Promise<Run> | undefined;
const allColumns = () => whole ??= inspectedRun();

/** The columns in which the worker has a filter of system calls. */
const FILTERED = ["no-new-privs", "receive-only", "hardened"];

/**
 * Whatever cannot be told of a worker that was asked: the personalities of a ring on kernels that
 * do not list them (6.18), and whether a ring that it may enter, or that is polled, is restricted.
 */
const UNTOLD = ["early-personality", "io-uring-send"];

tests.add(root, "Asked, each worker's matrix is predicted as its attack finds it", async () => {
  const run = await allColumns();
  const cells = compare(run, "asked");
  assertEquals([run.verdict, wrong(cells)], ["PASS", []]);
  const { "receive-only": bySending = [], ...others } = untold(cells);
  assertEquals(bySending, ["io-uring-send"]);
  for (const [column, names] of Object.entries(others)) {
    assertEquals(names, ["early-personality"], column);
  }
});

tests.add(root, "Asked, what a filter refuses is predicted as refused by the filter", async () => {
  const { matrix, predicted } = await allColumns();
  for (const { operation, cells } of matrix.rows) {
    const { rule } = cells["receive-only"];
    const { wall } = predicted["receive-only"].asked[operation];
    if (rule !== null && !UNTOLD.includes(operation)) assertEquals(wall, "filter", operation);
    assertEquals(predicted.plain.asked[operation].wall === "filter", false, operation);
  }
});

tests.add(
  root,
  "Not asked, a refusal is a refusal, and only behind a filter what is allowed is left open",
  async () => {
    const cells = compare(await allColumns(), "seen");
    const behind = cells.filter(({ column }) => FILTERED.includes(column));
    const open = cells.filter(({ column }) => !FILTERED.includes(column));
    assertEquals(wrong(open), []);
    for (const names of Object.values(untold(open))) {
      assertEquals(
        names.filter((name) => !["early-personality", "outlive-parent"].includes(name)),
        [],
      );
    }
    for (const { operation, column, real, prediction: { outcome } } of behind) {
      if (isRefusal(outcome)) assertEquals(isRefusal(real), true, `${operation} (${column})`);
      assertEquals(outcome === "allowed" && real !== "allowed", false, `${operation} (${column})`);
    }
  },
);

/** Columns of several protections: all but one, all but one and the filter. */
const LEFT_OUT = ALL_PROTECTIONS.flatMap((left) => {
  const others = ALL_PROTECTIONS.filter((name) => name !== left);
  return [others, others.filter((name) => name !== "receive-only")];
}).map((names) => names.join("+"));

tests.add(
  root,
  "Without one protection, or one and the filter, the matrix is predicted",
  async () => {
    const cells = compare(await inspectedRun(...new Set(LEFT_OUT)), "asked");
    assertEquals(wrong(cells), []);
    const names = new Set(Object.values(untold(cells)).flat());
    assertEquals([...names].filter((name) => !UNTOLD.includes(name)), []);
  },
);

tests.add(
  root,
  "A file that the worker left open is found, though no attack knows it",
  async () => {
    const run = await inspectedRun("--defect", "file-left-open", "hardened");
    const differing = compare(run, "asked").filter(({ real, prediction: { outcome } }) =>
      outcome !== real && outcome !== CANNOT_TELL
    );
    assertEquals(
      differing.map(({ operation, real, prediction }) => [operation, real, prediction.outcome]),
      [["forgotten-descriptor", "EBADF", "allowed"]],
    );
  },
);

for (const defect of ["unprotected", "protects-itself-unasked"]) {
  tests.add(root, `The matrix of a worker that disobeys (${defect}) is predicted`, async () => {
    const cells = compare(await inspectedRun("--defect", defect, "plain", "hardened"), "asked");
    assertEquals(wrong(cells), []);
    const names = new Set(Object.values(untold(cells)).flat());
    assertEquals([...names].filter((name) => !UNTOLD.includes(name)), []);
  });
}
