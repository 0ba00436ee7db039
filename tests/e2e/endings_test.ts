/**
 * Every way to end early: at once or within the timeout, with the right status, and without an orphan.
 *
 * The runs wait for traffic on the `lo` of a network namespace of their own, where there is none. They are not in a PID
 * namespace: its end would take an orphan with it.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { testNeeding } from "../support/needs.ts";
import { evidenceIn, inNamespace, type Outcome } from "../support/programs.ts";
import { FDPASS } from "./here.ts";
import { childrenOf, hasEnded, Running, sessionOf, uidOf, until } from "./processes.ts";

const NOBODY = 65534;
const root = { root: true, programs: { ip: "iproute2" } };

/** Where a run waits, and with whom. */
interface Waiting {
  readonly run: Running;
  readonly child: number;
}

/** A run in a silent place; each word of `before` replaces the process by a program, so its pid stays. */
function inSilence(args: readonly string[], before: readonly string[] = []): Running {
  const place = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$0" "$@"'];
  return new Running([...before, ...place, ...FDPASS, "--stimulus", "none", ...args, "lo"]);
}

/** Waits until a run waits for packets: the child has dropped its privileges. */
async function waiting(run: Running): Promise<Waiting> {
  const dropped = () => childrenOf(run.pid).find((pid) => uidOf(pid) === NOBODY);
  await until("the child is nobody", () => dropped() !== undefined, 5000);
  await new Promise((resolve) => setTimeout(resolve, 100));
  return { run, child: dropped()! };
}

/** The outcome of a run, which must end within so many milliseconds, its child with it. */
async function endOf({ run, child }: Waiting, limit: number) {
  const started = performance.now();
  const outcome = await run.ended();
  const took = performance.now() - started;
  assert(took < limit, `it took ${Math.round(took)} ms`);
  assert(hasEnded(child), "no orphan");
  return { ...outcome, took };
}

function assertFailed({ code, stdout, stderr }: Outcome, message: RegExp): void {
  assertEquals(code, 1);
  assertMatch(stdout + stderr, message);
  assertMatch(stdout, /✗ FAILURE/);
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  testNeeding(root, `${signal} ends a waiting run at once: exit 1`, async () => {
    await using run = inSilence(["-t", "8"]);
    const place = await waiting(run);
    Deno.kill(run.pid, signal);
    assertFailed(await endOf(place, 1000), new RegExp(signal));
  });
}

testNeeding(root, "Ctrl-C, which parent and child both get, is exit 1 as well", async () => {
  await using run = inSilence(["-t", "8"], ["setsid"]);
  const place = await waiting(run);
  Deno.kill(-run.pid, "SIGINT");
  assertFailed(await endOf(place, 1000), /SIGINT/);
});

testNeeding(root, "A signal is reported in --json as well", async () => {
  await using run = inSilence(["-t", "8", "--json"]);
  const place = await waiting(run);
  Deno.kill(run.pid, "SIGTERM");
  const outcome = await endOf(place, 1000);
  const { verdict, exit, experiments: [{ error }] } = evidenceIn(outcome);
  assertEquals([verdict, exit, outcome.code], ["FAIL", 1, 1]);
  assertMatch(error ?? "", /SIGTERM/);
});

testNeeding(root, "A signal at any moment ends the run: never exit 0, and no orphan", async () => {
  for (let moment = 0; moment < 200; moment += 20) {
    await using run = inSilence(["-t", "8"], ["setsid"]);
    await new Promise((resolve) => setTimeout(resolve, moment));
    Deno.kill(run.pid, "SIGTERM");
    const { code } = await run.ended();
    assert(code !== 0, `exit ${code} after ${moment} ms`);
    await until("all have ended", () => sessionOf(run.pid).every(hasEnded), 1000);
  }
});

