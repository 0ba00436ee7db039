import { assertEquals } from "@std/assert";
import { describeLink } from "../../../lib/report/link.ts";

Deno.test("describeLink() names the form of the frames, the kind if there is one, and the MTU", () => {
  const described = [
    describeLink({ name: "a", layer: "ethernet", kind: "veth", mtu: 1500 }, "a"),
    describeLink({ name: "lo", layer: "ethernet", kind: "", mtu: 65536 }, "lo"),
    describeLink({ name: "tun0", layer: "ip", kind: "tun", mtu: 1280 }, "another name"),
  ];
  assertEquals(described, [
    "Ethernet (veth), MTU 1500",
    "Ethernet, MTU 65536",
    "tun0, bare IP packets (tun), MTU 1280",
  ]);
});
