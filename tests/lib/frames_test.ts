import { assertEquals } from "@std/assert";
import { summarize } from "../../lib/frames.ts";

const ethernet = (...rest: number[]) => Uint8Array.from([...new Array(12).fill(0xff), ...rest]);
const ipv4 = (protocol: number) =>
  ethernet(0x08, 0x00, 0x45, ...new Array(8).fill(0), protocol, ...new Array(10).fill(0));

Deno.test("summarize() says what a frame is, and never looks beyond its end", () => {
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
  for (const [frame, summary] of cases) assertEquals(summarize(frame), summary);
});
