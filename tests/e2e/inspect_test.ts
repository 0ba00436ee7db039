/**
 * `inspect` as a user runs it: daemons that keep something, each found and named, and processes
 * that cannot be inspected.
 *
 * @module
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { lockFilter } from "../../ffi/packet/bpf.ts";
import { copyDescriptor } from "../../ffi/process/pidfd.ts";
import type { ExperimentEvidence } from "../../lib/evidence/evidence.ts";
import { NOBODY, startConfined } from "../support/confined_daemon.ts";
import { startDaemon } from "../support/daemon.ts";
import { ringTest } from "../ffi/io_uring/rings.ts";
import { testNeeding } from "../support/needs.ts";
import { evidenceIn } from "../support/programs.ts";
import { here, NOT_ROOT } from "./here.ts";
import { CONFINED, inspect } from "./inspecting.ts";
import { childrenOf, isFiltered, Running, until } from "./processes.ts";

const root = { root: true };
const compiled = { root: true, programs: { cc: "gcc" } };

/** A known hole that every call that sends leads to. */
const SENDING_HOLE = "CVE-2026-74582";

/** Whether the process reaches a known hole. */
function reachOf(cve: string, { process }: ExperimentEvidence): boolean | null | undefined {
  return process!.known_holes.find((hole) => hole.cve === cve)?.reachable;
}

testNeeding(
  compiled,
  "A daemon that dropped its privileges is a PASS, and NoNewPrivs 0 comes first",
  async () => {
    await using daemon = await startDaemon(["packet=1", "name=dropped", ...NOBODY, "threads=2"]);
    for (const options of [[], ["--ask"]]) {
      const { outcome, evidence, wrong, text } = await inspect(daemon.pid, ...options);
      assertEquals([outcome.code, outcome.stderr, wrong], [0, "", ["INSP-01 left out"]]);
      assertEquals([evidence.name, evidence.verdict], ["inspect", "PASS"]);
      assertEquals(evidence.title, `Process ${daemon.pid} (dropped)`);
      assertEquals(evidence.process!.packet_sockets.map(({ fds }) => fds), [[3]]);
      assertEquals(evidence.matrix!.columns, ["fd 3"]);
      assertEquals(evidence.process!.stopped_ms > 0, options.length > 0);
      assertEquals(reachOf(SENDING_HOLE, evidence), true);
      assertMatch(text, /^=== Inspection of .*===\n\n *! NoNewPrivs is 0/);
      assertStringIncludes(text, "✓ D24");
    }
  },
);

testNeeding(compiled, "One capability on one thread is found, and named", async () => {
  const capable = ["groups=", "gid=65534", "keep-capabilities", "uid=65534"];
  await using daemon = await startDaemon([
    ...["packet=1", "thread", ...capable, "capabilities=0x2000,0x2000,0", "end", ...NOBODY],
  ]);
  for (const options of [[], ["--ask"]]) {
    const { outcome, check, wrong, text } = await inspect(daemon.pid, ...options);
    assertEquals(outcome.code, 1);
    assertEquals(wrong, ["INSP-01 left out", "INSP-03 fail", "INSP-05 fail"]);
    assertMatch(text, /INSP-03 .*thread \d+ of 2/);
    assertMatch(check("INSP-03").observed, /CapEff 0000000000002000 \(CAP_NET_RAW\).* of 2/);
    assertMatch(
      text,
      /^=== .*===\n\n( +! .*\n)* +! thread \d+: CapEff .*CAP_NET_RAW/,
    );
  }
});

testNeeding(compiled, "A supplementary group is found, unless it is named", async () => {
  await using daemon = await startDaemon(["packet=1", "groups=42", "gid=65534", "uid=65534"]);
  const { outcome, check, wrong, text } = await inspect(daemon.pid);
  assertEquals([outcome.code, wrong], [1, ["INSP-01 left out", "INSP-04 fail"]]);
  assertEquals(check("INSP-04").observed, "group 42 on its one thread");
  assertStringIncludes(text, "group 42 on its one thread");
  assertEquals((await inspect(daemon.pid, "--groups", "42")).outcome.code, 0);
  assertEquals((await inspect(daemon.pid, "--groups", "0,43")).outcome.code, 1);
});

