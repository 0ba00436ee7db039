/**
 * Leaves out each protection, and plants each defect in a worker, and asserts which cells of the
 * matrix change and which checks fail.
 */

import { assert, assertEquals } from "@std/assert";
import type { CheckId } from "../../lib/evidence/checks.ts";
import type { ExperimentEvidence } from "../../lib/evidence/evidence.ts";
import { OPERATIONS } from "../../lib/experiments/authority/operations.ts";
import { threadCredentials } from "../../lib/inspect/threads/threads.ts";
import type { Protection } from "../../lib/confine/protections.ts";
import { childrenOf, hasEnded, Running, uidOf, until } from "../e2e/processes.ts";
import { TestsAhead } from "../support/tests_ahead.ts";
import { evidenceIn, inNamespace } from "../support/programs.ts";
import { pause } from "../support/pause.ts";

const tests = new TestsAhead();

const root = { root: true, programs: { ip: "iproute2", setpriv: "util-linux" } };

const command = (defect: string, omitted: readonly Protection[]) => [
  ...[Deno.execPath(), "run", "-A", "tests/refutations/authority_run.ts"],
  ...[defect, ...omitted],
];

/** Runs the hardened column, with a defect or without some protections. */
async function hardened(defect: string, ...omitted: Protection[]): Promise<ExperimentEvidence> {
  return evidenceIn(await inNamespace(command(defect, omitted))).experiments[0];
}

/**
 * The checks that do not pass. AUTH-01 and AUTH-02 are left out: their columns are not in these
 * runs.
 */
function failed({ checks }: ExperimentEvidence): CheckId[] {
  return checks.filter(({ id, status }) =>
    status !== "pass" && id !== "AUTH-01" && id !== "AUTH-02"
  ).map(({ id }) => id);
}

type Cells = Readonly<Record<string, string>>;

/**
 * The outcome of each operation. `ebpf` is left out, because a setting of this kernel decides it.
 */
function cells({ matrix, error }: ExperimentEvidence): Cells {
  if (matrix === null) throw new Error(error ?? "no matrix");
  const rows = matrix.rows.filter(({ operation }) => operation !== "ebpf");
  return Object.fromEntries(
    rows.map(({ operation, cells }) => [operation, cells.hardened.outcome]),
  );
}

/** The cells of `after` that differ from `before`. */
function changed(before: Cells, after: Cells): Cells {
  return Object.fromEntries(Object.entries(after).filter(([name, cell]) => cell !== before[name]));
}

let whole: Promise<ExperimentEvidence> | undefined;
const allOn = () => whole ??= hardened("none");
let open: Promise<ExperimentEvidence> | undefined;
const filterOff = () => open ??= hardened("none", "receive-only");

tests.add(root, "All protections together allow no operation, and no check fails", async () => {
  const evidence = await allOn();
  assertEquals([evidence.error, failed(evidence)], [null, []]);
  assertEquals(
    new Set(Object.values(cells(evidence))),
    new Set(["EPERM", "EBADF", "EACCES", "no effect"]),
  );
});

tests.add(
  root,
  "Without receive-only, every operation that no other protection refuses is allowed",
  async () => {
    const evidence = await filterOff();
    assertEquals(failed(evidence), ["AUTH-03", "HARD-05"]);
    const allowed = (name: string) => [name, "allowed"];
    assertEquals(changed(cells(await allOn()), cells(evidence)), {
      ...Object.fromEntries([
        ...["promiscuous", "send", "sendto-elsewhere", "write"].map(allowed),
        ...["send-message", "send-messages", "write-vector", "splice"].map(allowed),
        ...["rx-ring", "tx-ring", "qdisc-bypass", "vnet-hdr", "auxdata", "timestamp"].map(allowed),
        ...["duplicate", "socketpair", "udp-socket", "open-for-writing", "execute"].map(allowed),
        ...["io-uring", "io-uring-send", "make-dumpable", "kill-sibling"].map(allowed),
      ]),
      "user-namespace-program": "allowed",
      "user-namespace-socket": "no effect",
      // Still refused, by another protection or by the operation itself:
      "rebind-interface": "EINVAL",
      "rebind-all": "EINVAL",
      "rebind-protocol": "EINVAL",
      "fanout-join": "EALREADY",
      "hoard": "EMFILE",
      "set-uid-program": "no effect",
      "early-ring": "EBADF",
      "early-personality": "EBADF",
      "last-timestamp": "ENOENT",
      "shutdown": "EOPNOTSUPP",
      "user-namespace": "EINVAL",
    });
  },
);

