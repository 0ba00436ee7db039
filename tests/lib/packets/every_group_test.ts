import { assertEquals, assertThrows } from "@std/assert";
import { linkByName, SystemError } from "../../../ffi/mod.ts";
import { passEveryGroup } from "../../../lib/packets/every_group.ts";
import { leavingNothingOpen } from "../../ffi/descriptors.ts";
import { testNeeding } from "../../support/needs.ts";
import { inNamespace } from "../../support/programs.ts";

const MACVLAN =
  `ip link add mv0 link veth-fdpass type macvlan mode bridge && ip link set mv0 up && exec "$0" "$@"`;

testNeeding(
  { root: true, programs: { ip: "iproute2" } },
  "passEveryGroup() has a macvlan pass a group that nobody joined, until it is closed",
  async () => {
    const { code, stdout, stderr } = await inNamespace([
      ...["bash", "-c", MACVLAN, Deno.execPath(), "run", "-A", "--quiet"],
      ...["tests/lib/packets/programs/every_group.ts", "mv0", "veth-fdpass-far"],
    ]);
    assertEquals([code, stderr], [0, ""]);
    assertEquals(JSON.parse(stdout), { before: false, during: true, after: false });
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