testNeeding(
  compiled,
  "A second packet socket that is mapped alone is found, and named",
  async () => {
    await using daemon = await startDaemon(["packet=1", "packet=1", "map-ring=4", ...NOBODY]);
    const { outcome, check, wrong, text } = await inspect(daemon.pid);
    assertEquals([outcome.code, wrong], [1, ["INSP-01 left out", "INSP-07 fail"]]);
    assertMatch(check("INSP-07").observed, /^packet socket socket:\[\d+\] is mapped as a ring/);
    assertMatch(text, /INSP-07 packet socket .* mapped as a ring/);
  },
);

testNeeding(compiled, "A second packet socket in flight leaves the question open", async () => {
  await using daemon = await startDaemon(["packet=1", "packet=1", "in-flight=4", ...NOBODY]);
  const { outcome, check, wrong, text } = await inspect(daemon.pid);
  assertEquals([outcome.code, wrong], [4, ["INSP-01 left out", "INSP-07 skip"]]);
  assertMatch(check("INSP-07").observed, /1 in flight .*packet socket socket:\[\d+\]/);
  assertMatch(text, /INSP-07 1 in flight/);
});

testNeeding(
  compiled,
  "Beside another daemon's packet socket, only asking shows that a ring does not use it",
  async () => {
    await using _other = await startDaemon(["packet=1"]);
    await using daemon = await startDaemon(["packet=1", ...NOBODY]);
    const { outcome, check, wrong } = await inspect(daemon.pid);
    assertEquals([outcome.code, wrong], [0, ["INSP-01 left out", "INSP-07 left out"]]);
    assertMatch(check("INSP-07").observed, /packet sockets of other processes .*--ask/);
    assertEquals((await inspect(daemon.pid, "--ask")).outcome.code, 0);
  },
);

testNeeding(compiled, "A daemon that can only receive is confined", async () => {
  await using daemon = await startConfined();
  const { outcome, evidence, wrong, text } = await inspect(daemon.pid, ...CONFINED);
  assertEquals(reachOf(SENDING_HOLE, evidence), false);
  // Its socket is pinned, and it can close it.
  assertEquals(reachOf("CVE-2026-31504", evidence), true);
  assertEquals([wrong, outcome.code], [[], 0]);
  assertStringIncludes(text, "can only receive");
  await daemon.run("name=still"); // it goes on
});

testNeeding(compiled, "A raw socket beside it leaves open whether it only receives", async () => {
  await using daemon = await startConfined({ before: ["raw"] });
  const { outcome, check, wrong } = await inspect(daemon.pid, ...CONFINED);
  assertEquals([outcome.code, wrong], [4, ["INSP-09 skip"]]);
  assertMatch(check("INSP-09").observed, /descriptor 4 is a raw socket/);
  assertEquals((await inspect(daemon.pid, "--ask")).outcome.code, 0);
});

testNeeding(
  compiled,
  "A filter that lets one sending call through is found, by its operation",
  async () => {
    await using daemon = await startConfined({
      policy: ({ rules, otherwise }) => ({
        rules: [{ syscall: "sendmmsg", action: "allow", reason: "a defect" }, ...rules],
        otherwise,
      }),
    });
    const { outcome, check, wrong, text } = await inspect(daemon.pid, ...CONFINED);
    assertEquals([outcome.code, wrong], [1, ["INSP-09 fail"]]);
    assertEquals(check("INSP-09").observed, "allowed: send-messages (fd 3)");
    assertMatch(text, /INSP-09 .*send-messages/);
    assertEquals(
      (await inspect(daemon.pid, "--ask")).outcome.code,
      0,
      "its privileges are dropped",
    );
  },
);

testNeeding(compiled, "A locked filter on one of two sockets is found, and named", async () => {
  await using confined = await startConfined({ sockets: 2, unlocked: [4] });
  const { check } = await inspect(confined.pid, ...CONFINED);
  assertEquals(check("INSP-10").observed, "the filter of fd 4 is not locked");

  await using daemon = await startDaemon(["packet=1", "packet=1", ...NOBODY]);
  {
    using copy = copyDescriptor(daemon.pid, 4);
    lockFilter(copy.fd);
  }
  const { evidence, text } = await inspect(daemon.pid);
  assertEquals(
    evidence.process!.packet_sockets.map(({ fds, locked }) => [fds, locked]),
    [[[3], false], [[4], true]],
  );
  const { cells } = evidence.matrix!.rows.find(({ operation }) => operation === "attach-filter")!;
  assertEquals([cells["fd 3"].outcome, cells["fd 4"].outcome], ["allowed", "EPERM"]);
  assertEquals(cells["fd 4"].wall, "lock");
  assertMatch(text, /fd 4: [^]*locked/);
});

