import { assertEquals } from "@std/assert";
import { longestPayload, RelayFrames } from "../../../../lib/experiments/relay/frames.ts";
import { invalidFrames } from "../../../../lib/experiments/relay/invalid_frames.ts";
import { DatagramReader } from "../../../../lib/experiments/relay/datagrams.ts";
import { SENDER } from "../../../support/link_ends.ts";

const LONGEST = 1472;
const TO = { address: "239.255.70.68", port: 5004 };

/** The payload of a frame, or the reason for which a relay drops it. */
function payloadOf(frame: Uint8Array): Uint8Array | string {
  const reader = new DatagramReader(TO, "ethernet");
  const reason = reader.read(frame, 0, frame.length);
  return reason ?? frame.slice(reader.start, reader.start + reader.size);
}

Deno.test("A round of RelayFrames has every payload size once, and no two payloads are the same", () => {
  const frames = new RelayFrames(SENDER, TO, LONGEST);
  const sizes = new Set<number>(), marks = new Set<string>();
  let marked = 0;
  for (let sequence = 0; sequence <= LONGEST; sequence++) {
    const payload = frames.payload(sequence);
    sizes.add(payload.length);
    if (payload.length >= 4) marks.add(payload.slice(0, 4).toHex()), marked++;
    if (sequence % 97 === 0) assertEquals(payloadOf(frames.datagram(sequence)), payload);
  }
  assertEquals([sizes.size, marks.size], [LONGEST + 1, marked]);
});

Deno.test("RelayFrames of two runs differ wherever there is room for a nonce", () => {
  const [here, there] = [
    new RelayFrames(SENDER, TO, LONGEST),
    new RelayFrames(SENDER, TO, LONGEST),
  ];
  for (let sequence = 1; sequence < 100; sequence++) {
    const payload = here.payload(sequence);
    if (payload.length < 20) continue;
    assertEquals(payload.toHex() === there.payload(sequence).toHex(), false, `${sequence}`);
  }
});

Deno.test("RelayFrames.datagram() sometimes omits the checksum, and sometimes adds an option", () => {
  const frames = new RelayFrames(SENDER, TO, LONGEST);
  const all = Array.from({ length: 200 }, (_, sequence) => frames.datagram(sequence));
  const withOption = all.filter((frame) => frame[14] === 0x46);
  const udpOf = (frame: Uint8Array) => 14 + (frame[14] & 15) * 4;
  const unsummed = all.filter((frame) =>
    frame[udpOf(frame) + 6] === 0 && frame[udpOf(frame) + 7] === 0
  );
  assertEquals([withOption.length, unsummed.length], [28, 40]); // every 7th with room, every 5th
  for (const frame of all) assertEquals(frame.length <= 1514, true);
});

Deno.test("RelayFrames.invalid() makes a frame that a relay drops for its reason", () => {
  const frames = new RelayFrames(SENDER, TO, LONGEST);
  for (const kind of invalidFrames("ethernet")) {
    assertEquals<unknown>(payloadOf(frames.invalid(kind)), kind.reason, kind.name);
  }
});

for (const longest of [40, 575, 576, 1153, 8972, 65507]) {
  Deno.test(`A round of RelayFrames up to ${longest} bytes has many sizes, both ends among them`, () => {
    const frames = new RelayFrames(SENDER, TO, longest);
    const sizes = new Set<number>();
    for (let i = 0; i < frames.round; i++) sizes.add(frames.payload(i).length);
    const round = longest === 65507 ? 256 : Math.min(longest + 1, 1473);
    assertEquals([sizes.size, frames.round], [round, round]);
    assertEquals([Math.min(...sizes), Math.max(...sizes)], [0, longest]);
    assertEquals(frames.payload(0).length, longest);
    assertEquals(payloadOf(frames.datagram(0)), frames.payload(0));
    for (const kind of invalidFrames("ethernet")) {
      assertEquals(frames.invalid(kind).length <= Math.max(60, longest + 46), true, kind.name);
    }
  });
}

Deno.test("longestPayload() is what the shorter end carries, and an IPv4 packet can hold", () => {
  assertEquals(longestPayload({ mtu: 1500 }, { mtu: 9000 }), 1472);
  assertEquals(longestPayload({ mtu: 1400 }), 1372);
  assertEquals(longestPayload({ mtu: 65536 }), 65507);
});
