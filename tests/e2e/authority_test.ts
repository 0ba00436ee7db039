/**
 * The results of the experiment `authority`, compared with a table of their own and with what an
 * outsider sees.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { CheckResult } from "../../lib/evidence/evidence.ts";
import type { SeenDescriptor } from "../../lib/inspect/descriptors/descriptors.ts";
import { renderText } from "../../lib/report/text.ts";
import type { ThreadCredentials, ThreadsAlike } from "../../lib/inspect/threads/threads.ts";
import { TestsAhead } from "../support/tests_ahead.ts";
import { evidenceIn, fdpass, inNamespace, type Outcome } from "../support/programs.ts";
import { FDPASS, here } from "./here.ts";
import { processesWith, Running, stopParentOf, until, workersOf } from "./processes.ts";

const root = { root: true, programs: { ip: "iproute2", setpriv: "util-linux" } };
const tests = new TestsAhead();

const PROTECTIONS = [
  ...["locked-filter", "fanout-pin", "no-capabilities", "closed-descriptors", "undumpable"],
  ...["parent-death-signal", "resource-limits", "no-new-privs", "receive-only"],
];

/**
 * Each operation, its outcome without protections, and the columns where another outcome is
 * expected (besides EPERM under receive-only and under all together). The outcomes of io-uring,
 * ebpf and the three operations on siblings depend on the settings of the kernel; here they are
 * those of an unrestricted kernel.
 */
const TABLE = `
packet-socket         EPERM
rebind-interface      allowed     fanout-pin: EINVAL
rebind-all            allowed     fanout-pin: EINVAL
rebind-protocol       allowed     fanout-pin: EINVAL
promiscuous           allowed
send                  allowed
sendto-elsewhere      allowed
write                 allowed
send-message          allowed
send-messages         allowed
write-vector          allowed
splice                allowed
attach-filter         allowed     locked-filter: EPERM
detach-filter         allowed     locked-filter: EPERM
rx-ring               allowed
tx-ring               allowed
qdisc-bypass          allowed
vnet-hdr              allowed
auxdata               allowed
timestamp             allowed
last-timestamp        ENOENT
priority              EPERM
mark                  EPERM
receive-buffer        EPERM
interface-down        EPERM
shutdown              EOPNOTSUPP
duplicate             allowed
hoard                 allowed     resource-limits: EMFILE
socketpair            allowed
udp-socket            allowed
forgotten-descriptor  allowed     closed-descriptors: EBADF, receive-only: allowed, hardened: EBADF
open-for-writing      allowed
execute               allowed
set-uid-program       allowed     no-new-privs: no effect
user-namespace        EINVAL
user-namespace-program  allowed
user-namespace-socket  no effect
io-uring              allowed
io-uring-send         allowed
early-ring            EACCES      closed-descriptors: EBADF
early-personality     allowed     closed-descriptors: EBADF
early-polled-ring     allowed     closed-descriptors: no effect, receive-only: allowed, hardened: no effect
ebpf                  EPERM
make-dumpable         allowed
take-sibling-socket   allowed     undumpable: EPERM
list-sibling          allowed     undumpable: EACCES, receive-only: allowed, hardened: EACCES
trace-sibling         allowed     undumpable: EPERM
read-sibling-memory   allowed     undumpable: EPERM
kill-sibling          allowed
outlive-parent        allowed     parent-death-signal: no effect, receive-only: allowed, hardened: no effect
fanout-join           allowed     fanout-pin: EALREADY
`.trim().split("\n").map((line) => {
  const [operation, plain, others = ""] = line.split(/ {2,}/);
  const special = Object.fromEntries(
    others.split(", ").filter((other) => other !== "").map((other) => other.split(": ")),
  );
  const alone = Object.fromEntries(PROTECTIONS.map((name) => [name, plain]));
  const cells = { plain, ...alone, "receive-only": "EPERM", hardened: "EPERM", ...special };
  return { operation, cells: cells as Record<string, string> };
});

/**
 * The operations whose outcome depends on a setting of the kernel. Their expected outcome must say
 * so; it is not computed here again.
 */
const BY_SETTING = /^(io-uring|io-uring-send|ebpf|.*-sibling-.*|trace-sibling)$/;

/** Two experiments, one after the other. */
const TWO = ["--json", "-e", "privilege-drop", "-e", "authority", "veth-fdpass"];

