import { assertEquals } from "@std/assert";
import {
  AF_INET,
  if_nametoindex,
  OwnedFd,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  socket,
} from "../../../../ffi/mod.ts";
import { formatGroup } from "../../../../lib/experiments/relay/egress.ts";
import { join, membersOf } from "../../../../lib/experiments/relay/membership.ts";
import { testNeeding } from "../../../support/needs.ts";

// As Linux 6.18 printed it on a little-endian machine.
const TABLE = `Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter
1\tlo        :     1      V3
\t\t\t\t010000E0     1 0:00000000\t\t0
2\tveth-fdpass:     3      V3
\t\t\t\t4446FFEF     2 0:00000000\t\t0
\t\t\t\t4546FFEF     1 0:00000000\t\t0
\t\t\t\t010000E0     1 0:00000000\t\t0
12\teth0      :     2      V3
\t\t\t\t4446FFEF     7 0:00000000\t\t0
`;

const any = (address: string) => ({ address });

Deno.test("membersOf() reads the count of one group on one interface", () => {
  assertEquals(membersOf(any("239.255.70.68"), 2, TABLE), 2);
  assertEquals(membersOf(any("239.255.70.69"), 2, TABLE), 1);
  assertEquals(membersOf(any("239.255.70.68"), 12, TABLE), 7);
  assertEquals(membersOf(any("224.0.0.1"), 1, TABLE), 1);
});

Deno.test("membersOf() is 0 for another group, another interface, and an empty table", () => {
  assertEquals(membersOf(any("239.255.70.70"), 2, TABLE), 0);
  assertEquals(membersOf(any("239.255.70.68"), 1, TABLE), 0);
  assertEquals(membersOf(any("239.255.70.68"), 3, TABLE), 0);
  assertEquals(membersOf(any("239.255.70.68"), 2, ""), 0);
});

// As Linux 6.18 printed it.
const SOURCES = `Idx Device        MCA        SRC    INC    EXC
  3 veth-f 0xe8010203 0xc0000201      2      0
  3 veth-f 0xe8010203 0xc0000202      1      0
 12   eth0 0xe8010203 0xc0000201      0      1
`;

Deno.test("membersOf() reads how many want one source of a group", () => {
  const from = (source: string) => ({ address: "232.1.2.3", source });
  assertEquals(membersOf(from("192.0.2.1"), 3, SOURCES), 2);
  assertEquals(membersOf(from("192.0.2.2"), 3, SOURCES), 1);
  assertEquals(membersOf(from("192.0.2.3"), 3, SOURCES), 0);
  assertEquals(membersOf(from("192.0.2.1"), 12, SOURCES), 0); // excluded
  assertEquals(membersOf({ ...from("192.0.2.1"), address: "232.1.2.4" }, 3, SOURCES), 0);
});

for (
  const group of [{ address: "239.255.70.77" }, { address: "232.70.70.77", source: "192.0.2.9" }]
) {
  testNeeding(
    { root: true },
    `join() and membersOf() agree until the socket is closed: ${
      formatGroup({ port: 1, ...group })
    }`,
    () => {
      const ifindex = if_nametoindex("lo");
      const members = () => membersOf(group, ifindex);
      const before = members();
      {
        using member = new OwnedFd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        join(member.fd, group, ifindex);
        assertEquals(members(), before + 1);
      }
      assertEquals(members(), before);
    },
  );
}
