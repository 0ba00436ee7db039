/** How a Reception judges a child at a real veth pair: see programs/receptions.ts. */

import { assertEquals, assertMatch } from "@std/assert";
import type { ReceivePath } from "../../../lib/receive/mod.ts";
import { TestsAhead } from "../../support/tests_ahead.ts";
import { inNamespace, ROOT } from "../../support/programs.ts";
import { PATHS, pathTest } from "../receive/paths.ts";

/** Turns IPv6 off, because with it the kernel sends frames itself, and adds another veth pair. */
const SET_UP = `echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6
  ip link add other type veth peer name other-far
  ip link set other up && ip link set other-far up && exec "$0" "$@"`;

interface Result {
  /** The statuses of RECV-01, RECV-02 and RECV-03. */
  readonly statuses: string;
  readonly observed: readonly string[];
  /** How many packets count. */
  readonly counted: number;
  /** The ordinals of the packets that count. */
  readonly numbers: readonly number[];
}

async function resultOf(name: string, path?: ReceivePath): Promise<Result> {
  const { code, stdout, stderr } = await inNamespace([
    ...["bash", "-c", SET_UP, Deno.execPath(), "run", "-A", "--quiet"],
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
const tests = new TestsAhead();

for (const path of PATHS) {
  pathTest(path, "returns the secrets of frames of every length", async () => {
    const { statuses, counted } = await resultOf("long", path);
    assertEquals([statuses, counted], [PASS, 300]);
  });
  pathTest(path, "returns ambient frames as the witness sees them", async () => {
    const { statuses, counted } = await resultOf("ambient", path);
    assertEquals([statuses, counted], [PASS, 5]);
  });
}

interface Expected {
  readonly name: string;
  readonly situation: string;
  readonly statuses: string;
  readonly counted?: number;
  /** What is observed for RECV-01. */
  readonly observed?: RegExp;
}

const REFUTED = /^root's own socket received \d+ packets, the child returned \d+, 5 wanted$/;

const CASES: readonly Expected[] = [
  { name: "twice", situation: "each frame is forwarded twice", statuses: PASS, counted: 5 },
  {
    name: "cut",
    situation: "frames come back without their secrets",
    statuses: FAIL,
    counted: 0,
    observed: REFUTED,
  },
  {
    name: "silent",
    situation: "no frame comes back",
    statuses: FAIL,
    counted: 0,
    observed: REFUTED,
  },
  {
    name: "late",
    situation: "only frames from before the close come back after it",
    statuses: FAIL,
    counted: 0,
    observed: REFUTED,
  },
  {
    name: "elsewhere",
    situation: "the stimulus does not reach the witness either",
    statuses: SKIP,
    counted: 0,
    observed: /root's own socket on the interface saw 0 of .*--stimulus/,
  },
  {
    name: "down",
    situation: "the interface goes down",
    statuses: SKIP,
    observed: /^the interface went down/,
  },
  {
    name: "dead at once",
    situation: "the child is dead before any frame",
    statuses: FAIL,
    observed: REFUTED,
  },
  {
    name: "dead at the close",
    situation: "the child dies at the close",
    statuses: FAIL,
    counted: 2,
    observed: REFUTED,
  },
  {
    name: "dead, frames elsewhere",
    situation: "the child is dead, and the witness sees nothing",
    statuses: SKIP,
  },
  {
    name: "ambient, twice",
    situation: "each ambient frame is forwarded twice",
    statuses: PASS,
    counted: 5,
  },
  {
    name: "ambient, invented",
    situation: "the child invents packets while ambient packets arrive",
    statuses: FAIL,
    counted: 0,
    observed: REFUTED,
  },
  {
    name: "ambient, silent",
    situation: "the child returns no ambient packet",
    statuses: FAIL,
    observed: REFUTED,
  },
  {
    name: "ambient, none",
    situation: "no ambient packet arrives",
    statuses: SKIP,
    observed: /^no stimulus, and only 0 of 5 packets of ambient traffic arrived$/,
  },
  {
    name: "ambient, before",
    situation: "all ambient packets arrived before the reception",
    statuses: SKIP,
    counted: 0,
  },
  {
    name: "ambient, nothing after the close",
    situation: "no ambient packet arrives after the close",
    statuses: SKIP,
    counted: 2,
  },
];

for (const { name, situation, statuses, counted, observed } of CASES) {
  tests.add(
    { root: true, programs: { ip: "iproute2" } },
    `Reception judges "${statuses}" if ${situation}`,
    async () => {
      const result = await resultOf(name);
      assertEquals(result.statuses, statuses, result.observed.join("; "));
      if (counted !== undefined) assertEquals(result.counted, counted);
      if (observed !== undefined) assertMatch(result.observed[0], observed);
      assertEquals(result.numbers, Array.from({ length: result.counted }, (_, i) => i + 1));
    },
  );
}
