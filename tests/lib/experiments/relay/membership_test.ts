import { assertEquals } from "@std/assert";
import {
  AF_INET,
  if_nametoindex,
  joinGroup,
  OwnedFd,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  socket,
} from "../../../../ffi/mod.ts";
import { membersOf } from "../../../../lib/experiments/relay/membership.ts";
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

Deno.test("membersOf() reads the count of one group on one interface", () => {
  assertEquals(membersOf("239.255.70.68", 2, TABLE), 2);
  assertEquals(membersOf("239.255.70.69", 2, TABLE), 1);
  assertEquals(membersOf("239.255.70.68", 12, TABLE), 7);
  assertEquals(membersOf("224.0.0.1", 1, TABLE), 1);
});

Deno.test("membersOf() is 0 for another group, another interface, and an empty table", () => {
  assertEquals(membersOf("239.255.70.70", 2, TABLE), 0);
  assertEquals(membersOf("239.255.70.68", 1, TABLE), 0);
  assertEquals(membersOf("239.255.70.68", 3, TABLE), 0);
  assertEquals(membersOf("239.255.70.68", 2, ""), 0);
});

testNeeding({ root: true }, "membersOf() counts a socket that joins, until it is closed", () => {
  const ifindex = if_nametoindex("lo"), group = "239.255.70.77";
  const members = () => membersOf(group, ifindex);
  const before = members();
  {
    using member = new OwnedFd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    joinGroup(member.fd, group, ifindex);
    assertEquals(members(), before + 1);
  }
  assertEquals(members(), before);
});
