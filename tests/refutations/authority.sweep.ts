/** For each protection: what turns when it is left out. For each way in which a worker may differ from its orders: who notices. */

import { assert, assertEquals } from "@std/assert";
import type { CheckId } from "../../lib/evidence/checks.ts";
import type { ExperimentEvidence } from "../../lib/evidence/evidence.ts";
import { OPERATIONS } from "../../lib/experiments/authority/operations.ts";
import { threadCredentials } from "../../lib/inspect/threads.ts";
import type { Protection } from "../../lib/confine/protections.ts";
import { childrenOf, hasEnded, Running, uidOf, until } from "../e2e/processes.ts";
import { TestsAhead } from "../support/tests_ahead.ts";
import { evidenceIn, inNamespace } from "../support/programs.ts";

const tests = new TestsAhead();

const root = { root: true, programs: { ip: "iproute2", setpriv: "util-linux" } };

const command = (fault: string, omitted: readonly Protection[]) => [
  ...[Deno.execPath(), "run", "-A", "tests/refutations/authority_run.ts"],
  ...[fault, ...omitted],
];

/** The hardened column, with a fault or without some protections. */
async function hardened(fault: string, ...omitted: Protection[]): Promise<ExperimentEvidence> {
  return evidenceIn(await inNamespace(command(fault, omitted))).experiments[0];
}

/** The checks that fail; AUTH-01 and AUTH-02 are about columns that these runs do not have. */
function failed({ checks }: ExperimentEvidence): CheckId[] {
  return checks.filter(({ id, status }) =>
    status !== "pass" && id !== "AUTH-01" && id !== "AUTH-02"
  ).map(({ id }) => id);
}

type Cells = Readonly<Record<string, string>>;

/** What came of each operation. `ebpf` is left out: it is this kernel's setting that decides. */
function cells({ matrix, error }: ExperimentEvidence): Cells {
  if (matrix === null) throw new Error(error ?? "no matrix");
  const rows = matrix.rows.filter(({ operation }) => operation !== "ebpf");
  return Object.fromEntries(
    rows.map(({ operation, cells }) => [operation, cells.hardened.outcome]),
  );
}

/** The cells of `after` that are not as they were. */
function turned(before: Cells, after: Cells): Cells {
  return Object.fromEntries(Object.entries(after).filter(([name, cell]) => cell !== before[name]));
}

let whole: Promise<ExperimentEvidence> | undefined;
const allOn = () => whole ??= hardened("none");
let open: Promise<ExperimentEvidence> | undefined;
const filterOff = () => open ??= hardened("none", "receive-only");

tests.add(root, "With all protections nothing is allowed and no check fails", async () => {
  const evidence = await allOn();
  assertEquals([evidence.error, failed(evidence)], [null, []]);
  assertEquals(
    new Set(Object.values(cells(evidence))),
    new Set(["EPERM", "EBADF", "EACCES", "no effect"]),
  );
});

