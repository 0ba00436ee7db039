/** The main job on an interface with traffic of others, before, during and after the stimulus. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Packet, Verdict } from "../../lib/evidence/evidence.ts";
import { PATHS } from "../lib/receive/paths.ts";
import { testNeeding } from "../support/needs.ts";
import { evidenceIn, inNamespace } from "../support/programs.ts";
import { FDPASS } from "./here.ts";
import { GROUP_TRAFFIC, TRAFFIC } from "./traffic.ts";

const among = (args: string[]) =>
  inNamespace(["bash", "-c", TRAFFIC, ...FDPASS, "--json", ...args, "veth-fdpass"]);

async function amongOthers(args: string[], expected: [Verdict, number] = ["PASS", 0]) {
  const outcome = await among(args);
  const evidence = evidenceIn(outcome);
  const [{ checks, packets, error }] = evidence.experiments;
  const failed = checks.filter(({ status }) => status === "fail").map(({ id }) => id);
  assertEquals([error, failed, evidence.verdict, outcome.code], [null, [], ...expected]);
  return { checks, packets };
}

/**
 * At least the requested number of frames of the stimulus. There may be a few more, because frames
 * that do not arrive for a while are replaced.
 */
function assertStimulus(packets: readonly Packet[], count: number): void {
  const received = packets.filter(({ ours }) => ours).length;
  assert(received >= count, `${received} of ${count}`);
}

const root = { root: true, programs: { ip: "iproute2" } };

testNeeding(root, "The main job holds among the traffic of others: PASS", async () => {
  for (let run = 0; run < 10; run++) {
    const { packets } = await amongOthers(["-n", "100"]);
    assertStimulus(packets, 100);
  }
});

for (const path of PATHS) {
  const name = `By ${path} the traffic of others alone is enough, and none of it is ours`;
  testNeeding(root, name, async () => {
    const { checks, packets } = await amongOthers(["--stimulus", "none", "--receive", path]);
    const statuses = checks.filter(({ id }) => id.startsWith("RECV")).map(({ status }) => status);
    assertEquals(statuses, ["pass", "pass", "pass"]);
    assert(packets.filter(({ after_drop }) => after_drop).length >= 5);
    assertEquals(packets.filter(({ ours }) => ours), []);
  });
}

for (const path of ["recvfrom", "io-uring", "io-uring-multishot"]) {
  testNeeding(root, `By ${path} the main job holds among the traffic of others: PASS`, async () => {
    const { packets } = await amongOthers(["-n", "100", "--receive", path]);
    assertStimulus(packets, 100);
  });
}

testNeeding(root, "A hardened socket does not admit unicast: exit 4, and the reason", async () => {
  const args = ["--harden", "--stimulus", "none", "-t", "3", "-n", "50"];
  const { checks } = await amongOthers(args, ["INCONCLUSIVE", 4]);
  const { observed } = checks.find(({ id }) => id === "RECV-01")!;
  assertMatch(
    observed,
    /^no stimulus, and only \d+ of 50 packets .* admits only multicast IPv4 and/,
  );
});

testNeeding(root, "Multicast traffic alone suffices for a hardened socket: PASS", async () => {
  const args = ["--harden", "--json", "--stimulus", "none", "veth-fdpass"];
  const outcome = await inNamespace(["bash", "-c", GROUP_TRAFFIC, ...FDPASS, ...args]);
  assertEquals([evidenceIn(outcome).verdict, outcome.code], ["PASS", 0]);
});

/** In the shell: sends a datagram to nobody every millisecond, over the loopback. */
const LOOPBACK = `while :; do echo others >/dev/udp/127.0.0.8/9; read -t 0.001 <> <(:); done &
  exec "$0" "$@"`;

testNeeding(root, "On the loopback, the traffic of others suffices: PASS", async () => {
  const outcome = await inNamespace(["bash", "-c", LOOPBACK, ...FDPASS, "--json", "lo"]);
  const evidence = evidenceIn(outcome);
  assertEquals([evidence.verdict, outcome.code], ["PASS", 0]);
});
