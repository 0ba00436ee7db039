/**
 * What is predicted of a worker is what its attack finds: without protections, and under all. The
 * other columns, and workers that disobey, are in `inspect_matrix.sweep.ts`.
 */

import { assertEquals } from "@std/assert";
import { OPERATION_NAMES } from "../../lib/evidence/operations.ts";
import { testNeeding } from "../support/needs.ts";
import { compare, inspectedRun, untold, wrong } from "./inspect_matrix.ts";

testNeeding(
  { root: true, programs: { ip: "iproute2", setpriv: "util-linux" } },
  "What is predicted of the plain and of the hardened worker is what their attacks find",
  async () => {
    const run = await inspectedRun("plain", "hardened");
    const cells = compare(run, "asked");
    assertEquals(wrong(cells), []);
    const { plain = [], ...others } = untold(cells);
    // Kernels that list the personalities of a ring leave nothing open.
    assertEquals(plain.filter((name) => name !== "early-personality"), []);
    assertEquals(others, {});
    const names = run.matrix.rows.map(({ operation }) => operation);
    assertEquals(names, OPERATION_NAMES);

    // The control: the predictions of one worker do not fit the other.
    const { plain: first, hardened: second } = run.predicted;
    const exchanged = compare({ ...run, predicted: { plain: second, hardened: first } }, "asked");
    assertEquals(wrong(exchanged).length > OPERATION_NAMES.length, true);
  },
);
