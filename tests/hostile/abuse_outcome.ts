/**
 * What must come of every hostile child, whatever it does.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { renderTap } from "../../lib/report/tap.ts";
import { renderText } from "../../lib/report/text.ts";
import { evidenceIn, inNamespace } from "../support/programs.ts";
import { HOSTILE, type Hostile, type HostileName } from "./abuses.ts";

/**
 * What the parent takes at most, in bytes, be the child as it may: twice what it takes with one that is as it should be and everything that it
 * lets a child say. A child that says as much as it can would have it take gigabytes.
 */
export const MEMORY_LIMIT = 400 << 20;

/** How long a run may go on after its time, in milliseconds: it waits for the end of the child, and the machine may be busy. */
const GRACE = 10_000;

/** What a terminal acts on, or what hides text: nothing of it may be in what is printed, but for the newline. */
const HARMFUL = /[^\P{Cc}\n]|\p{Cf}|[\u2028\u2029]/u;

function assertHarmless(view: string, text: string): void {
  const place = text.search(HARMFUL);
  assert(
    place === -1,
    `${view}: ${JSON.stringify(text.slice(Math.max(0, place - 40), place + 40))}`,
  );
}

/** Runs fdpass with a hostile child, and looks at everything that comes of it. */
export async function assertWithstood(name: HostileName): Promise<void> {
  const { says, timeout = 10, endsRun = true }: Hostile = HOSTILE[name];
  const folder = await Deno.makeTempDir();
  try {
    const page = `${folder}/report.html`, told = `${folder}/told.json`;
    const program = [Deno.execPath(), "run", "-A", "tests/hostile/abuse_run.ts", name, told];
    const args = ["--json", "--report", page, "-t", String(timeout), "veth-fdpass"];
    const outcome = await inNamespace([...program, ...args], {
      timeout: timeout * 1000 + 3 * GRACE,
    });

    assertEquals(outcome.stderr, "");
    const evidence = evidenceIn(outcome);
    const { verdict, experiments: [{ error, conclusion }] } = evidence;
    assertEquals([verdict, outcome.code, conclusion], ["FAIL", 1, null]);
    assertMatch(renderTap(evidence), says);
    assertEquals(error !== null, endsRun, `ended by ${error}`);

    const { before, after, took, peak, others } = JSON.parse(await Deno.readTextFile(told));
    assertEquals(after, before, "as many descriptors as before");
    assertEquals(others, [], "no process is left behind");
    assert(took < timeout * 1000 + GRACE, `it took ${Math.round(took)} ms`);
    assert(peak < MEMORY_LIMIT, `it took ${peak >> 20} MiB`);

    assertHarmless("--json", outcome.stdout);
    assertHarmless("--tap", renderTap(evidence));
    assertHarmless("text", renderText(evidence, { color: false, amount: "verbose" }));
    assertHarmless("--report", await Deno.readTextFile(page));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