tests.add(root, "Without receive-only what no other protection refuses is allowed", async () => {
  const evidence = await filterOff();
  assertEquals(failed(evidence), ["AUTH-03", "HARD-05"]);
  const allowed = (name: string) => [name, "allowed"];
  assertEquals(turned(cells(await allOn()), cells(evidence)), {
    ...Object.fromEntries([
      ...["promiscuous", "send", "sendto-elsewhere", "write"].map(allowed),
      ...["rx-ring", "tx-ring", "qdisc-bypass", "vnet-hdr", "auxdata", "timestamp"].map(allowed),
      ...["duplicate", "socketpair", "udp-socket", "open-for-writing", "execute"].map(allowed),
      ...["io-uring", "io-uring-send", "make-dumpable", "kill-sibling"].map(allowed),
    ]),
    "user-namespace-program": "allowed",
    "user-namespace-socket": "no effect",
    // Refused still, by another protection or by what the operation is:
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
});

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
  "read-sibling-memory": "EFAULT",
};

/** What turns if a protection is left out, and if the filter, which is a second line for most, is left out with it. */
const LEFT_OUT: {
  readonly [name in Exclude<Protection, "receive-only">]: {
    readonly turns?: Cells;
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
  "no-capabilities": { fails: ["HARD-01", "HARD-02"] }, // and no-new-privs keeps su(1) from a privilege
  "closed-descriptors": {
    turns: { "forgotten-descriptor": "allowed", "early-polled-ring": "allowed" },
    fails: ["AUTH-03", "HARD-01", "HARD-02", "HARD-03"], // the thread of the ring is root
    behindFilter: {
      "forgotten-descriptor": "allowed",
      "early-ring": "EACCES",
      "early-personality": "allowed",
      "early-polled-ring": "allowed",
    },
  },
  "undumpable": { // of its siblings; its own uid change has made it so
    turns: { "list-sibling": "allowed" },
    fails: ["AUTH-03"],
    behindFilter: SIBLING,
  },
  "parent-death-signal": {
    turns: { "outlive-parent": "allowed" },
    fails: ["AUTH-03"],
    behindFilter: { "outlive-parent": "allowed" },
  },
  "resource-limits": { fails: ["HARD-04"], behindFilter: { "hoard": "allowed" } },
  "no-new-privs": { // the filter brings it as well
    behindFilter: { "set-uid-program": "allowed" },
    failsBehindFilter: ["HARD-01", "HARD-02"],
  },
};

for (
  const [name, { turns = {}, fails = [], behindFilter = {}, failsBehindFilter = fails }] of Object
    .entries(LEFT_OUT)
) {
  const protection = name as Protection;
  const words = (those: Cells) => Object.keys(those).join(", ") || "nothing";

  tests.add(root, `Without ${name} ${words(turns)} turns`, async () => {
    const evidence = await hardened("none", protection);
    assertEquals([turned(cells(await allOn()), cells(evidence)), failed(evidence)], [turns, fails]);
  });

  tests.add(root, `Without ${name} and receive-only ${words(behindFilter)} turns`, async () => {
    const evidence = await hardened("none", protection, "receive-only");
    assertEquals(turned(cells(await filterOff()), cells(evidence)), behindFilter);
    assertEquals(
      failed(evidence),
      [...new Set(["AUTH-03", "HARD-05", ...failsBehindFilter])].sort(),
    );
  });
}

tests.add(
  root,
  "Only without no-new-privs and receive-only su(1) is privileged, whatever the bounding set",
  async () => {
    const evidence = await hardened("none", "no-new-privs", "receive-only");
    assertEquals(cells(evidence)["set-uid-program"], "allowed");
  },
);

/** With the file the rings of before the drop stay, and the thread of one of them is root. */
const LEFT_OPEN: CheckId[] = ["AUTH-03", "HARD-01", "HARD-02", "HARD-03"];

const FAULTS: [what: string, fault: string, fails: CheckId[]][] = [
  ["skips what it should put on itself", "unprotected", [
    "AUTH-03",
    "HARD-01",
    "HARD-02",
    "HARD-04",
    "HARD-05",
  ]],
  ["does so and says that it is confined", "unprotected-liar", [
    ...["AUTH-03", "HARD-01", "HARD-02", "HARD-04", "HARD-05"] as const,
  ]],
  ["leaves open what it holds, a file of root's too", "file-left-open", LEFT_OPEN],
  ["does so and says that it does not", "file-left-open-liar", LEFT_OPEN],
  ["sends and says that it was refused", "attacks-and-claims-refusal", ["AUTH-03", "HARD-05"]],
  ["keeps to itself what it receives", "keeps-its-frames", ["AUTH-04"]],
];

for (const [what, fault, fails] of FAULTS) {
  tests.add(root, `${fails.join(", ")} fail if the worker ${what}`, async () => {
    assertEquals(failed(await hardened(fault)), fails);
  });
}

/** What the columns beside the hardened one must be: as known, the protections alone as well. */
const WHOLE_FAULTS: [what: string, fault: string, fails: CheckId[]][] = [
  ["does everything as it should", "none", []],
  ["without any protection has one all the same", "protects-itself-unasked", ["AUTH-01"]],
  ["does not put on the one protection that it is to have", "leaves-out-one", ["AUTH-02"]],
];

for (const [what, fault, fails] of WHOLE_FAULTS) {
  tests.add(
    root,
    `Of all columns ${fails[0] ?? "no check"} fails if the worker ${what}`,
    async () => {
      const outcome = await inNamespace([...command(fault, []), "--whole"], { timeout: 120_000 });
      const [{ checks }] = evidenceIn(outcome).experiments;
      const failing = checks.filter(({ status }) => status !== "pass");
      const said = failing.map(({ observed }) => observed).join("; ");
      assertEquals(failing.map(({ id }) => id), fails, said);
    },
  );
}

tests.add(root, "What is said to be sent and does not arrive is not allowed", async () => {
  const evidence = await hardened("claims-success");
  const others = Object.entries(cells(evidence)).filter(([, outcome]) => outcome !== "allowed");
  const sending = OPERATIONS.filter(({ witness }) => witness !== undefined);
  const sent = Object.fromEntries(sending.map(({ name }) => [name, "no effect"]));
  assertEquals([Object.fromEntries(others), failed(evidence)], [sent, ["AUTH-03"]]);
});

const NOBODY = 65534;

/** As in netns.sh, but without a PID namespace, whose end would take an orphan with it. */
const IN_NETWORK = [
  ...["unshare", "--net", "sh", "-c"],
  `ip link add veth-fdpass type veth peer name veth-fdpass-far
   for name in lo veth-fdpass veth-fdpass-far; do ip link set $name up; done
   exec "$0" "$@"`,
];

/** A worker that hangs in an endless loop, its parent being killed. */
async function orphanedBy(...omitted: Protection[]): Promise<number> {
  await using run = new Running([...IN_NETWORK, ...command("hangs", omitted)]);
  const isFiltered = (pid: number) => threadCredentials(pid).every(({ seccomp }) => seccomp === 2);
  const worker = () => childrenOf(run.pid).find((pid) => uidOf(pid) === NOBODY && isFiltered(pid));
  await until("the worker is hardened", () => worker() !== undefined, 5000);
  const pid = worker()!;
  await new Promise((resolve) => setTimeout(resolve, 500)); // it proves its confinement, then hangs
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
