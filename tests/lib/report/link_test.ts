import { assertEquals } from "@std/assert";
import { describeLink } from "../../../lib/report/link.ts";

Deno.test("describeLink() names the form of the frames, the kind if there is one, and the MTU", () => {
  const described = [
    describeLink({ layer: "ethernet", kind: "veth", mtu: 1500 }),
    describeLink({ layer: "ethernet", kind: "", mtu: 65536 }),
    describeLink({ layer: "ip", kind: "tun", mtu: 1280 }),
  ];
  assertEquals(described, [
    "Ethernet (veth), MTU 1500",
    "Ethernet, MTU 65536",
    "bare IP packets (tun), MTU 1280",
  ]);
});