const REBOUND = {
  "rebind-interface": "allowed",
  "rebind-all": "allowed",
  "rebind-protocol": "allowed",
  "fanout-join": "allowed",
};
const SIBLING = {
  "list-sibling": "allowed",
  "take-sibling-socket": "allowed",
  "trace-sibling": "allowed",
  "read-sibling-memory": "allowed",
};

/**
 * The cells that change if a protection is left out, and those that change if the filter is left
 * out as well: it is a second line of defence for most operations.
 */
const LEFT_OUT: {
  readonly [name in Exclude<Protection, "receive-only">]: {
    readonly changes?: Cells;
    readonly fails?: readonly CheckId[];
    readonly behindFilter?: Cells;
    readonly failsBehindFilter?: readonly CheckId[];
  };
} = {
  "locked-filter": {
    fails: ["HARD-04"],
    behindFilter: { "attach-filter": "allowed", "detach-filter": "allowed" },
  },
  "fanout-pin": { fails: ["HARD-04"], behindFilter: REBOUND },
  // no-new-privs still keeps su(1) from gaining a privilege
  "no-capabilities": { fails: ["HARD-01", "HARD-02"] },
  "closed-descriptors": {
    changes: { "forgotten-descriptor": "allowed", "early-polled-ring": "allowed" },
    fails: ["AUTH-03", "HARD-01", "HARD-02", "HARD-03"], // the polling thread of the ring is root
    behindFilter: {
      "forgotten-descriptor": "allowed",
      "early-ring": "EACCES",
      "early-personality": "allowed",
      "early-polled-ring": "allowed",
    },
  },
  "undumpable": { // matters for siblings only: its own change of uid has made the worker undumpable
    changes: { "list-sibling": "allowed" },
    fails: ["AUTH-03"],
    behindFilter: SIBLING,
  },
  "parent-death-signal": {
    changes: { "outlive-parent": "allowed" },
    fails: ["AUTH-03"],
    behindFilter: { "outlive-parent": "allowed" },
  },
  "resource-limits": { fails: ["HARD-04"], behindFilter: { "hoard": "allowed" } },
  "no-new-privs": { // installing the filter sets no_new_privs too
    behindFilter: { "set-uid-program": "allowed" },
    failsBehindFilter: ["HARD-01", "HARD-02"],
  },
};

for (
  const [name, { changes = {}, fails = [], behindFilter = {}, failsBehindFilter = fails }] of Object
    .entries(LEFT_OUT)
) {
  const protection = name as Protection;
  const words = (those: Cells) => Object.keys(those).join(", ") || "nothing";

  tests.add(root, `Without ${name}, these cells change: ${words(changes)}`, async () => {
    const evidence = await hardened("none", protection);
    assertEquals([changed(cells(await allOn()), cells(evidence)), failed(evidence)], [
      changes,
      fails,
    ]);
  });

  tests.add(
    root,
    `Without ${name} and receive-only, these cells change: ${words(behindFilter)}`,
    async () => {
      const evidence = await hardened("none", protection, "receive-only");
      assertEquals(changed(cells(await filterOff()), cells(evidence)), behindFilter);
      assertEquals(
        failed(evidence),
        [...new Set(["AUTH-03", "HARD-05", ...failsBehindFilter])].sort(),
      );
    },
  );
}

tests.add(
  root,
  "su(1) gains privilege only without no-new-privs and receive-only, whatever the bounding set",
  async () => {
    const evidence = await hardened("none", "no-new-privs", "receive-only");
    assertEquals(cells(evidence)["set-uid-program"], "allowed");
  },
);

/** The file keeps the rings from before the drop alive, and the polling thread of one is root. */
const LEFT_OPEN: CheckId[] = ["AUTH-03", "HARD-01", "HARD-02", "HARD-03"];

