import { assert, assertEquals, assertThrows } from "@std/assert";
import { linkByName, SystemError } from "../../../ffi/mod.ts";
import { passEveryGroup } from "../../../lib/packets/every_group.ts";
import { leavingNothingOpen } from "../../ffi/descriptors.ts";
import { testNeeding } from "../../support/needs.ts";
import { inNamespace } from "../../support/programs.ts";

const MACVLAN =
  `ip link add mv0 link veth-fdpass type macvlan mode bridge && ip link set mv0 up && exec "$0" "$@"`;

/** As many as the program sends to. */
const GROUPS = Array.from({ length: 16 }, (_, group) => group);

testNeeding(
  { root: true, programs: { ip: "iproute2" } },
  "passEveryGroup() has a macvlan pass groups that nobody joined, until it is closed",
  async () => {
    const { code, stdout, stderr } = await inNamespace([
      ...["bash", "-c", MACVLAN, Deno.execPath(), "run", "-A", "--quiet"],
      ...["tests/lib/packets/programs/every_group.ts", "mv0", "veth-fdpass-far"],
    ]);
    assertEquals([code, stderr], [0, ""]);
    const { before, during, after } = JSON.parse(stdout);
    assertEquals(during, GROUPS);
    assert(before.length < GROUPS.length / 2, `passed before: ${before}`);
    assertEquals(after, before);
  },
);

testNeeding(
  { root: true },
  "passEveryGroup() leaves a loopback alone, and nothing open if the interface is gone",
  leavingNothingOpen(() => {
    assertEquals(passEveryGroup(linkByName("lo")), undefined);
    const gone = { name: "gone0", ifindex: 0x7fff_fffe, loopback: false };
    assertThrows(() => passEveryGroup(gone), SystemError, `Cannot have "gone0" pass every group`);
  }),
);