testNeeding(root, "The child ends within a second of the parent's SIGKILL", async () => {
  await using run = inSilence(["-t", "8"]);
  const { child } = await waiting(run);
  Deno.kill(run.pid, "SIGKILL");
  await until("the child has ended", () => hasEnded(child), 1000);
  assertEquals((await run.ended()).signal, "SIGKILL");
});

for (const signal of ["SIGKILL", "SIGTERM", "SIGABRT", "SIGALRM"] as const) {
  testNeeding(root, `A child ended by ${signal} ends the run at once: exit 1`, async () => {
    await using run = inSilence(["-t", "8"]);
    const place = await waiting(run);
    Deno.kill(place.child, signal);
    assertFailed(await endOf(place, 1000), new RegExp(signal));
  });
}

testNeeding(root, "A stopped child ends the run at the timeout: exit 1", async () => {
  await using run = inSilence(["-t", "2"]);
  const place = await waiting(run);
  Deno.kill(place.child, "SIGSTOP");
  const outcome = await endOf(place, 3000);
  assertFailed(outcome, /[Tt]ime ran out|in time/);
  assert(outcome.took > 500, "it waits for the child");
});

testNeeding(root, "A stopped child does not keep a signal from ending the run", async () => {
  await using run = inSilence(["-t", "8"]);
  const place = await waiting(run);
  Deno.kill(place.child, "SIGSTOP");
  Deno.kill(run.pid, "SIGTERM");
  assertFailed(await endOf(place, 1000), /SIGTERM/);
});

testNeeding(
  root,
  "No stimulus and no traffic are INCONCLUSIVE, within the timeout: exit 4",
  async () => {
    await using run = inSilence(["-t", "1", "--json"]);
    const outcome = await endOf(await waiting(run), 1500);
    const { verdict, exit, experiments: [{ checks }] } = evidenceIn(outcome);
    assertEquals([verdict, exit, outcome.code], ["INCONCLUSIVE", 4, 4]);
    const open = checks.filter(({ status }) => status !== "pass").map((
      { id, status },
    ) => [id, status]);
    assertEquals(open, [["RECV-01", "skip"], ["RECV-02", "skip"], ["RECV-03", "skip"]]);
  },
);

testNeeding(root, "An INCONCLUSIVE run says what would help", async () => {
  await using run = inSilence(["-t", "1"]);
  const { code, stdout } = await run.ended();
  assertEquals(code, 4);
  assertMatch(stdout, /INCONCLUSIVE[^]*traffic[^]*--stimulus/);
});

testNeeding({ root: true }, "Too little time for what was asked is no PASS", async () => {
  const outcome = await inNamespace([...FDPASS, "--json", "-t", "0.05", "veth-fdpass"]);
  assert([1, 4].includes(outcome.code), `exit ${outcome.code}`);
  assertEquals(evidenceIn(outcome).exit, outcome.code);
});

/** What a shell does with standard output, and the exit statuses that are right then. */
const OUTPUTS: [what: string, redirection: string, codes: number[]][] = [
  ["goes to /dev/null", ">/dev/null", [0]],
  ["goes to a reader that is gone", "| true", [4]],
  ["goes to a reader of one line", "| head -1 >/dev/null", [0, 4]],
  ["goes to a full disk", ">/dev/full", [4]],
  // The runtime has opened /dev/null in its place before fdpass begins: the two cannot be told apart.
  ["is closed", ">&-", [0, 4]],
  ["and standard error are closed", ">&- 2>&-", [0, 4]],
];

for (const [what, redirection, codes] of OUTPUTS) {
  testNeeding({ root: true }, `Standard output ${what}: exit ${codes.join(" or ")}`, async () => {
    const text = `"$0" "$@" ${redirection}; exit \${PIPESTATUS[0]}`;
    const started = performance.now();
    const { code } = await inNamespace(["bash", "-c", text, ...FDPASS, "veth-fdpass"]);
    assert(performance.now() - started < 5000, "it does not hang");
    assert(codes.includes(code), `exit ${code}`);
  });
}
