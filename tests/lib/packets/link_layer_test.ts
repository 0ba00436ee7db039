import { assertEquals, assertThrows } from "@std/assert";
import { ETH_P_ARP, ETH_P_IP, ETH_P_IPV6, linkByName } from "../../../ffi/mod.ts";
import { CannotAnswer } from "../../../lib/evidence/errors.ts";
import {
  asInterface,
  findPacket,
  isSuperPacket,
  longestFrame,
} from "../../../lib/packets/link_layer.ts";

const link = (type: number) => ({ ...linkByName("lo"), name: "some0", type });

Deno.test("asInterface() knows the form of Ethernet frames and of bare IP packets", () => {
  const layers = [1, 772, 519, 0xfffe].map((type) => asInterface(link(type)).layer);
  assertEquals(layers, ["ethernet", "ethernet", "ip", "ip"]);
});

Deno.test("asInterface() cannot answer for any other link type, and names it", () => {
  for (const type of [0, 280, 512, 778, 801, 803, 65535]) { // CAN is 280, PPP 512, GRE 778
    assertThrows(() => asInterface(link(type)), CannotAnswer, `link type (ARPHRD) is ${type}`);
  }
});

Deno.test("longestFrame() is limited by the smallest MTU, and counts the header", () => {
  const end = (layer: "ethernet" | "ip", mtu: number) => ({ layer, mtu });
  assertEquals(longestFrame(end("ethernet", 1500)), 1514);
  assertEquals(longestFrame(end("ip", 1500)), 1500);
  assertEquals(longestFrame(end("ethernet", 9000), end("ethernet", 1280)), 1294);
  assertEquals(longestFrame(end("ethernet", 65_536)), 65_549, "no IPv4 packet is longer");
});

Deno.test("isSuperPacket() is true for a frame that its link cannot carry; tags do not count", () => {
  const ethernet = { layer: "ethernet", mtu: 1500 } as const;
  const is = [1514, 1515, 48_042].map((bytes) => isSuperPacket(bytes, 0, ethernet));
  assertEquals(is, [false, true, true]);
  assertEquals([isSuperPacket(1522, 2, ethernet), isSuperPacket(1523, 2, ethernet)], [false, true]);
  const bare = { layer: "ip", mtu: 1500 } as const;
  assertEquals([isSuperPacket(1500, 0, bare), isSuperPacket(1501, 0, bare)], [false, true]);
});

const ethernet = (...words: number[]) =>
  Uint8Array.from([...new Array(12).fill(2), ...words.flatMap((word) => [word >> 8, word & 255])]);

Deno.test("findPacket() finds the packet behind any number of VLAN tags", () => {
  const cases: [frame: Uint8Array, etherType: number, start: number, vlans: number[]][] = [
    [ethernet(ETH_P_IP), ETH_P_IP, 14, []],
    [ethernet(ETH_P_ARP, 0x8100), ETH_P_ARP, 14, []],
    [ethernet(0x8100, 0xe005, ETH_P_IPV6), ETH_P_IPV6, 18, [5]],
    [ethernet(0x88a8, 0x0fff, 0x8100, 0x1000, ETH_P_IP), ETH_P_IP, 22, [4095, 0]],
  ];
  for (const [frame, etherType, start, vlans] of cases) {
    assertEquals(findPacket(frame, "ethernet"), { etherType, start, vlans });
    for (let length = 0; length < start; length++) {
      assertEquals(findPacket(frame.subarray(0, length), "ethernet"), undefined);
    }
  }
});

Deno.test("findPacket() tells a bare packet by its version, and reads no Ethernet there", () => {
  const place = (first: number) => findPacket(Uint8Array.of(first), "ip");
  assertEquals(place(0x45), { etherType: ETH_P_IP, start: 0, vlans: [] });
  assertEquals(place(0x60), { etherType: ETH_P_IPV6, start: 0, vlans: [] });
  for (const first of [0x00, 0x54, 0xff]) assertEquals(place(first), undefined);
  assertEquals(findPacket(new Uint8Array(0), "ip"), undefined);
});
