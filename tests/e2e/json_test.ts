import { assert, assertEquals, assertMatch } from "@std/assert";
import { TestsAhead } from "../support/tests_ahead.ts";
import { evidenceIn, fdpass, type Outcome, ROOT } from "../support/programs.ts";
import { here, NOT_ROOT, WITHOUT_NET_RAW } from "./here.ts";

const tests = new TestsAhead();
const CHECKS = [
  ...["SOCK-01", "SOCK-02", "PASS-01", "PASS-02", "PASS-03"],
  ...["DROP-01", "DROP-02", "DROP-03", "DROP-04", "DROP-05"],
  ...["DENY-01", "RECV-01", "RECV-02", "RECV-03"],
];

tests.add(
  { root: true },
  "--json prints the evidence of the design, and nothing else",
  async () => {
    const outcome = await fdpass(["--json", "veth-fdpass"]);
    // throws if there is more than one object, or if it violates the schema
    const evidence = evidenceIn(outcome);
    assertEquals(evidence.experiments.length, 1);

    const [experiment] = evidence.experiments;
    assertEquals([experiment.name, ...experiment.decisions], ["privilege-drop", "D24"]);
    assertEquals(experiment.checks.map(({ id }) => id as string), CHECKS);
    assertEquals(experiment.checks.filter(({ status }) => status !== "pass"), []);
    assertEquals(experiment.packets.filter(({ ours, after_drop }) => ours && after_drop).length, 5);
    assertEquals([evidence.verdict, experiment.verdict], ["PASS", "PASS"]);
    assertEquals([evidence.exit, outcome.code, outcome.stderr], [0, 0, ""]);
  },
);

tests.add({ root: true }, "-n sets how many packets are received", async () => {
  const evidence = evidenceIn(await fdpass(["--json", "-n", "100", "veth-fdpass"]));
  const ours = evidence.experiments[0].packets.filter((packet) => packet.ours);
  assertEquals([evidence.verdict, ours.length], ["PASS", 100]);
});

tests.add({ root: true }, "-u sets the user that the child becomes", async () => {
  const evidence = evidenceIn(await fdpass(["--json", "-u", "12345:23456", "veth-fdpass"]));
  const observed = evidence.experiments[0].checks.map((check) => check.observed).join("\n");
  assertMatch(observed, /gid 23456 four times/);
  assertMatch(observed, /uid 12345 four times/);
  assertEquals([evidence.verdict, evidence.environment.user], ["PASS", "12345:23456"]);
});

function assertErrorReported(outcome: Outcome, exit: number, message: RegExp): void {
  const evidence = evidenceIn(outcome);
  assertEquals([evidence.exit, outcome.code], [exit, exit]);
  assertEquals([evidence.verdict, evidence.experiments], ["INCONCLUSIVE", []]);
  assertMatch(evidence.error!.message, message);
  assert(
    outcome.stderr.includes(evidence.error!.message),
    "standard error has the message as well",
  );
}

const ERRORS: [args: string[], message: RegExp][] = [
  [["--json"], /No interface given/],
  [["--json", "nosuch0"], /ENODEV/],
  [["nosuch0", "--json"], /ENODEV/],
  [["--json", "--bogus", "lo"], /Unknown option "--bogus"/],
  [["--json", "-n", "0", "lo"], /--count/],
  [["--bogus", "--json", "-n", "0", "lo"], /Unknown option "--bogus"/],
];

for (const [args, message] of ERRORS) {
  Deno.test(`The error of "fdpass ${args.join(" ")}" is one JSON object, exit 2`, async () => {
    assertErrorReported(await here(args), 2, message);
  });
}

tests.add(
  { root: true },
  "The error of a run without root is one JSON object, exit 4",
  async () => {
    assertErrorReported(await here(["--json", "lo"], NOT_ROOT), 4, /uid 65534 without CAP_NET_RAW/);
  },
);

tests.add(
  { root: true },
  "The error of a run without CAP_NET_RAW is one JSON object, exit 4",
  async () => {
    assertErrorReported(await here(["--json", "lo"], WITHOUT_NET_RAW), 4, /without CAP_NET_RAW/);
  },
);

tests.add({ root: true }, "--quiet prints only the verdict", async () => {
  const { code, stdout, stderr } = await fdpass(["-q", "veth-fdpass"]);
  assertEquals(stdout, "PASS privilege-drop: 14 of 14 checks hold\n");
  assertEquals([code, stderr], [0, ""]);
});

tests.add(
  { root: true },
  "--verbose prints claim, source and evidence of every check",
  async () => {
    const { code, stdout } = await fdpass(["-v", "veth-fdpass"]);
    for (const row of ["claim:", "expected:", "source:", "evidence:"]) {
      assertEquals(
        stdout.split("\n").filter((line) => line.trim().startsWith(row)).length,
        14,
        row,
      );
    }
    for (const id of CHECKS) assert(stdout.includes(`✓ ${id} `), id);
    assertEquals(code, 0);
  },
);

const { version } = JSON.parse(Deno.readTextFileSync(`${ROOT}/deno.json`));

const WORDS: [args: string[], stdout: RegExp][] = [
  [["--list"], /^(\S+ +\S.*\? \(D\d+(, D\d+)*\)\n)+$/],
  [["-l"], /^privilege-drop /],
  [["--version"], new RegExp(`^fdpass ${RegExp.escape(version)}\n$`)],
  [["--help"], /^Usage: [^]*--experiment[^]*--json[^]*^Exit status:[^]*^ +70 /m],
  [["-h"], /^Usage: /m],
];

for (const [args, expected] of WORDS) {
  Deno.test(`"fdpass ${args.join(" ")}" needs neither root nor an interface`, async () => {
    const { code, stdout, stderr } = await here(args);
    assertMatch(stdout, expected);
    assertEquals([code, stderr], [0, ""]);
  });
}

Deno.test("--help names every option of the design", async () => {
  const { stdout } = await here(["--help"]);
  const long =
    "experiment list explain count timeout user stimulus receive harden json tap report " +
    "pcap trace quiet verbose no-color help version";
  for (const option of long.split(" ")) {
    assert(new RegExp(`^  (-., |    )--${option}\\b`, "m").test(stdout), option);
  }
});
