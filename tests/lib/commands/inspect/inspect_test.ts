/** An inspection that ends early leaves every check open, and says why. */

import { assertEquals, assertMatch } from "@std/assert";
import { type InspectHow, inspectProcess } from "../../../../lib/commands/inspect/inspect.ts";
import { CutShort } from "../../../../lib/evidence/errors.ts";
import { startDaemon } from "../../../support/daemon.ts";
import { testNeeding } from "../../../support/needs.ts";
import { pause } from "../../../support/pause.ts";
import { straceOn } from "../../../support/strace.ts";

const compiled = { root: true, programs: { cc: "gcc" } };
const NOBODY = ["groups=", "gid=65534", "uid=65534"];

const HOW: InspectHow = {
  terms: { expect: "dropped", groups: new Set() },
  ask: false,
  timeout: 10_000,
  signal: new AbortController().signal,
  settled: () => Promise.resolve(),
};

/** Inspects a process, and expects no answer but a reason. */
async function assertOpen(
  inspection: ReturnType<typeof inspectProcess>,
  reason: RegExp,
): Promise<void> {
  const { evidence: { verdict, checks, error, conclusion }, failure } = await inspection;
  assertEquals([verdict, conclusion], ["INCONCLUSIVE", null]);
  assertEquals(new Set(checks.map(({ status }) => status)), new Set(["skip"]));
  assertMatch(failure!.message, reason);
  assertMatch(error!, reason);
}

testNeeding(compiled, "A process that goes on is a PASS", async () => {
  await using daemon = await startDaemon(NOBODY);
  const { evidence, failure } = await inspectProcess(daemon.pid, HOW);
  assertEquals([evidence.verdict, failure], ["PASS", null]);
});

testNeeding(compiled, "A process that ends between two looks is not judged", async () => {
  for (const words of [NOBODY, []]) {
    await using daemon = await startDaemon(words);
    const inspection = inspectProcess(daemon.pid, HOW);
    await pause(0); // the first look takes place before the next timer
    Deno.kill(daemon.pid, "SIGKILL");
    await assertOpen(inspection, /ended|no process/);
  }
});

testNeeding(compiled, "A signal, and the time limit, end an inspection", async () => {
  await using daemon = await startDaemon(NOBODY);
  const signal = AbortSignal.abort(new CutShort("Interrupted by SIGTERM"));
  await assertOpen(inspectProcess(daemon.pid, { ...HOW, signal }), /^Interrupted by SIGTERM$/);
  const late = new AbortController();
  const settled = () => Promise.resolve(late.abort(new CutShort("Interrupted by SIGINT")));
  const how = { ...HOW, signal: late.signal, settled };
  await assertOpen(inspectProcess(daemon.pid, how), /^Interrupted by SIGINT$/);
  await assertOpen(inspectProcess(daemon.pid, { ...HOW, timeout: 0.01 }), /^Time ran out/);
});

testNeeding(
  { ...compiled, programs: { ...compiled.programs, strace: "strace" } },
  "A process that cannot be asked is judged by its credentials alone",
  async () => {
    await using daemon = await startDaemon(NOBODY);
    await using _strace = await straceOn(daemon.pid);
    const { evidence } = await inspectProcess(daemon.pid, { ...HOW, ask: true });
    const open = evidence.checks.filter(({ status, left_out }) => status === "skip" && !left_out);
    assertEquals(open.map(({ id }) => id), ["INSP-05", "INSP-06"]);
    assertMatch(open[0].observed, /traces it already/);
    assertEquals(evidence.verdict, "INCONCLUSIVE");
  },
);
