/** The order in which a worker is started, and that each experiment explains a refusal. */

import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { type RefusalReporter, startWorker } from "../../../lib/confine/start.ts";
import { EXPERIMENTS } from "../../../lib/experiments/mod.ts";
import { TestsAhead } from "../../support/tests_ahead.ts";
import { testNeeding } from "../../support/needs.ts";
import { evidenceIn, inNamespace, ROOT, runProgram } from "../../support/programs.ts";

const SOCKETS = { packetFd: 100, channelFd: 101 };
const IDENTITY = { uid: 65534, gid: 65534 };

/** Starts a worker whose steps only note that they were taken. */
function start(protectWorker: () => void) {
  const steps: unknown[] = [];
  const reporter: RefusalReporter = { explain: () => undefined };
  const source = {
    fd: 102,
    [Symbol.dispose]: () => void steps.push("source closed"),
  };
  const run = () =>
    startWorker(
      reporter,
      SOCKETS,
      { ...IDENTITY, protections: [] },
      () => {
        steps.push("source opened");
        return source;
      },
      {
        becomeWorker: (identity, chosen) => void steps.push(["became", identity, chosen]),
        protectWorker(worker, chosen) {
          steps.push(["protected", worker, chosen]);
          protectWorker();
        },
      },
    );
  return { steps, run, source, reporter };
}

const THREE_STEPS = [
  ["became", IDENTITY, []],
  "source opened",
  ["protected", { ...SOCKETS, sourceFd: 102 }, []],
];

Deno.test("startWorker() drops, opens the source, then protects, and leaves the source open", () => {
  const { steps, run, source, reporter } = start(() => {});
  const { explain } = reporter;
  assertEquals(run(), source);
  assertEquals(steps, THREE_STEPS);
  assertEquals(reporter.explain === explain, false);
});

Deno.test("startWorker() closes the source if a protection is refused, and explains nothing", () => {
  const { steps, run, reporter } = start(() => {
    throw new RangeError("refused");
  });
  const { explain } = reporter;
  assertThrows(run, RangeError, "refused");
  assertEquals(steps, [...THREE_STEPS, "source closed"]);
  assertEquals(reporter.explain, explain);
});

testNeeding(
  { root: true },
  "startWorker() closes a forgotten descriptor before the drop",
  async () => {
    const program = `${ROOT}/tests/lib/confine/programs/forgotten.ts`;
    const { code, stdout, stderr } = await runProgram(Deno.execPath(), ["run", "-A", program]);
    assertEquals(code, 0, stderr);
    assertEquals(JSON.parse(stdout), [
      ["before", true],
      ["drop", false],
      ["source", false],
      ["protections", false],
    ]);
  },
);

const root = { root: true, programs: { ip: "iproute2", setpriv: "util-linux" } };
const tests = new TestsAhead();

for (const { name } of EXPERIMENTS) {
  tests.add(root, `A call that the filter refuses is explained in ${name}`, async () => {
    const program = "tests/lib/confine/programs/refused_run.ts";
    const outcome = await inNamespace([Deno.execPath(), "run", "-A", program, name]);
    const { verdict, experiments: [{ error }] } = evidenceIn(outcome);
    assertEquals([verdict, outcome.code], ["FAIL", 1], outcome.stderr);
    assertMatch(
      error ?? "",
      /socket: Operation not permitted \(EPERM\): socket is refused with EPERM: a receive-only worker does not need it$/,
    );
  });
}
