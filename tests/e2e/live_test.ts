/** The progress line: shown on a terminal only, and gone at the end. */

import { assertEquals, assertMatch } from "@std/assert";
import { TestsAhead } from "../support/tests_ahead.ts";
import { testNeeding } from "../support/needs.ts";
import { fdpass, inNamespace } from "../support/programs.ts";
import { FDPASS } from "./here.ts";

const NEEDS = { root: true, programs: { script: "bsdutils" } };
const WAITING = ["--stimulus", "none", "-t", "1", "veth-fdpass"];

/** Makes control sequences visible. */
const visible = (text: string) => text.replaceAll("\x1b[K", "␡").replaceAll("\x1b", "␛");

/** Runs fdpass on a terminal of its own. Returns its output there. */
async function onTerminal(args: readonly string[], term = "xterm"): Promise<string> {
  const command = [...FDPASS, ...args].join(" ");
  const { stdout } = await inNamespace(["script", "-qec", command, "/dev/null"], {
    env: { TERM: term },
  });
  return visible(stdout);
}

testNeeding(
  NEEDS,
  "On a terminal a waiting run shows its progress, and erases it",
  async () => {
    const shown = await onTerminal(WAITING);
    const lines = shown.match(/\rprivilege-drop: [01] s left, \d+ packets? so far␡/g) ?? [];
    assertEquals(lines.length >= 2, true, shown);
    const report = shown.slice(shown.lastIndexOf("so far␡"));
    assertMatch(report, /^so far␡\r␡/);
    assertMatch(report, /=== File Descriptor Passing/);
  },
);

for (const option of ["--json", "--tap", "--quiet"]) {
  testNeeding(NEEDS, `On a terminal with ${option} there is no progress line`, async () => {
    assertEquals(/\d s left/.test(await onTerminal([option, ...WAITING])), false);
  });
}

testNeeding(NEEDS, "On a dumb terminal, and without one, there is no progress line", async () => {
  assertEquals(/\d s left/.test(await onTerminal(WAITING, "dumb")), false);
  const { stdout, stderr } = await fdpass(WAITING);
  assertEquals(/\d s left|[␡␛]/.test(visible(stdout + stderr)), false);
});

const tests = new TestsAhead();
const SUPERVISOR = ["-e", "supervisor", "--kills", "2", "veth-fdpass"];

tests.add(
  NEEDS,
  "On a terminal the counters of every worker stand in one line that does not wrap",
  async () => {
    const shown = await onTerminal(SUPERVISOR);
    const lines = shown.match(/\rsupervisor: \d+ s left, [^␡]*␡/g) ?? [];
    const both = lines.filter((line) => /worker 1: \d+ frames, .*worker 2: \d+ frames/.test(line));
    assertEquals(both.length > 0, true, shown);
    assertEquals(lines.filter((line) => line.length > 81), []); // \r, at most 79 characters, ␡
  },
);

tests.add(
  NEEDS,
  "Without a terminal the growing counters are plain lines on standard error",
  async () => {
    const { code, stderr } = await fdpass(SUPERVISOR);
    const lines = stderr.trimEnd().split("\n");
    const strange = lines.filter((line) =>
      !/^supervisor: (control: )?worker 1: \d+ frames, /.test(line)
    );
    assertEquals([code, strange], [0, []]);
    const counts = lines.filter((line) => !line.includes("control"))
      .map((line) => Number(line.match(/worker 1: (\d+) frames/)![1]));
    assertEquals(counts.toSorted((a, b) => a - b), counts);
    assertEquals(counts.at(-1)! > 0, true, stderr);
  },
);
