/**
 * Every early end: at once or within the timeout, with the right status, and without an orphan.
 *
 * The runs wait for traffic on the `lo` of their own network namespace, where there is none, or
 * receive without end on a veth pair. They have no PID namespace, whose end would kill an orphan.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { TestsAhead } from "../support/tests_ahead.ts";
import { evidenceIn, inNamespace, type Outcome, runProgram } from "../support/programs.ts";
import { FDPASS } from "./here.ts";
import {
  childrenOf,
  hasEnded,
  isFiltered,
  NetworkNamespace,
  processesWith,
  Running,
  uidOf,
  until,
} from "./processes.ts";
import { pause } from "../support/pause.ts";

const NOBODY = 65534;
const root = { root: true, programs: { ip: "iproute2" } };
const hardening = { root: true, programs: { ip: "iproute2", setpriv: "util-linux" } };
const tests = new TestsAhead();

/** A timeout that no test reaches. */
const LONG = ["-t", "60"] as const;

/** The limit for "at once" on a loaded machine, in milliseconds: far less than {@linkcode LONG}. */
const AT_ONCE = 20_000;

/** A run that waits for packets, and its child. */
interface Waiting {
  readonly run: Running;
  readonly child: number;
}

/**
 * Starts a run without traffic. Each command of `before` replaces the process by a program, so its
 * PID stays.
 */
function inSilence(args: readonly string[], before: readonly string[] = []): Running {
  const place = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$0" "$@"'];
  return new Running([...before, ...place, ...FDPASS, "--stimulus", "none", ...args, "lo"]);
}

/**
 * Starts a run that receives its stimulus for longer than any test takes, as {@linkcode inSilence}.
 */
function inTraffic(args: readonly string[]): Running {
  const setUp = "ip link add near type veth peer name far && ip link set near up && " +
    'ip link set far up && exec "$0" "$@"';
  return new Running(
    ["unshare", "--net", "sh", "-c", setUp, ...FDPASS, "-n", "100000", ...args, "near"],
  );
}

/** Waits until a run waits for packets, when the child has dropped its privileges. */
async function waiting(run: Running): Promise<Waiting> {
  const dropped = () => childrenOf(run.pid).find((pid) => uidOf(pid) === NOBODY);
  await until("the child is nobody", () => dropped() !== undefined, AT_ONCE);
  await pause(100);
  return { run, child: dropped()! };
}

/** The outcome of a run, which must end with its child within a limit in milliseconds. */
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

/** Nothing is refuted, and the reason is reported. */
function assertOpen({ code, stdout, stderr }: Outcome, message: RegExp): void {
  assertEquals(code, 4, stdout);
  assertMatch(stdout + stderr, message);
  assertMatch(stdout, /– INCONCLUSIVE/);
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  tests.add(root, `${signal} ends a waiting run at once: exit 4`, async () => {
    await using run = inSilence([...LONG]);
    const place = await waiting(run);
    Deno.kill(run.pid, signal);
    assertOpen(await endOf(place, AT_ONCE), new RegExp(`Interrupted by ${signal}`));
  });
}

tests.add(root, "A signal while packets come in ends the run at once: exit 4", async () => {
  await using run = inTraffic([...LONG]);
  const place = await waiting(run);
  Deno.kill(run.pid, "SIGTERM");
  assertOpen(await endOf(place, AT_ONCE), /Interrupted by SIGTERM/);
});

tests.add(root, "Ctrl-C, which the whole process group gets: exit 4", async () => {
  await using run = inSilence([...LONG], ["setsid"]);
  const place = await waiting(run);
  Deno.kill(-run.pid, "SIGINT");
  assertOpen(await endOf(place, AT_ONCE), /SIGINT/);
});

tests.add(root, "A signal is reported in --json as well", async () => {
  await using run = inSilence([...LONG, "--json"]);
  const place = await waiting(run);
  Deno.kill(run.pid, "SIGTERM");
  const outcome = await endOf(place, AT_ONCE);
  const { verdict, exit, experiments: [{ error }] } = evidenceIn(outcome);
  assertEquals([verdict, exit, outcome.code], ["INCONCLUSIVE", 4, 4]);
  assertMatch(error ?? "", /SIGTERM/);
});

tests.add(
  root,
  "A signal at any moment ends the run without exit 0 and without an orphan",
  async () => {
    for (let moment = 0; moment < 200; moment += 20) {
      await using run = inSilence([...LONG]);
      using place = new NetworkNamespace(run.pid);
      await pause(moment);
      place.find();
      Deno.kill(run.pid, "SIGTERM");
      const { code } = await run.ended();
      assert(code !== 0, `exit ${code} after ${moment} ms`);
      await until("all have ended", () => place.processes.length === 0, AT_ONCE);
    }
  },
);

