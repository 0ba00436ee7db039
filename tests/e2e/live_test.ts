/** Progress while a run waits: on a terminal alone, and gone at the end. */

import { assertEquals, assertMatch } from "@std/assert";
import { testNeeding } from "../support/needs.ts";
import { fdpass, inNamespace } from "../support/programs.ts";
import { FDPASS } from "./here.ts";

const NEEDS = { root: true, programs: { script: "bsdutils" } };
const WAITING = ["--stimulus", "none", "-t", "1", "veth-fdpass"];

/** Control sequences as something to look for. */
const visible = (text: string) => text.replaceAll("\x1b[K", "␡").replaceAll("\x1b", "␛");

/** Runs fdpass on a terminal of its own; what appears there. */
async function onTerminal(args: readonly string[], term = "xterm"): Promise<string> {
  const command = [...FDPASS, ...args].join(" ");
  const { stdout } = await inNamespace(["script", "-qec", command, "/dev/null"], {
    env: { TERM: term },
  });
  return visible(stdout);
}

testNeeding(
  NEEDS,
  "On a terminal a run that waits says how far it is, and takes that away",
  async () => {
    const shown = await onTerminal(WAITING);
    const lines = shown.match(/\rprivilege-drop: \d+ packets? so far, [01] s left␡/g) ?? [];
    assertEquals(lines.length >= 2, true, shown);
    const report = shown.slice(shown.lastIndexOf("s left␡"));
    assertMatch(report, /^s left␡\r␡/);
    assertMatch(report, /=== File Descriptor Passing/);
  },
);

for (const option of ["--json", "--tap", "--quiet"]) {
  testNeeding(NEEDS, `On a terminal with ${option} nothing says how far it is`, async () => {
    assertEquals(/s left/.test(await onTerminal([option, ...WAITING])), false);
  });
}

testNeeding(NEEDS, "On a dumb terminal, and on none, nothing says how far it is", async () => {
  assertEquals(/s left/.test(await onTerminal(WAITING, "dumb")), false);
  const { stdout, stderr } = await fdpass(WAITING);
  assertEquals(/s left|[␡␛]/.test(visible(stdout + stderr)), false);
});
