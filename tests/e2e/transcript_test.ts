import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { TestsAhead } from "../support/tests_ahead.ts";
import { fdpass, inNamespace, type Outcome } from "../support/programs.ts";
import { heldAgainst, leftOnTerminal, standingLines, TRANSCRIPT } from "./transcript.ts";

const tests = new TestsAhead();
// deno-lint-ignore no-control-regex
const SGR = /\x1b\[[\d;]*m/g;

function assertTranscript(output: string): void {
  assertEquals(heldAgainst(TRANSCRIPT, standingLines(output)), TRANSCRIPT);
}

tests.add(
  { root: true },
  "The transcript through a pipe is the one that the reviewers know",
  async () => {
    const { code, stdout, stderr } = await fdpass(["veth-fdpass"]);
    assertTranscript(stdout);
    assertEquals([code, stderr], [0, ""]);
  },
);

tests.add({ root: true }, "A pipe gets no colour, even with a terminal elsewhere", async () => {
  const { stdout } = await fdpass(["veth-fdpass"], { env: { NO_COLOR: "", TERM: "xterm" } });
  assertEquals(stdout.match(SGR), null);
});

tests.add(
  { root: true },
  "--verbose keeps every line of the transcript, in order",
  async () => {
    const { stdout } = await fdpass(["--verbose", "veth-fdpass"]);
    const lines = stdout.split("\n");
    let from = 0;
    for (const expected of TRANSCRIPT) {
      const at = lines.findIndex((line, i) =>
        i >= from && heldAgainst([expected], [line])[0] === expected
      );
      assert(at >= 0, `${JSON.stringify(expected)} is missing after line ${from}`);
      from = at + 1;
    }
    assert(lines.length > 2 * TRANSCRIPT.length, "--verbose says more");
  },
);

/** Runs fdpass on a terminal. Returns what remains there, with the line ends of a pipe. */
async function onTerminal(args: string[], environment: string[]): Promise<Outcome> {
  const command = [Deno.execPath(), "run", "-A", "main.ts", ...args, "veth-fdpass"].join(" ");
  const outcome = await inNamespace(
    ["env", "-u", "NO_COLOR", "TERM=xterm", ...environment, "script", "-qec", command, "/dev/null"],
  );
  return { ...outcome, stdout: leftOnTerminal(outcome.stdout) };
}

const script = { root: true, programs: { script: "bsdutils" } };

tests.add(script, "The transcript on a terminal is the same, in colour", async () => {
  const { code, stdout } = await onTerminal([], []);
  const codes = new Set(stdout.match(SGR));
  assert(codes.has("\x1b[32m"), `green is among ${JSON.stringify([...codes])}`);
  assertTranscript(stdout.replaceAll(SGR, ""));
  assertEquals(code, 0);
});

for (
  const [how, args, environment] of [
    ["NO_COLOR=1", [], ["NO_COLOR=1"]],
    ["TERM=dumb", [], ["TERM=dumb"]],
    ["--no-color", ["--no-color"], []],
  ] as [string, string[], string[]][]
) {
  tests.add(script, `${how} turns off colour on a terminal`, async () => {
    const { stdout } = await onTerminal(args, environment);
    assertEquals(stdout.match(SGR), null);
    assertTranscript(stdout);
  });
}

Deno.test("leftOnTerminal() drops lines that were overwritten and erased, and nothing else", () => {
  const live = "\rprivilege-drop: 9 s left\x1b[K\rprivilege-drop: 8 s left\x1b[K\r\x1b[K";
  assertEquals(
    leftOnTerminal(`first\r\n${live}=== Title ===\r\n\r\nend\r\n`),
    "first\n=== Title ===\n\nend\n",
  );
  assertEquals(leftOnTerminal("a\rb\x1b[K\n"), "a\rb\x1b[K\n", "what stays is seen");
});

Deno.test("A transcript with a changed, missing or added line is noticed", () => {
  const whole = TRANSCRIPT.map((line) => line.replace("<number>", "7").replace("<frame>", "IPv6"));
  assertEquals(heldAgainst(TRANSCRIPT, whole), TRANSCRIPT);
  const spoilt = [
    whole.map((line) => line.replace("✓ SUCCESS", "✗ FAILURE")),
    whole.map((line) => line.replace("5/5", "4/5")),
    whole.map((line) => line.replace("PID: 7", "PID: seven")),
    whole.slice(0, -1),
    whole.toSpliced(9, 1),
    [...whole, "one more"],
  ];
  for (const lines of spoilt) assertNotEquals(heldAgainst(TRANSCRIPT, lines), TRANSCRIPT);
});