tests.add(root, "SIGKILL of the parent ends the child at once", async () => {
  await using run = inSilence([...LONG]);
  const { child } = await waiting(run);
  Deno.kill(run.pid, "SIGKILL");
  await until("the child has ended", () => hasEnded(child), AT_ONCE);
  assertEquals((await run.ended()).signal, "SIGKILL");
});

for (const signal of ["SIGKILL", "SIGTERM", "SIGABRT", "SIGALRM"] as const) {
  tests.add(
    root,
    `The death of the child by ${signal} while packets come in ends the run at once: exit 1`,
    async () => {
      await using run = inTraffic([...LONG]);
      const place = await waiting(run);
      Deno.kill(place.child, signal);
      assertFailed(await endOf(place, AT_ONCE), new RegExp(`ended early, by ${signal}`));
    },
  );
}

tests.add(
  root,
  "The death of a child that no packet can reach refutes nothing: exit 4",
  async () => {
    await using run = inSilence([...LONG]);
    const place = await waiting(run);
    await pause(500); // until the wait for packets has begun
    Deno.kill(place.child, "SIGKILL");
    assertOpen(await endOf(place, AT_ONCE), /ended early, by SIGKILL[^]*RECV-01.*0 of 5 packets/);
  },
);

for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
  for (const args of [[], ["--harden"]]) {
    const how = args.length === 0 ? "plain" : "hardened";
    tests.add(
      hardening,
      `A ${how} child ends by ${signal}, whatever a filter refuses`,
      async () => {
        await using run = inTraffic([...LONG, ...args]);
        const place = await waiting(run);
        if (args.length > 0) {
          await until("a filter is on it", () => isFiltered(place.child), AT_ONCE);
        }
        Deno.kill(place.child, signal);
        assertFailed(await endOf(place, AT_ONCE), new RegExp(`ended early, by ${signal}`));
      },
    );
  }
}

tests.add(root, "A stopped child does not return the packets: exit 1 in time", async () => {
  await using run = inTraffic(["-t", "4"]);
  const place = await waiting(run);
  Deno.kill(place.child, "SIGSTOP");
  const outcome = await endOf(place, AT_ONCE);
  assertFailed(outcome, /the child fell silent|received \d+ packets, the child returned/);
  assert(outcome.took > 500, "it waits for the child");
});

tests.add(root, "A stopped child does not keep a signal from ending the run", async () => {
  await using run = inSilence([...LONG]);
  const place = await waiting(run);
  Deno.kill(place.child, "SIGSTOP");
  Deno.kill(run.pid, "SIGTERM");
  assertOpen(await endOf(place, AT_ONCE), /SIGTERM/);
});

tests.add(
  root,
  "Without stimulus and traffic a run is INCONCLUSIVE within the timeout: exit 4",
  async () => {
    await using run = inSilence(["-t", "3", "--json"]);
    const outcome = await endOf(await waiting(run), AT_ONCE);
    const { verdict, exit, experiments: [{ checks }] } = evidenceIn(outcome);
    assertEquals([verdict, exit, outcome.code], ["INCONCLUSIVE", 4, 4]);
    const open = checks.filter(({ status }) => status !== "pass").map((
      { id, status },
    ) => [id, status]);
    assertEquals(open, [["RECV-01", "skip"], ["RECV-02", "skip"], ["RECV-03", "skip"]]);
  },
);

tests.add(root, "An INCONCLUSIVE run names a remedy", async () => {
  await using run = inSilence(["-t", "3"]);
  const { code, stdout } = await run.ended();
  assertEquals(code, 4);
  assertMatch(stdout, /INCONCLUSIVE[^]*traffic[^]*--stimulus/);
});

tests.add(
  { root: true },
  "A run with too little time is INCONCLUSIVE, and names the remedy",
  async () => {
    for (const seconds of ["0.05", "0.15", "0.3"]) {
      const outcome = await inNamespace([...FDPASS, "-t", seconds, "veth-fdpass"]);
      if (outcome.code !== 0) {
        assertOpen(outcome, /Time ran out .*: allow more time with --timeout/);
      }
    }
  },
);

