/** The views of a real inspection: the shapes of stored evidence are those of a real one. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { renderHtml } from "../../lib/report/html.ts";
import { renderTap } from "../../lib/report/tap.ts";
import { renderText } from "../../lib/report/text.ts";
import { NOBODY } from "../support/confined_daemon.ts";
import { startDaemon } from "../support/daemon.ts";
import { evidenceIn } from "../support/programs.ts";
import { TestsAhead } from "../support/tests_ahead.ts";
import { here } from "./here.ts";

const tests = new TestsAhead();

tests.add(
  { root: true, programs: { cc: "gcc" } },
  "Every view shows a daemon without privileges, one of root's, and one that has ended",
  async () => {
    await using dropped = await startDaemon(["packet=1", ...NOBODY, "threads=2"]);
    const root = ["packet=1", "name=<b>root", "thread", ...NOBODY, "end"];
    await using kept = await startDaemon(root);
    const file = await Deno.makeTempFile({ suffix: ".html" });
    try {
      const pids = [dropped.pid, kept.pid, 4_194_303].map(String);
      const args = ["inspect", "--ask", "--json", "--report", file];
      const outcome = await here([...args, "--force", ...pids]);
      const evidence = evidenceIn(outcome); // valid by the schema
      const verdicts = evidence.experiments.map(({ verdict }) => verdict);
      assertEquals(verdicts, ["PASS", "FAIL", "INCONCLUSIVE"]);

      const page = await Deno.readTextFile(file);
      assertEquals(page, renderHtml(evidence));
      assertStringIncludes(page, `>Process ${kept.pid} (&lt;b&gt;root)</h2>`);
      const texts = (["normal", "verbose"] as const).map((amount) =>
        renderText(evidence, { color: false, amount })
      );
      for (const view of [page, renderTap(evidence), ...texts]) {
        assertEquals(/undefined|NaN|\[object/.test(view), false);
      }
      for (const text of texts) {
        assertStringIncludes(text, `=== Inspection of Process ${dropped.pid} (daemon) ===\n`);
        assertStringIncludes(
          text,
          "  fd 3: bound to lo (ifindex 1), all protocols (0x0003), SOCK_RAW\n",
        );
        assertStringIncludes(text, "✗ FAIL: 1 of 3 inspections are a PASS\n");
      }
    } finally {
      await Deno.remove(file);
    }
  },
);