testNeeding(compiled, "A root daemon is refuted, and not asked what would succeed", async () => {
  await using daemon = await startDaemon(["packet=1"]);
  const { outcome, check, wrong } = await inspect(daemon.pid, "--ask");
  assertEquals(outcome.code, 1);
  for (const id of ["02", "03", "04", "05", "06"]) assert(wrong.includes(`INSP-${id} fail`), id);
  assertMatch(check("INSP-02").observed, /uid 0 \(real, effective, saved, filesystem\)/);
  await daemon.run("name=still"); // it goes on
});

ringTest(
  "A ring that shows nowhere, with root's credentials, is no PASS if it is asked",
  async () => {
    if (Deno.uid() !== 0) return;
    await using daemon = await startDaemon(["packet=1", "ring-without-trace", ...NOBODY]);
    const { outcome, check, wrong } = await inspect(daemon.pid, "--ask");
    assertEquals([outcome.code, wrong], [
      4,
      ["INSP-01 left out", "INSP-05 skip", "INSP-06 skip"],
    ]);
    assertMatch(check("INSP-05").observed, /io_uring that shows nowhere.* has used one/);
    const { text } = await inspect(daemon.pid);
    assertStringIncludes(text, "But only --ask tells whether an io_uring that shows nowhere");
  },
);

for (const [relay, id] of [["relay", "INSP-02"], ["relay-of-processes", "INSP-06"]]) {
  testNeeding(compiled, `Root that hides in a ${relay} of short lives is no PASS`, async () => {
    await using daemon = await startDaemon(["packet=1", relay, ...NOBODY]);
    for (const options of [[], ["--ask"]]) {
      const { outcome, check } = await inspect(daemon.pid, ...options);
      assert([1, 4].includes(outcome.code), outcome.stdout);
      assert(check(id).status !== "pass", check(id).observed);
    }
  });
}

testNeeding(root, "The hardened worker of fdpass itself is confined", async () => {
  const place = "ip link set lo up && ip link add near type veth peer name far && " +
    'ip link set near up && ip link set far up && exec "$0" "$@"';
  await using run = new Running([
    ...["unshare", "--net", "sh", "-c", place, Deno.execPath(), "run", "-A", "main.ts"],
    ...["--harden", "--stimulus", "none", "-t", "30", "near"],
  ]);
  const worker = () => descendants(run.pid).find(isFiltered);
  await until("the worker has its filter", () => worker() !== undefined, 20_000);
  let inspected = await inspect(worker()!, ...CONFINED);
  while (/traces it already/.test(inspected.outcome.stdout)) { // fdpass, with its own questions
    inspected = await inspect(worker()!, ...CONFINED);
  }
  const { outcome, check, wrong } = inspected;
  assertEquals([wrong, outcome.code], [[], 0], check("INSP-09").observed);
});