tests.add(
  root,
  "More signals while a run ends change nothing: the report is complete",
  async () => {
    await using run = inSilence([...LONG, "--json"]);
    const place = await waiting(run);
    for (const signal of ["SIGINT", "SIGINT", "SIGTERM", "SIGHUP"] as const) {
      if (!hasEnded(run.pid)) Deno.kill(run.pid, signal);
    }
    const outcome = await endOf(place, AT_ONCE);
    const { verdict, experiments: [{ error, checks }] } = evidenceIn(outcome);
    assertEquals([verdict, outcome.code], ["INCONCLUSIVE", 4]);
    assertMatch(error ?? "", /^Interrupted by SIG/);
    assert(checks.some(({ status }) => status === "pass"), "what it had is reported");
  },
);

tests.add(root, "A signal ends all experiments: later ones do not begin", async () => {
  await using run = inSilence([...LONG, "--json", "-e", "privilege-drop", "-e", "io-uring"]);
  const place = await waiting(run);
  Deno.kill(run.pid, "SIGINT");
  const outcome = await endOf(place, AT_ONCE);
  const { experiments } = evidenceIn(outcome);
  assertEquals(outcome.code, 4);
  assertEquals(
    experiments.map(({ name, verdict, error }) => [name, verdict, error]),
    ["privilege-drop", "io-uring"].map((name) => [name, "INCONCLUSIVE", "Interrupted by SIGINT"]),
  );
  assertEquals(experiments[1].steps, []);
});

const onTerminal = { root: true, programs: { script: "bsdutils" } };

