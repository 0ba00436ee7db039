/** The results of the experiment `supervisor`, and its ends. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { testNeeding } from "../support/needs.ts";
import { evidenceIn, fdpass, inNamespace, type Outcome } from "../support/programs.ts";
import { FDPASS } from "./here.ts";
import { childrenOf, hasEnded, Running, uidOf, until } from "./processes.ts";

const needs = { root: true, programs: { ip: "iproute2", setpriv: "util-linux" } };
const PATIENT = { timeout: 120_000 };
const PLAN = Array.from({ length: 9 }, (_, i) => `SUPER-0${i + 1}`);
const FEW = ["--kills", "3"];

const run = (...args: string[]): Promise<Outcome> =>
  fdpass(["-e", "supervisor", ...args, "veth-fdpass"], PATIENT);

async function passed(...args: string[]) {
  const outcome = await run("--json", ...FEW, ...args);
  const { verdict, experiments: [experiment] } = evidenceIn(outcome);
  const open = experiment.checks.filter(({ status }) => status !== "pass")
    .map(({ id, observed }) => [id, observed]);
  assertEquals([experiment.error, open], [null, []]);
  assertEquals([outcome.code, outcome.stderr, verdict], [0, "", "PASS"]);
  assertEquals(experiment.checks.map(({ id }) => id as string).sort(), PLAN);
  return experiment;
}

testNeeding(
  needs,
  "supervisor is PASS, exit 0, with figures that account for every frame",
  async () => {
    const { figures, decisions, checks } = await passed();
    assertEquals(decisions, ["D18", "D24"]);
    assertEquals([figures.kills, figures.lost, figures.received_twice], [3, 0, 0]);
    assert(figures.sent > 1000 && figures.received_once === figures.sent);
    assertEquals(figures.gap_ms_allowed, 8184);
    for (const worker of [1, 2, 3]) {
      assert(figures[`worker ${worker}: frames`] > 0 && figures[`worker ${worker}: starts`] > 0);
      assertEquals(figures[`worker ${worker}: drops`], 0);
    }
    const observed = (id: string) => checks.find((check) => check.id === id)!.observed;
    assertMatch(observed("SUPER-07"), /^[1-5] lost in 5 kills: [1-5] in hand, 0 dropped/);
    assertMatch(observed("SUPER-08"), /^\d+ of \d+ lost in 5 kills$/);
  },
);

testNeeding(
  { root: true, programs: { ...needs.programs, strace: "strace" } },
  "supervisor reports that another tracer keeps it from reading its workers' filters",
  async () => {
    const strace = ["strace", "-f", "--seccomp-bpf", "-e", "trace=setns", "-o", "/dev/null"];
    const args = ["-e", "supervisor", ...FEW, "-t", "60", "--json", "veth-fdpass"];
    const outcome = await inNamespace([...strace, ...FDPASS, ...args], PATIENT);
    const { verdict, experiments: [{ checks }] } = evidenceIn(outcome);
    assertEquals([outcome.code, verdict], [0, "PASS"]);
    const [{ observed }] = checks.filter(({ id }) => id === "SUPER-01");
    assertMatch(observed, /, as far as can be seen: The filter cannot be read: ptrace: .*EPERM/);
  },
);

testNeeding(needs, "supervisor's text report lists its steps in order", async () => {
  const { code, stdout, stderr } = await run(...FEW);
  assertEquals([code, stderr.replace(/^supervisor: .*\n/gm, "")], [0, ""]);
  const lines = stdout.split("\n").map((line) => line.replace(/\d+/g, "N"));
  const expected = [
    "=== Supervisor Experiment ===",
    "[Parent/Privileged] Starting N workers, each with a socket of a fanout group...",
    "  ✓ Workers are serving (PIDs: N, N)",
    "[Parent/Privileged] Killing workers N times while N frames per second arrive...",
    "  ✓ N workers killed, each succeeded by another",
    "[Parent/Privileged] Replacing a worker in a planned handover...",
    "[Parent/Privileged] Adding a worker, then removing it...",
    "[Parent/Privileged] Giving up a worker that cannot start...",
    "[Parent/Privileged] Accounting for every frame...",
    "  ✓ N sent, N received once, N twice, N lost",
    "[Parent/Privileged] The control: workers that receive by recvfrom...",
    "[Parent/Privileged] The control: sockets that are closed and reopened...",
    "✓ SUCCESS: Workers die, packets do not!",
    "✓ DN (Supervisor) is viable, with kept sockets and rings",
  ];
  assertEquals(expected.filter((line) => !lines.includes(line)), []);
  const places = expected.map((line) => lines.indexOf(line));
  assertEquals(places, [...places].sort((a, b) => a - b));
});

for (const workers of [1, 4]) {
  testNeeding(needs, `supervisor --workers ${workers} is PASS`, async () => {
    const { figures } = await passed("--workers", String(workers));
    assert(figures[`worker ${workers}: frames`] > 0);
  });
}

for (const mode of ["cpu", "lb", "qm"]) {
  testNeeding(needs, `supervisor --fanout ${mode} is PASS`, async () => {
    await passed("--fanout", mode);
  });
}

testNeeding(
  needs,
  "A range of users that is too short is an error before anything starts: exit 2",
  async () => {
    const { code, stdout, stderr } = await run("--workers", "4", "--user", "60001-60004:65534");
    assertEquals(code, 2);
    assertMatch(stderr, /--user: 5 users are needed, for 4 workers and one more, not 4/);
    assertEquals(stdout.includes("Starting"), false);
  },
);

/** A run where its processes can be seen: in a network namespace of its own, and in no other. */
function started(...args: string[]): Running {
  const setUp = "ip link add veth-fdpass type veth peer name veth-fdpass-far && " +
    'ip link set veth-fdpass up && ip link set veth-fdpass-far up && exec "$0" "$@"';
  const command = [...FDPASS, "-e", "supervisor", ...args, "veth-fdpass"];
  return new Running(["unshare", "--net", "sh", "-c", setUp, ...command]);
}

