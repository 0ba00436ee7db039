/**
 * What must hold after every abuse: FAIL for the right reason, in time, in bounded memory, with
 * nothing left behind and nothing harmful printed.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { renderTap } from "../../lib/report/tap.ts";
import { renderText } from "../../lib/report/text.ts";
import { evidenceIn, inNamespace } from "../support/programs.ts";
import { type Abuse, type AbuseName, ABUSES } from "./abuses.ts";

/**
 * The most memory that the parent may use, in bytes, whatever the child does: twice what it uses
 * with an honest child, plus everything that it accepts from a child. Without limits, a child that
 * sends as much as it can would make it use gigabytes.
 */
export const MEMORY_LIMIT = 400 << 20;

/**
 * How long a run may exceed its timeout, in milliseconds: it waits for the end of the child, and
 * the machine may be busy.
 */
const GRACE = 10_000;

/**
 * Characters that a terminal acts on or that hide text. None may be printed, except the newline.
 */
const HARMFUL = /[^\P{Cc}\n]|\p{Cf}|[\u2028\u2029]/u;

function assertHarmless(view: string, text: string): void {
  const place = text.search(HARMFUL);
  assert(
    place === -1,
    `${view}: ${JSON.stringify(text.slice(Math.max(0, place - 40), place + 40))}`,
  );
}

/** Runs fdpass with an abusive child, and checks the report, the exit status, and what is left. */
export async function assertWithstood(name: AbuseName): Promise<void> {
  const { reported, timeout = 10, endsRun = true }: Abuse = ABUSES[name];
  const folder = await Deno.makeTempDir();
  try {
    const page = `${folder}/report.html`, held = `${folder}/held.json`;
    const program = [Deno.execPath(), "run", "-A", "tests/hostile/abuse_run.ts", name, held];
    const args = ["--json", "--report", page, "-t", String(timeout), "veth-fdpass"];
    const outcome = await inNamespace([...program, ...args], {
      timeout: timeout * 1000 + 3 * GRACE,
    });

    assertEquals(outcome.stderr, "");
    const evidence = evidenceIn(outcome);
    const { verdict, experiments: [{ error, conclusion }] } = evidence;
    assertEquals([verdict, outcome.code, conclusion], ["FAIL", 1, null]);
    assertMatch(renderTap(evidence), reported);
    assertEquals(error !== null, endsRun, `ended by ${error}`);

    const { before, after, took, peak, others } = JSON.parse(await Deno.readTextFile(held));
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
