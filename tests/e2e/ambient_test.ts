/** The main job on an interface where there is traffic of others, before, while and after the stimulus is sent. */

import { assert, assertEquals } from "@std/assert";
import type { Packet, Verdict } from "../../lib/evidence.ts";
import { TestsAhead } from "../support/ahead.ts";
import { testNeeding } from "../support/needs.ts";
import { evidenceIn, inNamespace } from "../support/programs.ts";
import { FDPASS } from "./here.ts";

/** In the shell: a datagram a millisecond leaves by the far end, for nobody. */
const TRAFFIC = `ip address add 192.0.2.9/24 dev veth-fdpass-far
  ip neighbour add 192.0.2.8 lladdr 02:00:00:00:00:01 dev veth-fdpass-far nud permanent
  while :; do echo others >/dev/udp/192.0.2.8/9; read -t 0.001 <> <(:); done &
  exec "$0" "$@"`;

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

/** As many frames of the stimulus as were asked for, and perhaps some more: of what does not come for a while, others are sent. */
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

testNeeding(
  root,
  "Traffic of others alone is enough for RECV-01, and none of it is ours: exit 4",
  async () => {
    const { checks, packets } = await amongOthers(["--stimulus", "none"], ["INCONCLUSIVE", 4]);
    const statuses = checks.filter(({ id }) => id.startsWith("RECV")).map(({ status }) => status);
    assertEquals(statuses, ["pass", "skip", "pass"]);
    assert(packets.length >= 5);
    assertEquals(packets.filter(({ ours }) => ours), []);
  },
);

for (const path of ["recvmmsg", "tpacket-v3"]) {
  testNeeding(
    root,
    `By ${path}, which brings the kernel's stamp, the traffic of others is enough for RECV-01`,
    async () => {
      const args = ["--stimulus", "none", "--receive", path];
      const { checks, packets } = await amongOthers(args, ["INCONCLUSIVE", 4]);
      const statuses = checks.filter(({ id }) => id.startsWith("RECV")).map(({ status }) => status);
      assertEquals(statuses, ["pass", "skip", "pass"]);
      assertEquals(new Set(packets.map(({ stamped_by }) => stamped_by)), new Set(["kernel"]));
    },
  );
}

const tests = new TestsAhead();

for (const path of ["recvfrom", "io-uring", "io-uring-multishot"]) {
  tests.add(
    root,
    `By ${path}, which brings no stamp, the traffic of others shows nothing: exit 4`,
    async () => {
      const outcome = await among(["-t", "5", "--stimulus", "none", "--receive", path]);
      const { verdict, experiments: [{ checks, packets, error }] } = evidenceIn(outcome);
      assertEquals([error, verdict, outcome.code], [null, "INCONCLUSIVE", 4]);
      const open = checks.filter(({ status }) => status !== "pass");
      assertEquals(open.map(({ id, status }) => `${id} ${status}`), [
        ...["RECV-01 skip", "RECV-02 skip", "RECV-03 skip"],
      ]);
      assert(packets.length >= 5, "there is traffic");
      assertEquals(packets.filter(({ after_drop, ours }) => after_drop || ours), []);
      assertEquals(new Set(packets.map(({ stamped_by }) => stamped_by)), new Set(["child"]));
    },
  );

  testNeeding(root, `By ${path} the main job holds among the traffic of others: PASS`, async () => {
    const { packets } = await amongOthers(["-n", "100", "--receive", path]);
    assertStimulus(packets, 100);
  });
}
