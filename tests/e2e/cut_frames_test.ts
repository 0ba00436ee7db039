/**
 * On an interface whose frames lose what follows the IP packet, the question cannot be answered.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { TestsAhead } from "../support/tests_ahead.ts";
import { evidenceIn, inNamespace, ROOT } from "../support/programs.ts";
import { FDPASS } from "./here.ts";

const tests = new TestsAhead();
/**
 * In the shell: a bridge over the near end that passes its frames through netfilter, or does not.
 */
const bridge = (callsIptables: 0 | 1) =>
  `ip link add br0 type bridge mcast_snooping 0
  ip link set veth-fdpass master br0
  ip link set br0 up
  echo ${callsIptables} >/proc/sys/net/bridge/bridge-nf-call-iptables
  echo ${callsIptables} >/proc/sys/net/bridge/bridge-nf-call-ip6tables
  exec "$0" "$@"`;

const hasBridgeNetfilter = await Deno.stat("/proc/sys/net/bridge").then(() => true, () => false);

const overBridge = (callsIptables: 0 | 1) =>
  inNamespace([
    ...["bash", "-ec", bridge(callsIptables), ...FDPASS, "--json", "-t", "3"],
    ...["--stimulus", "veth-fdpass-far", "br0"],
  ]);

if (hasBridgeNetfilter) {
  tests.add(
    { root: true, programs: { ip: "iproute2" } },
    "A bridge with bridge-nf-call-iptables cuts frames: exit 4, and the reason",
    async () => {
      const outcome = await overBridge(1);
      const { verdict, experiments: [{ checks, error }] } = evidenceIn(outcome);
      assertEquals([error, verdict, outcome.code], [null, "INCONCLUSIVE", 4]);
      const open = checks.filter(({ status }) => status !== "pass");
      assertEquals(open.map(({ id, status }) => `${id} ${status}`), [
        ...["RECV-01 skip", "RECV-02 skip", "RECV-03 skip"],
      ]);
      for (const { observed } of open) {
        assertMatch(
          observed,
          /cut off the bytes behind the IP packet in \d+ frames, as a bridge does/,
        );
      }
    },
  );

  tests.add(
    { root: true, programs: { ip: "iproute2" } },
    "Without bridge-nf-call-iptables a bridge passes whole frames: PASS",
    async () => {
      const outcome = await overBridge(0);
      assertEquals([evidenceIn(outcome).verdict, outcome.code], ["PASS", 0]);
    },
  );
} else {
  Deno.test.ignore("A bridge that cuts frames # SKIP needs the module br_netfilter", () => {});
}

tests.add(
  { root: true, programs: { ip: "iproute2" } },
  "The stimulus sent into another interface does not arrive: exit 4, and the reason",
  async () => {
    const outcome = await inNamespace([
      ...[
        "bash",
        "-ec",
        `ip link add other type veth peer name other-far
        ip link set other up; ip link set other-far up; exec "$0" "$@"`,
        ...FDPASS,
      ],
      ...["--json", "-t", "3", "--stimulus", "other", "veth-fdpass"],
    ]);
    const { verdict, experiments: [{ checks }] } = evidenceIn(outcome);
    assertEquals([verdict, outcome.code], ["INCONCLUSIVE", 4]);
    const { observed } = checks.find(({ id }) => id === "RECV-01")!;
    assertMatch(observed, /saw 0 of \d+: name the interface to send from with --stimulus/);
  },
);

tests.add(
  { root: true },
  "An ordinary socket in the group reads the number of a frame, but not its secret",
  async () => {
    const { code, stdout, stderr } = await inNamespace([
      ...[Deno.execPath(), "run", "-A", "--quiet"],
      `${ROOT}/tests/lib/experiments/relay/programs/multicast_listener.ts`,
    ]);
    assertEquals([code, stderr], [0, ""]);
    const { read, secret } = JSON.parse(stdout);
    assertEquals([read, secret.length], ["00000000", 32]);
  },
);