testNeeding(compiled, "A hostile name cannot forge a line of the report", async () => {
  await using daemon = await startDaemon(["name=a\n✓ D24\x1b[2J", ...NOBODY]);
  const folder = await Deno.makeTempDir();
  try {
    const page = `${folder}/page.html`;
    const outcome = await here(["inspect", "--report", page, String(daemon.pid)]);
    assertEquals([outcome.code, outcome.stderr], [0, ""]);
    assertEquals(outcome.stdout.match(/^✓ D24/gm)?.length, 1);
    assertEquals(outcome.stdout.includes("\x1b"), false);
    assertMatch(await Deno.readTextFile(page), /^<!DOCTYPE html>[^]*Process \d+[^]*<\/html>\n$/);
    const tap = await here(["inspect", "--tap", String(daemon.pid)]);
    assertMatch(tap.stdout, /^KTAP version 1\n1\.\.1\n[^]*\nok 1 - inspect[^\n]*\n$/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** The descendants of a process. */
function descendants(pid: number): number[] {
  return childrenOf(pid).flatMap((child) => [child, ...descendants(child)]);
}

testNeeding(
  compiled,
  "--tree and several processes: each has a verdict, and the worst counts",
  async () => {
    await using daemon = await startDaemon(["packet=1", "fork", ...NOBODY, "end"]);
    const [child] = childrenOf(daemon.pid);
    const outcome = await here(["inspect", "--json", "--tree", String(daemon.pid)]);
    const { experiments, verdict } = evidenceIn(outcome);
    assertEquals(experiments.map(({ process, verdict }) => [process!.pid, verdict]), [
      [daemon.pid, "FAIL"],
      [child, "PASS"],
    ]);
    assertEquals([verdict, outcome.code], ["FAIL", 1]);
    const two = await here(["inspect", "-q", String(child), String(daemon.pid)]);
    assertMatch(two.stdout, /^PASS inspect: .*\nFAIL inspect: .*\n.*1 of 2 inspections/);
  },
);

testNeeding(root, "--tree leaves fdpass itself out, which the tree may have started", async () => {
  const shell = ["sh", "-c", '"$@" "$$"; exit "$?"', "sh"];
  const outcome = await here(["inspect", "--json", "--tree"], shell);
  const { experiments } = evidenceIn(outcome);
  assertEquals(experiments.map(({ process }) => process?.name), ["sh"]);
});

/** Processes that cannot be inspected, each with its reason. */
async function assertNoAnswer(pid: number, reason: RegExp): Promise<void> {
  const { outcome, evidence, wrong } = await inspect(pid);
  assertEquals(outcome.code, 4, outcome.stdout);
  assertMatch(outcome.stderr, reason);
  assertEquals([evidence.verdict, evidence.process], ["INCONCLUSIVE", null]);
  assertMatch(evidence.error!, reason);
  assertEquals(wrong.length, evidence.checks.length, "every check is skipped");
  assert(wrong.every((each) => each.endsWith(" skip")));
}

testNeeding(root, "No such process: exit 4, and the others are inspected", async () => {
  await assertNoAnswer(4194304, /4194304/);
  const outcome = await here(["inspect", "--json", "4194304", String(Deno.pid)]);
  const { experiments, error } = evidenceIn(outcome);
  assertEquals(experiments.map(({ process }) => process?.pid), [undefined, Deno.pid]);
  assertEquals([outcome.code, error], [1, null]);
});

testNeeding(root, "fdpass itself: exit 4", async () => {
  const itself = ["sh", "-c", 'exec "$@" "$$"', "sh"];
  const outcome = await here(["inspect", "--json"], itself);
  assertEquals(outcome.code, 4, outcome.stdout);
  assertMatch(outcome.stderr, /itself/);
});

testNeeding(root, "Without permission: exit 4, with the remedy", async () => {
  const outcome = await here(["inspect", String(Deno.pid)], NOT_ROOT);
  assertEquals(outcome.code, 4, outcome.stdout);
  assertMatch(outcome.stderr, /\n {2}.*(sudo|root)/);
});

testNeeding({}, "A wrong process id: exit 2, and nothing is inspected", async () => {
  const outcome = await here(["inspect", "--json", "tcpdump"]);
  assertMatch(outcome.stderr, /"tcpdump" is not a process id/);
  assertEquals([outcome.code, evidenceIn(outcome).experiments], [2, []]);
  const group = await here(["inspect", "--groups", "no-such-group", "1"]);
  assertMatch(group.stderr, /--groups: there is no group "no-such-group"/);
  assertEquals(group.code, 2);
});

testNeeding(
  { root: true, programs: { strace: "strace", perl: "perl" } },
  "Without --ask the calls of the process go on as before",
  async () => {
    const trace = await Deno.makeTempFile();
    const program = "for (1 .. 3000) { select(undef, undef, undef, 0.01) }"; // half a minute
    await using straced = new Running([
      ...["strace", "-f", "-ttt", "-o", trace, "perl", "-e", program],
    ]);
    const lines = () => Deno.readTextFileSync(trace).split("\n");
    const sleeps = () => lines().filter((line) => /select\d?\(/.test(line));
    await until("it sleeps", () => sleeps().length > 3, 10_000);
    const before = lines().length;
    const [perl] = childrenOf(straced.pid);
    for (let i = 0; i < 3; i++) await inspect(perl);
    const during = lines().slice(before, -1);
    Deno.kill(perl, "SIGKILL"); // it would outlive strace
    assert(during.length > 20, `${during.length} calls`);
    assertEquals(during.filter((line) => !/select\d?\(.*= 0 \(Timeout\)$/.test(line)), []);
    await Deno.remove(trace);
  },
);
