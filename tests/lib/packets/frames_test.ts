import { assertEquals } from "@std/assert";
import { endOfPacket, summarize } from "../../../lib/packets/frames.ts";

const ethernet = (...rest: number[]) => Uint8Array.from([...new Array(12).fill(0xff), ...rest]);
const ipv4 = (protocol: number) =>
  ethernet(0x08, 0x00, 0x45, ...new Array(8).fill(0), protocol, ...new Array(10).fill(0));

Deno.test("summarize() names the packet in a frame, and never reads beyond its end", () => {
  const cases: [frame: Uint8Array, summary: string][] = [
    [ipv4(2), "IPv4 (protocol: 2)"],
    [ipv4(17), "IPv4 (protocol: 17)"],
    [ipv4(17).subarray(0, 33), "IPv4 (truncated)"],
    [ethernet(0x86, 0xdd), "IPv6"],
    [ethernet(0x08, 0x06), "ARP"],
    [ethernet(0x00, 0x27), "EtherType 0x0027"],
    [ethernet(0x08), "Truncated frame"],
    [new Uint8Array(0), "Truncated frame"],
  ];
  for (const [frame, summary] of cases) assertEquals(summarize(frame, "ethernet"), summary);
});

Deno.test("summarize() names the VLANs of a frame, the outer one first", () => {
  const tagged = ethernet(0x88, 0xa8, 0xe0, 7, 0x81, 0x00, 0, 5, 0x86, 0xdd);
  assertEquals(summarize(tagged, "ethernet"), "VLAN 7, VLAN 5, IPv6");
  assertEquals(summarize(tagged.subarray(0, 20), "ethernet"), "Truncated frame");
});

Deno.test("summarize() names a bare packet, and nothing that is not IP", () => {
  assertEquals(summarize(ipv4(2).subarray(14), "ip"), "IPv4 (protocol: 2)");
  assertEquals(summarize(Uint8Array.of(0x45), "ip"), "IPv4 (truncated)");
  assertEquals(summarize(Uint8Array.of(0x60), "ip"), "IPv6");
  assertEquals(summarize(Uint8Array.of(0x08, 0x06), "ip"), "No IP");
  assertEquals(summarize(new Uint8Array(0), "ip"), "Truncated frame");
});

Deno.test("endOfPacket() follows the length in the header of the IP packet", () => {
  const sized = (type: number[], at: number, size: number, length: number) => {
    const frame = new Uint8Array(length);
    frame.set(type, 12);
    new DataView(frame.buffer).setUint16(14 + at, size);
    return frame;
  };
  const IPV4 = [0x08, 0x00], IPV6 = [0x86, 0xdd], ARP = [0x08, 0x06];
  assertEquals(endOfPacket(sized(IPV4, 2, 32, 62), "ethernet"), 46);
  assertEquals(endOfPacket(sized(IPV4, 2, 65535, 34), "ethernet"), 14 + 65535);
  assertEquals(endOfPacket(sized(IPV4, 2, 32, 33), "ethernet"), undefined);
  assertEquals(endOfPacket(sized(IPV6, 4, 12, 82), "ethernet"), 66);
  assertEquals(endOfPacket(sized(IPV6, 4, 12, 53), "ethernet"), undefined);
  assertEquals(endOfPacket(sized(ARP, 2, 32, 62), "ethernet"), undefined);
  assertEquals(endOfPacket(new Uint8Array(0), "ethernet"), undefined);
  assertEquals(endOfPacket(sized(IPV4, 2, 32, 62).subarray(14).with(0, 0x45), "ip"), 32);
  assertEquals(endOfPacket(sized(IPV6, 4, 12, 82).subarray(14).with(0, 0x60), "ip"), 52);
  const tag = [0x81, 0, 0, 5], plain = sized(IPV4, 2, 32, 62);
  const tagged = Uint8Array.from([...plain.subarray(0, 12), ...tag, ...plain.subarray(12)]);
  assertEquals(endOfPacket(tagged, "ethernet"), 50);
});
