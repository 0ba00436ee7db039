/** The main job on an interface with traffic of others, before, during and after the stimulus. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { PATHS } from "../lib/receive/paths.ts";
import { TestsAhead } from "../support/tests_ahead.ts";
import { evidenceIn, inNamespace } from "../support/programs.ts";
import { FDPASS } from "./here.ts";
import { amongOthers, assertStimulus, GROUP_TRAFFIC } from "./traffic.ts";

const root = { root: true, programs: { ip: "iproute2" } };
const tests = new TestsAhead();

tests.add(root, "The main job holds among the traffic of others: PASS", async () => {
  const { packets } = await amongOthers(["-n", "100"]);
  assertStimulus(packets, 100);
});

for (const path of PATHS) {
  const name = `By ${path} the traffic of others alone is enough, and none of it is ours`;
  tests.add(root, name, async () => {
    const { checks, packets } = await amongOthers(["--stimulus", "none", "--receive", path]);
    const statuses = checks.filter(({ id }) => id.startsWith("RECV")).map(({ status }) => status);
    assertEquals(statuses, ["pass", "pass", "pass"]);
    assert(packets.filter(({ after_drop }) => after_drop).length >= 5);
    assertEquals(packets.filter(({ ours }) => ours), []);
  });
}

for (const path of ["recvfrom", "io-uring", "io-uring-multishot"]) {
  tests.add(root, `By ${path} the main job holds among the traffic of others: PASS`, async () => {
    const { packets } = await amongOthers(["-n", "100", "--receive", path]);
    assertStimulus(packets, 100);
  });
}

tests.add(root, "A hardened socket does not admit unicast: exit 4, and the reason", async () => {
  const args = ["--harden", "--stimulus", "none", "-t", "5", "-n", "50"];
  const { checks } = await amongOthers(args, ["INCONCLUSIVE", 4]);
  const { observed } = checks.find(({ id }) => id === "RECV-01")!;
  assertMatch(
    observed,
    /^no stimulus, and only \d+ of 50 packets .* admits only multicast IPv4 and/,
  );
});

tests.add(root, "Multicast traffic alone suffices for a hardened socket: PASS", async () => {
  const args = ["--harden", "--json", "--stimulus", "none", "veth-fdpass"];
  const outcome = await inNamespace(["bash", "-c", GROUP_TRAFFIC, ...FDPASS, ...args]);
  assertEquals([evidenceIn(outcome).verdict, outcome.code], ["PASS", 0]);
});

/** In the shell: sends a datagram to nobody every millisecond, over the loopback. */
const LOOPBACK = `while :; do echo others >/dev/udp/127.0.0.8/9; read -t 0.001 <> <(:); done &
  exec "$0" "$@"`;

tests.add(root, "On the loopback, the traffic of others suffices: PASS", async () => {
  const outcome = await inNamespace(["bash", "-c", LOOPBACK, ...FDPASS, "--json", "lo"]);
  const evidence = evidenceIn(outcome);
  assertEquals([evidence.verdict, outcome.code], ["PASS", 0]);
});
