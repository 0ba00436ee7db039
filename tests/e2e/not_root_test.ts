/** A parent that is not root: the same answers, with capabilities in place of uid 0. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { evidenceIn, inNamespace, type Outcome } from "../support/programs.ts";
import { asService, ENOUGH, LEAST, SERVICE_DENO } from "../support/service.ts";
import { TestsAhead } from "../support/tests_ahead.ts";

const needs = { root: true, programs: { ip: "iproute2", setpriv: "util-linux" } };
const tests = new TestsAhead();

/** Runs fdpass as a service. */
function run(
  capabilities: readonly string[],
  args: readonly string[],
  options: readonly string[] = [],
): Promise<Outcome> {
  const program = [SERVICE_DENO, "run", "-A", "main.ts", ...args, "veth-fdpass"];
  return inNamespace([...asService(capabilities, options), ...program]);
}

tests.add(
  needs,
  "A service with five capabilities: PASS, and the control of the trap",
  async () => {
    const { code, stdout, stderr } = await run(ENOUGH, []);
    assertEquals([code, stderr], [0, ""], stdout);
    assertMatch(
      stdout,
      /^ {2}Running as: \S+ \(UID 1001\) with CAP_KILL, CAP_NET_RAW, CAP_SETGID, CAP_SETUID, CAP_SYS_PTRACE$/m,
    );
    assertMatch(stdout, /DROP-04 no capability on \d+ threads; control: .* left CAP_NET_RAW$/m);
    assertMatch(stdout, /DROP-05 .*; control: .* setresuid gave uid 0$/m);
    assertStringIncludes(stdout, "[Child/Privileged] Dropping all privileges...");
    assertStringIncludes(stdout, "[Child/Unprivileged] Verifying CAP_NET_RAW is gone...");
  },
);

tests.add(needs, "NoNewPrivileges= of the unit changes nothing", async () => {
  const { code, stdout } = await run(ENOUGH, [], [
    "--no-new-privs",
    `--bounding-set=-all,${ENOUGH.map((name) => `+${name}`)}`,
  ]);
  assertEquals(code, 0, stdout);
});

tests.add(needs, "A service without CAP_KILL: PASS, since CAP_SETUID does as well", async () => {
  const { code, stdout } = await run([...LEAST, "sys_ptrace"], []);
  assertEquals(code, 0, stdout);
});

tests.add(
  needs,
  "A service with the three of a supervisor: INCONCLUSIVE, and the remedy",
  async () => {
    const outcome = await run(LEAST, ["--json"]);
    const { verdict, environment, experiments: [{ checks, error }] } = evidenceIn(outcome);
    assertEquals([verdict, outcome.code], ["INCONCLUSIVE", 4]);
    assertStringIncludes(environment.running_as, "with CAP_NET_RAW, CAP_SETGID, CAP_SETUID");
    assertMatch(
      error ?? "",
      /CAP_SYS_PTRACE is missing \(in a unit: AmbientCapabilities=CAP_NET_RAW CAP_SETUID CAP_SETGID CAP_SYS_PTRACE CAP_KILL\)/,
    );
    const byStatus = Map.groupBy(checks, ({ status }) => status);
    assertEquals([...byStatus.keys()].sort(), ["pass", "skip"]);
    assertEquals(byStatus.get("pass")!.map(({ id }) => id), [
      ...["SOCK-01", "SOCK-02", "PASS-01", "PASS-02", "PASS-03"],
    ]);
    const seen = checks.find(({ id }) => id === "DROP-04")!.observed ?? "";
    assertMatch(seen, /^no capability on \d+ threads, in passing: /);
  },
);

tests.add(
  needs,
  "A service with two capabilities: exit 4, and the message names the third",
  async () => {
    const { code, stdout, stderr } = await run(["net_raw", "setuid"], []);
    assertEquals([code, stdout], [4, ""]);
    assertMatch(
      stderr,
      /^fdpass: uid 1001 without CAP_SETGID: .*AmbientCapabilities=CAP_NET_RAW .*\)\n {2}sudo /,
    );
  },
);

tests.add(
  needs,
  "A hardened run of a service lacks CAP_SYS_ADMIN, and refutes nothing",
  async () => {
    const outcome = await run(ENOUGH, ["--harden", "--json"]);
    const { verdict, experiments: [{ checks }] } = evidenceIn(outcome);
    assertEquals(verdict, "INCONCLUSIVE");
    assertEquals(checks.filter(({ status }) => status === "fail"), []);
    const confined = checks.find(({ id }) => id === "HARD-01")!;
    assertEquals(confined.status, "pass"); // its bounding set is not empty: there is no CAP_SETPCAP
    assert(checks.some(({ observed }) => observed?.includes("CAP_SYS_ADMIN is missing")));
  },
);

tests.add(needs, "A hardened run of a service with CAP_SYS_ADMIN: PASS", async () => {
  const { code, stdout } = await run([...ENOUGH, "sys_admin"], ["--harden"]);
  assertEquals(code, 0, stdout);
});

for (
  const { what, capabilities, refuted } of [
    {
      what: "is refuted",
      capabilities: ENOUGH,
      refuted: ["DROP-04", "DROP-05", "DENY-01"],
    },
    { what: "is refuted in passing", capabilities: LEAST, refuted: ["DROP-04"] },
  ]
) {
  tests.add(needs, `A drop by setgroups, setresgid and setresuid alone ${what}: FAIL`, async () => {
    const program = [SERVICE_DENO, "run", "-A", "tests/refutations/run.ts"];
    const outcome = await inNamespace([
      ...asService(capabilities),
      ...[...program, "privilege-drop/capabilities-kept"],
    ]);
    const { verdict, experiments: [{ checks }] } = evidenceIn(outcome);
    assertEquals([verdict, outcome.code], ["FAIL", 1]);
    const failed = checks.filter(({ status }) => status === "fail").map(({ id }) => id);
    assertEquals(failed.filter((id) => refuted.includes(id)), refuted);
    assertMatch(checks.find(({ id }) => id === "DROP-04")!.observed ?? "", /CapEff.*20c0/);
  });
}

/**
 * Starts a command, waits until it has started another, and tries to read its memory's beginning
 * with the credentials that a child has before its drop.
 */
const READ_ENVIRONMENT = `
"$@" >/dev/null 2>&1 &
for i in {1..500}; do
  [ -n "$(cat /proc/$!/task/*/children)" ] && break
  sleep 0.01
done
head -c 1 /proc/$!/environ >/dev/null 2>&1 && echo readable || echo refused
kill -KILL $!
`;

tests.add(needs, "A process with the credentials of a child cannot trace the parent", async () => {
  const read = async (command: readonly string[]) => {
    const words = ["bash", "-c", READ_ENVIRONMENT, "bash", ...command];
    const { stdout } = await inNamespace([...asService(LEAST), ...words]);
    return stdout.trim();
  };
  const fdpass = [SERVICE_DENO, "run", "-A", "main.ts", "veth-fdpass"];
  assertEquals(await read(["sh", "-c", "sleep 1; true"]), "readable"); // the control
  assertEquals(await read(fdpass), "refused");
});
