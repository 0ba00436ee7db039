/** The end of a child, which somebody whom it has started outlives. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { ChildProcess, OUTPUT_LIMIT } from "../../../lib/harness/process.ts";
import { controlChannelPair } from "../../../lib/harness/channel.ts";
import { ExperimentError } from "../../../lib/evidence/errors.ts";
import type { ParentRun } from "../../../lib/harness/parent_run.ts";
import { Child } from "../../../lib/harness/child.ts";
import { until } from "../../e2e/processes.ts";
import { ownDescriptors } from "../../hostile/own_descriptors.ts";

/** How long the longest-lived process of a test lives, in seconds, unless the test ends it. */
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

Deno.test("ChildProcess.ended() waits for what a grandchild says soon after the end", async () => {
  const child = shell("{ sleep 0.1; echo the last; } & echo the first");
  const { output, leftBehind } = await child.ended();
  assertEquals([output, leftBehind], ["the first\nthe last\n", null]);
});

Deno.test("ChildProcess keeps the beginning of what a child writes, and reads all of it", async () => {
  const child = shell("yes abcdefg | head -c 5000000; yes abcdefg | head -c 5000000 >&2");
  const { status, output, leftBehind } = await child.ended();
  assertEquals([status.code, output.length, leftBehind], [0, 2 * OUTPUT_LIMIT, null]);
});

Deno.test("ChildProcess.ended() says the same however often it is asked", async () => {
  await using child = shell("echo once; exit 1");
  const [first, second] = await Promise.all([child.ended(), child.ended()]);
  assertEquals([first, second.output], [second, "once\n"]);
  assertEquals(await child.ended(), first);
});

Deno.test("ChildProcess holds nothing of a child any more when its output has an end", async () => {
  await shell(":").ended(); // the runtime opens some of its own for the first
  const before = ownDescriptors();
  const { output } = await shell(`sleep ${LONG} & echo $!`).ended();
  Deno.kill(Number(output), "SIGKILL");
  await until("the pipes are closed", () => ownDescriptors() === before, 10_000);
});

for (const [when, delay] of [["while it waits", 100], ["before", 0]] as const) {
  Deno.test(`Child.ended() waits no longer than the run, whose time is up ${when}`, async () => {
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
