/** Interfaces are found by alternative names, which may be longer than names: ip-link(8). */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { testNeeding } from "../support/needs.ts";
import { evidenceIn, inNamespace, type Outcome } from "../support/programs.ts";
import { FDPASS } from "./here.ts";

const NEAR = "an-alternative-name-of-the-near-end", FAR = "an-alternative-name-of-the-far-end";
const OUT = "an-alternative-name-of-the-egress";

/** Names the interfaces, then becomes the command. */
const NAMED = `
  ip link property add dev veth-fdpass altname ${NEAR} altname near
  ip link property add dev veth-fdpass-far altname ${FAR}
  ip link add out type veth peer name out-far
  ip link property add dev out altname ${OUT}
  ip address add 203.0.113.1/30 dev out && ip link set out up && ip link set out-far up
  exec "$0" "$@"`;

const named = (...args: string[]): Promise<Outcome> =>
  inNamespace(["sh", "-c", NAMED, ...FDPASS, ...args]);

const needs = { root: true, programs: { ip: "iproute2" } };

testNeeding(
  needs,
  "An alternative name as INTERFACE and --stimulus: PASS, with both names",
  async () => {
    const { code, stdout, stderr } = await named("--stimulus", FAR, NEAR);
    assertEquals([code, stderr], [0, ""], stdout);
    assertStringIncludes(
      stdout,
      `  Interface: ${NEAR}\n    · veth-fdpass, Ethernet (veth), MTU 1500\n`,
    );
  },
);

testNeeding(needs, "An alternative name as --out of the relay, and a short one: PASS", async () => {
  const outcome = await named("--json", "-e", "relay", "--out", OUT, "near");
  const { verdict, environment } = evidenceIn(outcome);
  assertEquals([outcome.code, verdict, outcome.stderr], [0, "PASS", ""]);
  assertEquals([environment.interface, environment.link?.name], ["near", "veth-fdpass"]);
});

testNeeding(
  needs,
  "An alternative name of the interface itself as --stimulus: exit 2",
  async () => {
    const { code, stderr } = await named("--stimulus", NEAR, "veth-fdpass");
    assertMatch(stderr, /--stimulus: frames injected on "veth-fdpass" leave through it/);
    assertEquals(code, 2);
  },
);