tests.add(
  onTerminal,
  "The child of a run on a terminal has no controlling terminal, and opens none",
  async () => {
    const folder = Deno.makeTempDirSync();
    try {
      const report = `${folder}/run.html`; // identifies the parent
      const command = [...FDPASS, ...LONG, "--stimulus", "none", "--report", report, "lo"].join(
        " ",
      );
      const place = ["unshare", "--net", "script", "-qec"];
      await using run = new Running([...place, `ip link set lo up; exec ${command}`, "/dev/null"]);
      const parent = () => processesWith(report)[0] ?? 0;
      const child = () => childrenOf(parent()).find((pid) => uidOf(pid) === NOBODY);
      await until("the child is nobody", () => child() !== undefined, AT_ONCE);
      const terminals = [parent(), child()!].map(terminalOf);
      Deno.kill(parent(), "SIGTERM");
      await run.ended();
      assert(terminals[0] !== 0, "the parent has one");
      assertEquals(terminals[1], 0);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  },
);

/**
 * The number of the controlling terminal of a process, `tty_nr` in proc_pid_stat(5); 0 for none.
 */
function terminalOf(pid: number): number {
  const [, fields] = Deno.readTextFileSync(`/proc/${pid}/stat`).split(") ");
  return Number(fields.split(" ")[4]);
}

/** Ignores signals as nohup(1) does, and as a shell's background jobs do. */
const IGNORING = ["sh", "-c", 'trap "" HUP INT; exec "$0" "$@"'] as const;

tests.add(root, "Signals that were ignored at the start stay ignored: nohup works", async () => {
  await using run = inSilence([...LONG, "--json"], IGNORING);
  const place = await waiting(run);
  for (let i = 0; i < 5; i++) {
    for (const signal of ["SIGHUP", "SIGINT"] as const) Deno.kill(run.pid, signal);
    await pause(20);
  }
  Deno.kill(run.pid, "SIGTERM"); // it is not ignored
  const outcome = await endOf(place, AT_ONCE);
  const { experiments: [{ error }] } = evidenceIn(outcome);
  assertEquals([outcome.code, error], [4, "Interrupted by SIGTERM"]);
});

tests.add(root, "SIGKILL leaves no part of an output file under any name", async () => {
  const folder = Deno.makeTempDirSync();
  try {
    await using run = inSilence([...LONG, "--report", `${folder}/run.html`]);
    await waiting(run);
    const held = [...Deno.readDirSync(`/proc/${run.pid}/fd`)]
      .map(({ name }) => Deno.readLinkSync(`/proc/${run.pid}/fd/${name}`));
    assert(held.some((path) => path.startsWith(`${folder}/`)), "the file is open");
    Deno.kill(run.pid, "SIGKILL");
    await run.ended();
    assertEquals([...Deno.readDirSync(folder)], []);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

/** Whether a thread of a process is blocked in a write(2) to standard output. */
function isWriting(pid: number): boolean {
  try {
    return [...Deno.readDirSync(`/proc/${pid}/task`)].some(({ name }) =>
      /^\d+ 0x1 0x/.test(Deno.readTextFileSync(`/proc/${pid}/task/${name}/syscall`))
    );
  } catch {
    return false; // the process has ended
  }
}

/** Waits until a program below a shell is blocked by a full pipe. */
async function writer(shell: Running): Promise<number> {
  const found = () => childrenOf(shell.pid).find(isWriting);
  await until("it writes", () => found() !== undefined, AT_ONCE);
  return found()!;
}

const FILLING_PIPE = 'head -c 65536 /dev/zero; exec "$0" "$@"';

Deno.test("SIGTERM ends a run whose report nobody reads", async () => {
  const text = `{ ${FILLING_PIPE}; } | sleep 60`;
  await using run = new Running(["bash", "-c", text, ...FDPASS, "--help"]);
  const pid = await writer(run);
  Deno.kill(pid, "SIGTERM");
  await until("it has ended", () => hasEnded(pid), AT_ONCE);
  for (const child of childrenOf(run.pid)) if (!hasEnded(child)) Deno.kill(child, "SIGTERM");
});

tests.add(
  root,
  "Signals while the report is being read change neither the report nor the status",
  async () => {
    const folder = Deno.makeTempDirSync();
    try {
      const text = `ip link set lo up; { ${FILLING_PIPE}; } | ` +
        `{ until [ -e ${folder}/read ]; do sleep 0.05; done; tail -c +65537; }; exit $PIPESTATUS`;
      const command = [...FDPASS, "-t", "3", "--json", "--stimulus", "none", "lo"];
      await using run = new Running(["unshare", "--net", "bash", "-c", text, ...command]);
      const pid = await writer(run);
      for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) Deno.kill(pid, signal);
      await pause(100);
      Deno.writeTextFileSync(`${folder}/read`, "");
      const outcome = await run.ended();
      const { verdict, exit } = evidenceIn(outcome);
      assertEquals([verdict, exit, outcome.code], ["INCONCLUSIVE", 4, 4]);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  },
);

/**
 * A run without traffic that gets a signal a delay after its child has ended, while it writes a
 * page.
 */
async function signalledLate(report: string, delay: number): Promise<void> {
  await using run = inSilence(["-t", "4", "--json", "--report", report]);
  await waiting(run);
  await until("its child has ended", () => childrenOf(run.pid).every(hasEnded), AT_ONCE);
  await pause(delay);
  if (!hasEnded(run.pid)) Deno.kill(run.pid, "SIGTERM");
  const { code, signal, ...outcome } = await run.ended();
  assertEquals([signal, evidenceIn({ code, ...outcome }).exit], [null, code]);
  assertEquals(code, 4);
  assertMatch(Deno.readTextFileSync(report), /<\/html>\s*$/);
}

tests.add(root, "A signal after the end of the last child: every view is complete", async () => {
  const folder = Deno.makeTempDirSync();
  try {
    await Promise.all(
      [0, 10, 20, 30].map((delay) => signalledLate(`${folder}/${delay}.html`, delay)),
    );
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

for (const args of [["--help"], ["--list"], ["--json", "lo0"]]) {
  for (const [where, reason] of [[">/dev/full", /ENOSPC/], ["| true", /EPIPE/]] as const) {
    tests.add(
      { programs: { bash: "bash" } },
      `${args.join(" ")} ${where} names the failed call and the reason, and does not exit 0`,
      async () => {
        const text = `"$0" "$@" ${where}; exit \${PIPESTATUS[0]}`;
        const { code, stderr } = await runProgram("bash", ["-c", text, ...FDPASS, ...args]);
        assert([2, 4].includes(code), `exit ${code}`);
        assertMatch(stderr, /Cannot write .* to standard output: write: /);
        assertMatch(stderr, reason);
      },
    );
  }
}

/** What a shell does with standard output, and the exit statuses that are right then. */
const OUTPUTS: [what: string, redirection: string, codes: number[]][] = [
  ["goes to /dev/null", ">/dev/null", [0]],
  ["goes to a reader that is gone", "| true", [4]],
  ["goes to a reader of one line", "| head -1 >/dev/null", [0, 4]],
  ["goes to a full disk", ">/dev/full", [4]],
  // The runtime opens /dev/null in its place before fdpass starts, so the two cannot be told apart.
  ["is closed", ">&-", [0, 4]],
  ["and standard error are closed", ">&- 2>&-", [0, 4]],
];

for (const [what, redirection, codes] of OUTPUTS) {
  tests.add({ root: true }, `Standard output ${what}: exit ${codes.join(" or ")}`, async () => {
    const text = `"$0" "$@" ${redirection}; exit \${PIPESTATUS[0]}`;
    const started = performance.now();
    const { code } = await inNamespace(["bash", "-c", text, ...FDPASS, "veth-fdpass"]);
    assert(performance.now() - started < AT_ONCE, "it does not hang");
    assert(codes.includes(code), `exit ${code}`);
  });
}
