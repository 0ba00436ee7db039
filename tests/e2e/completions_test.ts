/**
 * The completions of the shells follow from the tables of the command line, load in each shell, and
 * complete correctly.
 */

import { assertEquals, assertThrows } from "@std/assert";
import { CHECKS } from "../../lib/evidence/checks.ts";
import { parseCommandLine } from "../../lib/cli/command_line.ts";
import { EXPERIMENTS_HELP } from "../../lib/cli/help.ts";
import { INSPECT, INSPECT_OPTIONS } from "../../lib/cli/inspect_line.ts";
import { EXPERIMENTS } from "../../lib/experiments/mod.ts";
import { UsageError } from "../../lib/evidence/errors.ts";
import { completions, inspectOptions, options } from "../../scripts/completions.ts";
import { testNeeding, which } from "../support/needs.ts";
import { ROOT, runProgram } from "../support/programs.ts";

const FOLDER = `${ROOT}/completions`;

Deno.test("completions/ is up to date with the command line", async () => {
  for (const [name, text] of Object.entries(completions())) {
    assertEquals(await Deno.readTextFile(`${FOLDER}/${name}`), text, `run: deno task completions`);
  }
});

Deno.test("The completions offer the options that the command line accepts", () => {
  const all = options();
  for (const { long, short, isValued } of all) {
    for (const word of [`--${long}`, ...short === undefined ? [] : [`-${short}`]]) {
      // An option without its value is refused by name; a switch leaves only the interface missing.
      const args = isValued ? [word, "--no-color"] : [word];
      try {
        parseCommandLine(args, EXPERIMENTS);
      } catch (error) {
        if (!(error instanceof UsageError)) throw error;
        assertEquals(/Unknown option/.test(error.message), false, error.message);
      }
    }
  }
  assertThrows(() => parseCommandLine(["--no-such"], EXPERIMENTS), UsageError, "Unknown option");
  assertEquals(all.length, EXPERIMENTS_HELP.match(/^ {2}(-., | {4})--/gm)?.length);
  assertEquals(all.find(({ long }) => long === "user")?.isValued, true);
});

Deno.test("The completions offer the options that inspect accepts, each once", () => {
  const { valued, switches } = INSPECT_OPTIONS;
  const names = inspectOptions().map(({ long }) => long);
  assertEquals(names.toSorted(), [...valued, ...switches].sort());
  const withValue = inspectOptions().filter(({ isValued }) => isValued).map(({ long }) => long);
  assertEquals(withValue.sort(), [...valued].sort());
});

const SHELLS = {
  bash: ["bash", "fdpass.bash", "bash"],
  zsh: ["zsh", "_fdpass", "zsh"],
  fish: ["fish", "fdpass.fish", "fish"],
} as const;

for (const [shell, file, apt] of Object.values(SHELLS)) {
  testNeeding({ programs: { [shell]: apt } }, `${shell} -n accepts its completion`, async () => {
    const outcome = await runProgram(shell, ["-n", `${FOLDER}/${file}`]);
    assertEquals(outcome, { code: 0, stdout: "", stderr: "" });
  });
}

async function inBash(...words: string[]): Promise<string[]> {
  const script = `. "${FOLDER}/fdpass.bash"; COMP_WORDS=(fdpass "$@"); COMP_CWORD=$#; _fdpass
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { code, stdout, stderr } = await runProgram("bash", ["-c", script, "bash", ...words]);
  assertEquals([code, stderr], [0, ""]);
  return stdout.trim().split("\n");
}

testNeeding(
  { programs: { bash: "bash" } },
  "bash completes options, experiments, checks and interfaces",
  async () => {
    assertEquals(await inBash("--exp"), ["--experiment", "--explain"]);
    assertEquals(await inBash("-e", "io"), ["io-uring"]);
    assertEquals(
      await inBash("--explain", "PASS-"),
      Object.keys(CHECKS).filter((id) => id.startsWith("PASS-")),
    );
    assertEquals(await inBash("--stimulus", "no"), ["none"]);
    assertEquals((await inBash("lo")).includes("lo"), true);
    assertEquals(await inBash("insp"), [INSPECT]);
    assertEquals(await inBash(INSPECT, "--ex"), ["--expect", "--explain"]);
    assertEquals(await inBash(INSPECT, "--expect", ""), ["dropped", "confined"]);
    assertEquals(await inBash(INSPECT, "--groups", "daemo"), ["daemon"]);
    const pid = String(Deno.pid);
    assertEquals((await inBash("-q", INSPECT, "--ask", "1", pid)).includes(pid), true);
    assertEquals((await inBash(INSPECT, "")).includes("lo"), false);
  },
);

testNeeding(
  { programs: { fish: "fish" } },
  "fish completes options, experiments and interfaces",
  async () => {
    const complete = async (line: string) => {
      const script = `source ${FOLDER}/fdpass.fish; complete -C "${line}"`;
      const { stdout } = await runProgram("fish", ["--no-config", "-c", script]);
      return stdout.trim().split("\n").map((each) => each.split("\t")[0]);
    };
    assertEquals((await complete("fdpass --exp")).sort(), ["--experiment", "--explain"]);
    assertEquals(await complete("fdpass -e io"), ["io-uring"]);
    assertEquals((await complete("fdpass l")).includes("lo"), true);
    assertEquals(await complete("fdpass insp"), [INSPECT]);
    assertEquals((await complete("fdpass inspect --ex")).sort(), ["--expect", "--explain"]);
    assertEquals((await complete("fdpass inspect --expect ")).sort(), ["confined", "dropped"]);
    assertEquals(await complete("fdpass inspect --exper"), [""]);
    assertEquals((await complete("fdpass inspect l")).includes("lo"), false);
    if (which("ps") === undefined) return; // fish asks it for the processes
    const pid = String(Deno.pid);
    assertEquals((await complete(`fdpass inspect --ask 1 ${pid}`)).includes(pid), true);
  },
);

/** What zsh offers on a terminal of its own when Tab is pressed after `line`. */
async function inZsh(line: string): Promise<string[]> {
  const { code, stdout, stderr } = await runProgram("zsh", [
    ...["-f", `${ROOT}/tests/e2e/complete.zsh`, FOLDER, line],
  ]);
  assertEquals([code, stderr], [0, ""]);
  return stdout.trim().split("\n").sort();
}

testNeeding(
  { programs: { zsh: "zsh" } },
  "zsh completes every option, experiments, checks and interfaces",
  async () => {
    const long = options().map(({ long }) => `--${long}`);
    assertEquals(await inZsh("fdpass --"), long.toSorted());
    const short = options().flatMap(({ short }) => short === undefined ? [] : [`-${short}`]);
    assertEquals(await inZsh("fdpass -"), [...long, ...short].sort());
    assertEquals(await inZsh("fdpass -e io"), ["io-uring"]);
    assertEquals(
      await inZsh("fdpass --explain PASS-"),
      Object.keys(CHECKS).filter((id) => id.startsWith("PASS-")),
    );
    assertEquals(await inZsh("fdpass --stimulus no"), ["none"]);
    assertEquals((await inZsh("fdpass -q l")).includes("lo"), true);
    assertEquals(await inZsh("fdpass insp"), [INSPECT]);
    const ofInspect = inspectOptions().map(({ long }) => `--${long}`);
    assertEquals(await inZsh("fdpass inspect --"), ofInspect.toSorted());
    const pid = String(Deno.pid);
    assertEquals((await inZsh(`fdpass -q inspect --ask 1 ${pid}`)).includes(pid), true);
  },
);