const workersOf = (run: Running) =>
  childrenOf(run.pid).filter((pid) => (uidOf(pid) ?? 0) !== 0 && !hasEnded(pid));

testNeeding(needs, "supervisor --user FIRST-LAST gives each worker a uid of its own", async () => {
  await using running = started("--kills", "1000", "--workers", "4", "--user", "60001-60008:65534");
  const uids = () => [...new Set(workersOf(running).map((pid) => uidOf(pid)))].sort();
  await until("four workers, each with its uid", () => uids().length === 4, 30_000);
  assertEquals(uids().every((uid) => uid! >= 60001 && uid! <= 60004), true);
});

testNeeding(
  needs,
  "SIGINT in the middle ends supervisor and its workers: exit 1, with nothing left behind",
  async () => {
    await using running = started("--kills", "1000");
    await until("two workers", () => workersOf(running).length === 2, 30_000);
    const workers = workersOf(running);
    Deno.kill(running.pid, "SIGINT");
    const { code, stdout } = await running.ended();
    assertEquals(code, 1);
    assertMatch(stdout, /SIGINT/);
    assertEquals(workers.filter((pid) => !hasEnded(pid)), []);
  },
);

for (const [what, isHung] of [["", false], [", hung ones too", true]] as const) {
  testNeeding(needs, `SIGKILL of the supervisor ends its workers${what}`, async () => {
    await using running = started("--kills", "1", "--rate", "100");
    await until("two workers", () => workersOf(running).length === 2, 30_000);
    // Ready ones: both are under the filter.
    const isReady = (pid: number) =>
      /^Seccomp:\s*2$/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
    await until("two that are ready", () => {
      const workers = workersOf(running);
      return workers.length === 2 && workers.every(isReady);
    }, 30_000);
    const all = childrenOf(running.pid);
    if (isHung) workersOf(running).forEach((pid) => Deno.kill(pid, "SIGSTOP"));
    Deno.kill(running.pid, "SIGKILL");
    await running.ended();
    await until("all have ended", () => all.every(hasEnded), 10_000);
  });
}