let whole: Promise<Outcome> | undefined;
/** The one run that most tests look at. */
const run = () => whole ??= fdpass([...TWO, "-t", "60"]);
const evidence = async () => evidenceIn(await run()).experiments[1];
/** The text report of that experiment. */
async function textOf(amount: "normal" | "verbose"): Promise<string> {
  const { experiments: [, authority], ...rest } = evidenceIn(await run());
  return renderText({ ...rest, experiments: [authority] }, { color: false, amount });
}
const check = async (id: string) => (await evidence()).checks.find((each) => each.id === id)!;

tests.add(root, "authority is PASS, exit 0, with every check of its plan", async () => {
  const { code, stderr } = await run();
  const { verdict, error, checks } = await evidence();
  assertEquals([code, stderr, verdict, error], [0, "", "PASS", null]);
  assertEquals(checks.map(({ id, status }) => `${id} ${status}`), [
    ...["AUTH-01 pass", "AUTH-02 pass", "AUTH-03 pass", "AUTH-04 pass"],
    ...["HARD-01 pass", "HARD-02 pass", "HARD-03 pass", "HARD-04 pass", "HARD-05 pass"],
  ]);
});

tests.add(
  root,
  "Every operation is attempted in every column, with the expected outcome",
  async () => {
    const { columns, rows } = (await evidence()).matrix!;
    assertEquals(columns, ["plain", ...PROTECTIONS, "hardened"]);
    assertEquals(rows.map(({ operation }) => operation), TABLE.map(({ operation }) => operation));
    const differing = TABLE.flatMap(({ operation, cells }, i) =>
      columns.map((column) => ({
        operation,
        column,
        as: cells[column],
        cell: rows[i].cells[column],
      }))
    ).filter(({ operation, as, cell: { outcome, known } }) =>
      outcome !== known || outcome !== as && !BY_SETTING.test(operation)
    );
    assertEquals(differing, []);
    for (const { gives, source } of rows) assert(gives !== "" && source !== "");
  },
);

tests.add(root, "The hardened worker is refused everything, and receives", async () => {
  const { matrix, packets } = await evidence();
  const hardened = matrix!.rows.map(({ cells }) => cells.hardened.outcome);
  assertEquals(new Set(hardened), new Set(["EPERM", "EBADF", "EACCES", "no effect"]));
  assertEquals(packets.filter(({ ours, after_drop }) => ours && after_drop).length, 5);
});

const NOBODY = [65534, 65534, 65534, 65534];
const NO_CAPABILITY = Object.fromEntries(
  ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"].map((set) => [set, "0000000000000000"]),
);

/** A part of a check's evidence, by its name. */
function listed<T>({ evidence }: CheckResult, name: string): T[] {
  return (evidence as Record<string, T[]>)[name];
}

type Alike = ThreadsAlike<Omit<ThreadCredentials, "tid">>;

function assertConfined(threads: Alike[]): void {
  for (const { seen: { filters: _, ...seen } } of threads) {
    assertEquals(seen, {
      uids: NOBODY,
      gids: NOBODY,
      groups: [],
      capabilities: NO_CAPABILITY,
      noNewPrivs: 1,
      seccomp: 2,
    });
  }
}

tests.add(
  root,
  "HARD-01 and HARD-02 cover every thread that the parent sees",
  async () => {
    for (const id of ["HARD-01", "HARD-02"] as const) {
      const threads = listed<Alike>(await check(id), "threads");
      assertConfined(threads);
      assert(threads.flatMap(({ tids }) => tids).length > 4, "those started later among them");
    }
  },
);

tests.add(root, "Every descriptor in HARD-03 is expected; none is a file", async () => {
  const descriptors = listed<SeenDescriptor>(await check("HARD-03"), "descriptors");
  assertEquals(descriptors.filter(({ kind }) => kind === "unknown"), []);
  const files = descriptors.filter(({ refersTo }) => refersTo.startsWith("/"));
  assertEquals(files.map(({ refersTo }) => refersTo), ["/dev/null"]);
  for (const one of ["packet", "channel"]) {
    assertEquals(descriptors.filter(({ kind }) => kind === one).length, 1, one);
  }
  assertEquals(new Set(descriptors.map(({ fd }) => fd)).size, descriptors.length);
});

tests.add(
  root,
  "The text report has the table of operations, and the protection that refuses each",
  async () => {
    const text = await textOf("normal");
    assertMatch(text, /^ {2}operation +plain +hardened +taken away by$/m);
    for (const { operation, cells } of TABLE.filter((row) => !BY_SETTING.test(row.operation))) {
      const takers = PROTECTIONS.filter((name) =>
        cells.plain === "allowed" && cells[name] !== "allowed"
      );
      const words = [operation, cells.plain, cells.hardened, takers.join(", ")];
      const row = words.filter((word) => word !== "").map(RegExp.escape).join(" +");
      assertMatch(text, new RegExp(`^  ${row}$`, "m"));
    }
    assertMatch(text, /\n✓ SUCCESS: /);
  },
);

