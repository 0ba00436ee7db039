import { assertEquals } from "@std/assert";
import { LONGEST_PAYLOAD, RelayFrames } from "../../../../lib/experiments/relay/frames.ts";
import { INVALID_FRAMES } from "../../../../lib/experiments/relay/invalid_frames.ts";
import { DatagramReader } from "../../../../lib/experiments/relay/datagrams.ts";
import { SENDER } from "../../../support/link_ends.ts";

const TO = { address: "239.255.70.68", port: 5004 };

/** The payload of a frame, or the reason for which a relay drops it. */
function payloadOf(frame: Uint8Array): Uint8Array | string {
  const reader = new DatagramReader(TO, "ethernet");
  const reason = reader.read(frame, 0, frame.length);
  return reason ?? frame.slice(reader.start, reader.start + reader.size);
}

Deno.test("A round of RelayFrames has every payload size once, and no two payloads are the same", () => {
  const frames = new RelayFrames(SENDER, TO);
  const sizes = new Set<number>(), marks = new Set<string>();
  let marked = 0;
  for (let sequence = 0; sequence <= LONGEST_PAYLOAD; sequence++) {
    const payload = frames.payload(sequence);
    sizes.add(payload.length);
    if (payload.length >= 4) marks.add(payload.slice(0, 4).toHex()), marked++;
    if (sequence % 97 === 0) assertEquals(payloadOf(frames.datagram(sequence)), payload);
  }
  assertEquals([sizes.size, marks.size], [LONGEST_PAYLOAD + 1, marked]);
});

Deno.test("RelayFrames of two runs differ wherever there is room for a nonce", () => {
  const [here, there] = [new RelayFrames(SENDER, TO), new RelayFrames(SENDER, TO)];
  for (let sequence = 1; sequence < 100; sequence++) {
    const payload = here.payload(sequence);
    if (payload.length < 20) continue;
    assertEquals(payload.toHex() === there.payload(sequence).toHex(), false, `${sequence}`);
  }
});

Deno.test("RelayFrames.datagram() sometimes omits the checksum, and sometimes adds an option", () => {
  const frames = new RelayFrames(SENDER, TO);
  const all = Array.from({ length: 200 }, (_, sequence) => frames.datagram(sequence));
  const withOption = all.filter((frame) => frame[14] === 0x46);
  const udpOf = (frame: Uint8Array) => 14 + (frame[14] & 15) * 4;
  const unsummed = all.filter((frame) =>
    frame[udpOf(frame) + 6] === 0 && frame[udpOf(frame) + 7] === 0
  );
  assertEquals([withOption.length, unsummed.length], [29, 40]); // every seventh, every fifth
  for (const frame of all) assertEquals(frame.length <= 1514, true);
});

Deno.test("RelayFrames.invalid() makes a frame that a relay drops for its reason", () => {
  const frames = new RelayFrames(SENDER, TO);
  for (const kind of INVALID_FRAMES) {
    assertEquals<unknown>(payloadOf(frames.invalid(kind)), kind.reason, kind.name);
  }
});
