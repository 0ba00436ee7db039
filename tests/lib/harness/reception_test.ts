/** What a reception makes of a child, beside a real veth pair: see programs/receptions.ts. */

import { assertEquals, assertMatch } from "@std/assert";
import type { ReceivePath } from "../../../lib/receive/mod.ts";
import { testNeeding } from "../../support/needs.ts";
import { inNamespace, ROOT } from "../../support/programs.ts";
import { PATHS, pathTest } from "../receive/paths.ts";

/** Without IPv6, or the kernel sends by itself; and another veth pair. */
const SURROUNDING = `echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6
  ip link add other type veth peer name other-far
  ip link set other up && ip link set other-far up && exec "$0" "$@"`;

interface Told {
  readonly statuses: string;
  readonly observed: readonly string[];
  readonly counted: number;
  readonly numbers: readonly number[];
}

async function toldOf(name: string, path?: ReceivePath): Promise<Told> {
  const { code, stdout, stderr } = await inNamespace([
    ...["bash", "-c", SURROUNDING, Deno.execPath(), "run", "-A", "--quiet"],
    ...[
      `${ROOT}/tests/lib/harness/programs/receptions.ts`,
      name,
      ...path === undefined ? [] : [path],
    ],
  ]);
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  return JSON.parse(stdout);
}

const PASS = "pass pass pass", FAIL = "fail fail fail", SKIP = "skip skip skip";

for (const path of PATHS) {
  pathTest(path, "brings the secrets of frames of every length", async () => {
    const { statuses, counted } = await toldOf("long", path);
    assertEquals([statuses, counted], [PASS, 300]);
  });
  pathTest(path, "brings ambient frames as the witness sees them", async () => {
    const { statuses, counted } = await toldOf("ambient", path);
    assertEquals([statuses, counted], [PASS, 5]);
  });
}

interface Expected {
  readonly name: string;
  readonly what: string;
  readonly statuses: string;
  readonly counted?: number;
  /** What is observed of RECV-01. */
  readonly says?: RegExp;
}

const OWN = /^root's own socket received \d+ packets, the child returned \d+, 5 wanted$/;

const CASES: readonly Expected[] = [
  { name: "twice", what: "each frame is handed on twice", statuses: PASS, counted: 5 },
  {
    name: "cut",
    what: "frames come back without their secrets",
    statuses: FAIL,
    counted: 0,
    says: OWN,
  },
  { name: "silent", what: "no frame comes back", statuses: FAIL, counted: 0, says: OWN },
  {
    name: "late",
    what: "frames from before the close come back after it",
    statuses: FAIL,
    counted: 0,
    says: OWN,
  },
  {
    name: "elsewhere",
    what: "the stimulus does not reach the witness either",
    statuses: SKIP,
    counted: 0,
    says: /root's own socket on the interface saw 0 of .*--stimulus/,
  },
  {
    name: "down",
    what: "the interface goes down",
    statuses: SKIP,
    says: /^the interface went down/,
  },
  { name: "dead at once", what: "the child is dead before any frame", statuses: FAIL, says: OWN },
  {
    name: "dead half-way",
    what: "the child dies after the close",
    statuses: FAIL,
    counted: 2,
    says: OWN,
  },
  {
    name: "dead, frames elsewhere",
    what: "the child is dead, and the witness sees nothing",
    statuses: SKIP,
  },
  {
    name: "ambient, twice",
    what: "each ambient frame is handed on twice",
    statuses: PASS,
    counted: 5,
  },
  {
    name: "ambient, invented",
    what: "the child invents packets while others come",
    statuses: FAIL,
    counted: 0,
    says: OWN,
  },
  {
    name: "ambient, silent",
    what: "the child returns no ambient packet",
    statuses: FAIL,
    says: OWN,
  },
  {
    name: "ambient, none",
    what: "there is no ambient packet",
    statuses: SKIP,
    says: /^no stimulus, and only 0 of 5 packets of ambient traffic arrived$/,
  },
  {
    name: "ambient, before",
    what: "all ambient packets came before",
    statuses: SKIP,
    counted: 0,
  },
  {
    name: "ambient, nothing after the close",
    what: "no ambient packet comes after the close",
    statuses: SKIP,
    counted: 2,
  },
];

for (const { name, what, statuses, counted, says } of CASES) {
  testNeeding(
    { root: true, programs: { ip: "iproute2" } },
    `Reception: ${what}: ${statuses}`,
    async () => {
      const resultOf = await toldOf(name);
      assertEquals(resultOf.statuses, statuses, resultOf.observed.join("; "));
      if (counted !== undefined) assertEquals(resultOf.counted, counted);
      if (says !== undefined) assertMatch(resultOf.observed[0], says);
      assertEquals(resultOf.numbers, Array.from({ length: resultOf.counted }, (_, i) => i + 1));
    },
  );
}
