import { assertEquals } from "@std/assert";
import { carries, markedFrame } from "../../../lib/packets/marks.ts";
import { OPERATIONS } from "../../../lib/experiments/authority/operations.ts";

const NAMES = OPERATIONS.map(({ name }) => name);

Deno.test("carries() tells the frame of each operation from all others", () => {
  for (const mark of NAMES) {
    assertEquals(NAMES.filter((name) => carries(markedFrame(name, "ethernet"), mark, "ethernet")), [
      mark,
    ]);
  }
});

Deno.test("markedFrame() is addressed to a group, and long enough for Ethernet", () => {
  for (const name of NAMES) {
    const frame = markedFrame(name, "ethernet");
    assertEquals([frame.length >= 60, frame[0] & 1], [true, 1], name);
  }
});

Deno.test("A mark on a link without a header is the packet alone", () => {
  const [frame, packet] = [markedFrame("send", "ethernet"), markedFrame("send", "ip")];
  assertEquals(packet, frame.slice(14, 14 + packet.length));
  assertEquals([carries(packet, "send", "ip"), carries(frame, "send", "ip")], [true, false]);
});

Deno.test("carries() is false for a frame that is cut, or differs in one byte", () => {
  const frame = markedFrame("send", "ethernet");
  assertEquals(carries(frame.subarray(0, -1), "send", "ethernet"), false);
  for (let i = 0; i < frame.length; i++) {
    assertEquals(carries(frame.with(i, frame[i] ^ 1), "send", "ethernet"), false);
  }
});