const DEFECTS: [what: string, defect: string, fails: CheckId[]][] = [
  ["skips its own protections", "unprotected", [
    "AUTH-03",
    "HARD-01",
    "HARD-02",
    "HARD-04",
    "HARD-05",
  ]],
  ["does so and claims to be confined", "unprotected-liar", [
    ...["AUTH-03", "HARD-01", "HARD-02", "HARD-04", "HARD-05"] as const,
  ]],
  ["leaves its descriptors open, among them a file of root's", "file-left-open", LEFT_OPEN],
  ["does so and denies it", "file-left-open-liar", LEFT_OPEN],
  ["sends and claims that it was refused", "attacks-and-claims-refusal", ["AUTH-03", "HARD-05"]],
  ["returns no frame", "keeps-its-frames", ["AUTH-04"]],
];

for (const [what, defect, fails] of DEFECTS) {
  tests.add(root, `${fails.join(", ")} fail if the worker ${what}`, async () => {
    assertEquals(failed(await hardened(defect)), fails);
  });
}

/** Defects that the other columns show: the plain one, and those with one protection each. */
const WHOLE_DEFECTS: [what: string, defect: string, fails: CheckId[]][] = [
  ["obeys its orders", "none", []],
  ["puts a protection on itself in the column without any", "protects-itself-unasked", ["AUTH-01"]],
  ["leaves out the one protection of its column", "leaves-out-one", ["AUTH-02"]],
];

for (const [what, defect, fails] of WHOLE_DEFECTS) {
  tests.add(
    root,
    `Over all columns, ${fails[0] ?? "no check"} fails if the worker ${what}`,
    async () => {
      const outcome = await inNamespace([...command(defect, []), "--whole"], { timeout: 120_000 });
      const [{ checks }] = evidenceIn(outcome).experiments;
      const failing = checks.filter(({ status }) => status !== "pass");
      const reasons = failing.map(({ observed }) => observed).join("; ");
      assertEquals(failing.map(({ id }) => id), fails, reasons);
    },
  );
}

tests.add(
  root,
  "An operation that claims to have sent has no effect if nothing arrives",
  async () => {
    const evidence = await hardened("claims-success");
    const others = Object.entries(cells(evidence)).filter(([, outcome]) => outcome !== "allowed");
    const sending = OPERATIONS.filter(({ witness }) => witness !== undefined);
    const sent = Object.fromEntries(sending.map(({ name }) => [name, "no effect"]));
    assertEquals([Object.fromEntries(others), failed(evidence)], [sent, ["AUTH-03"]]);
  },
);

const NOBODY = 65534;

/**
 * A network namespace as netns.sh makes it, but no PID namespace, whose end would kill an orphan.
 */
const IN_NETWORK = [
  ...["unshare", "--net", "sh", "-c"],
  `ip link add veth-fdpass type veth peer name veth-fdpass-far
   for name in lo veth-fdpass veth-fdpass-far; do ip link set $name up; done
   exec "$0" "$@"`,
];

/**
 * Starts a worker that hangs in an endless loop, and kills its parent. Returns the worker's PID.
 */
async function orphanedBy(...omitted: Protection[]): Promise<number> {
  await using run = new Running([...IN_NETWORK, ...command("hangs", omitted)]);
  const isFiltered = (pid: number) => threadCredentials(pid).every(({ seccomp }) => seccomp === 2);
  const worker = () => childrenOf(run.pid).find((pid) => uidOf(pid) === NOBODY && isFiltered(pid));
  await until("the worker is hardened", () => worker() !== undefined, 5000);
  const pid = worker()!;
  // the worker proves its confinement, then hangs
  await pause(500);
  assert(!hasEnded(pid));
  Deno.kill(run.pid, "SIGKILL");
  return pid;
}

tests.add(root, "A hardened worker that hangs ends with its parent", async () => {
  const pid = await orphanedBy();
  await until("the worker has ended", () => hasEnded(pid), 5000);
});

tests.add(root, "Without parent-death-signal its PID namespace ends it", async () => {
  const pid = await orphanedBy("parent-death-signal");
  await until("the worker has ended", () => hasEnded(pid), 5000);
});