tests.add(root, "--verbose has a column for each protection", async () => {
  const heading = ["operation", "plain", ...PROTECTIONS, "hardened"].join(" +");
  assertMatch(await textOf("verbose"), new RegExp(`^  ${heading}$`, "m"));
});

for (
  const [why, ...args] of [
    ["--stimulus is none", "--stimulus", "none", "veth-fdpass"],
    ["its veth peer is not here", "lo"],
  ]
) {
  tests.add(root, `Without a witness for what is sent (${args.join(" ")}): exit 4`, async () => {
    const { code, stderr, stdout } = await fdpass(["-e", "authority", ...args]);
    assertMatch(stderr, new RegExp(`: ${why}\\n {2}.*scripts/netns\\.sh.*--stimulus`));
    assertEquals([code, stdout.includes("SUCCESS")], [4, false]);
  });
}

tests.add(root, "Without setpriv: exit 4, and the package to install", async () => {
  const hidden = 'mount --bind /dev/null /usr/bin/setpriv && exec "$0" "$@"';
  const { code, stderr } = await inNamespace([
    ...["sh", "-c", hidden, ...FDPASS, "-e", "authority", "veth-fdpass"],
  ]);
  assertMatch(stderr, /"\/usr\/bin\/setpriv" is missing[^]*util-linux/);
  assertEquals(code, 4);
});

/** The verdicts of two experiments, and those of the run. */
function verdictsIn(outcome: Outcome) {
  const { experiments, verdict, exit } = evidenceIn(outcome);
  assertEquals(experiments.map(({ name }) => name), ["privilege-drop", "authority"]);
  return [...experiments.map((each) => each.verdict), verdict, exit, outcome.code];
}

tests.add(root, "Two experiments that both hold: PASS", async () => {
  assertEquals(verdictsIn(await run()), ["PASS", "PASS", "PASS", 0, 0]);
});

tests.add(root, "Two experiments where the second has no time: INCONCLUSIVE", async () => {
  const limit = 3;
  await using run = new Running(["scripts/netns.sh", ...FDPASS, "-t", String(limit), ...TWO]);
  const workers = () => workersOf(run.pid, "authority");
  await until("the second experiment has a worker", () => workers().length > 0, 60_000);
  // However fast the machine is, the rest of the limit passes while the parent is stopped.
  await stopParentOf(workers()[0], 1000 * limit);
  assertEquals(verdictsIn(await run.ended()), ["PASS", "INCONCLUSIVE", "INCONCLUSIVE", 4, 4]);
});

Deno.test("--list shows the question of authority", async () => {
  assertMatch((await here(["--list"])).stdout, /^authority +What can .*\? +.*D24/m);
});

/** /proc/PID/task/TID/status of each thread of a process; none if it is gone. */
function statuses(pid: number): string[] {
  try {
    const folder = `/proc/${pid}/task`;
    return [...Deno.readDirSync(folder)].map(({ name }) =>
      Deno.readTextFileSync(`${folder}/${name}/status`)
    );
  } catch {
    return [];
  }
}

const CONFINED = [
  ...["Uid:\t65534\t65534\t65534\t65534", "Gid:\t65534\t65534\t65534\t65534", "Groups:\t "],
  ...Object.entries(NO_CAPABILITY).map(([set, none]) => `${set}:\t${none}`),
  ...["NoNewPrivs:\t1", "Seccomp:\t2"],
];

tests.add(
  root,
  "An outsider sees the hardened worker confined, on each of its threads",
  async () => {
    await using whole = new Running([
      ...["scripts/netns.sh", ...FDPASS, "-q", "-n", "1000", "-e", "authority", "veth-fdpass"],
    ]);
    const isHardened = (status: string) =>
      /^Seccomp_filters:\t2$/m.test(status) && /^CapBnd:\t0+$/m.test(status);
    let seen: string[] = [];
    await until("the hardened worker is there", () => {
      seen = processesWith("authority").map(statuses)
        .find((threads) => threads.length > 1 && threads.some(isHardened)) ?? [];
      return seen.length > 0;
    }, 60_000);
    for (const status of seen) {
      assertEquals(CONFINED.filter((line) => !status.split("\n").includes(line)), []);
    }
    assertEquals((await whole.ended()).code, 0);
  },
);
