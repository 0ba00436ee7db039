/** The end of a child, even if a process that it has started outlives it. */

import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { ChildProcess, OUTPUT_LIMIT } from "../../../lib/harness/process.ts";
import { controlChannelPair, sendMessage } from "../../../lib/harness/channel.ts";
import { now } from "../../../lib/harness/protocol.ts";
import { sleep } from "../../../ffi/socket/poll.ts";
import { ChildGaveUp, ExperimentError, TimeRanOut } from "../../../lib/evidence/errors.ts";
import type { ParentRun } from "../../../lib/harness/parent_run.ts";
import { Child, type RunOfChild } from "../../../lib/harness/child.ts";
import { until } from "../../e2e/processes.ts";
import { ownDescriptors } from "../../hostile/own_descriptors.ts";

/** How long a process lives that the test must not wait for, in seconds. */
const LONG = 60;

function shell(script: string): ChildProcess {
  return new ChildProcess(
    new Deno.Command("sh", {
      args: ["-c", script],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn(),
  );
}

Deno.test("ChildProcess.ended() does not wait for a grandchild that holds the output", async () => {
  const started = performance.now();
  const child = shell(`sleep ${LONG} & echo $!; exit 3`);
  const { status, output, leftBehind } = await child.ended();
  Deno.kill(Number(output), "SIGKILL");
  assertEquals([status.code, leftBehind], [3, "another process holds its output"]);
  const took = performance.now() - started;
  assert(took < LONG * 1000 / 4, `it took ${Math.round(took)} ms`);
});

Deno.test("ChildProcess.ended() includes what a grandchild writes soon after the end", async () => {
  const child = shell("{ sleep 0.1; echo the last; } & echo the first");
  const { output, leftBehind } = await child.ended();
  assertEquals([output, leftBehind], ["the first\nthe last\n", null]);
});

Deno.test("ChildProcess reads all output of a child, and keeps the beginning", async () => {
  const child = shell("yes abcdefg | head -c 5000000; yes abcdefg | head -c 5000000 >&2");
  const { status, output, leftBehind } = await child.ended();
  assertEquals([status.code, output.length, leftBehind], [0, 2 * OUTPUT_LIMIT, null]);
});

Deno.test("ChildProcess.ended() returns the same result each time", async () => {
  await using child = shell("echo once; exit 1");
  const [first, second] = await Promise.all([child.ended(), child.ended()]);
  assertEquals([first, second.output], [second, "once\n"]);
  assertEquals(await child.ended(), first);
});

Deno.test("ChildProcess closes the pipes of a child that has ended", async () => {
  await shell(":").ended(); // at the first child, the runtime opens descriptors that stay
  const before = ownDescriptors();
  const { output } = await shell(`sleep ${LONG} & echo $!`).ended();
  Deno.kill(Number(output), "SIGKILL");
  await until("the pipes are closed", () => ownDescriptors() === before, 10_000);
});

for (const [when, delay] of [["during the wait", 100], ["before the wait", 0]] as const) {
  Deno.test(`Child.ended() rejects when the time of the run is up ${when}`, async () => {
    const [ours, theirs] = controlChannelPair();
    using _theirs = theirs;
    const run = new AbortController();
    const context = { context: { signal: run.signal } } as ParentRun;
    await using child = new Child(shell(`exec sleep ${LONG}`), ours, theirs.fd, context);
    const reason = new ExperimentError("Time ran out");
    if (delay === 0) run.abort(reason);
    else setTimeout(() => run.abort(reason), delay);
    await assertRejects(() => child.ended(), ExperimentError, "Time ran out");
  });
}

/** A child that gives up, under a parent that is blocked for longer than the run may take. */
async function givingUp({ timeout, blocked }: { timeout: number; blocked: number }) {
  const [ours, theirs] = controlChannelPair();
  using _theirs = theirs;
  const context = { signal: new AbortController().signal, timeout };
  const deadline = performance.now() + timeout;
  const run = {
    context: { ...context, deadline },
    record: { countChildText() {} },
  } as unknown as RunOfChild;
  await using child = new Child(shell(`exec sleep ${LONG}`), ours, theirs.fd, run);
  sendMessage(theirs.fd, { type: "failed", message: "Time ran out", at: now() }, [], 1000);
  sleep(blocked);
  return await assertRejects(() => child.reached("received"), Error);
}

Deno.test("A child that gives up when its time has ended is not to blame", async () => {
  const early = await givingUp({ timeout: 20_000, blocked: 0 });
  assertEquals([early instanceof ChildGaveUp, early.message], [
    true,
    "The child gave up: Time ran out",
  ]);
  assertInstanceOf(await givingUp({ timeout: 1200, blocked: 1300 }), TimeRanOut);
});
