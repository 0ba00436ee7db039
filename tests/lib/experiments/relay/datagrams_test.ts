import { assert, assertEquals } from "@std/assert";
import { ipv4Bytes } from "../../../../ffi/mod.ts";
import { invalidFrames } from "../../../../lib/experiments/relay/invalid_frames.ts";
import { datagramFrame, type DatagramOptions } from "../../../../lib/packets/build.ts";
import { DatagramReader, DROP_REASONS } from "../../../../lib/experiments/relay/datagrams.ts";
import { SENDER } from "../../../support/link_ends.ts";

const TO = { address: "239.255.70.68", port: 5004 };
const PAYLOAD = Uint8Array.from({ length: 80 }, (_, i) => i);
const FILL = 0xa5;

const frameOf = (options: Partial<DatagramOptions> = {}) =>
  datagramFrame({ sender: SENDER, to: TO, payload: PAYLOAD, ...options });

/** Memory of which only a part may be read. */
function guarded(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return new Proxy(bytes, {
    get(target, property) {
      if (typeof property === "string" && /^\d+$/.test(property)) {
        const at = Number(property);
        assert(at >= start && at < end, `byte ${at} is read, of ${start} to ${end - 1}`);
        return target[at];
      }
      return Reflect.get(target, property, target);
    },
  });
}

/** Reads a frame in the middle of other memory, and makes sure that no other byte is read. */
function read(frame: Uint8Array, captured = frame.length, isChecksumPending = false) {
  const offset = 1000;
  const memory = new Uint8Array(80_000).fill(FILL);
  memory.set(frame.subarray(0, captured), offset);
  const reader = new DatagramReader(TO, "ethernet");
  const end = offset + captured;
  const reason = reader.read(guarded(memory, offset, end), offset, captured, isChecksumPending);
  if (reason !== undefined) return reason;
  const { start, size } = reader;
  assert(start >= offset && size >= 0 && start + size <= end, "the payload lies in the frame");
  return memory.slice(start, start + size);
}

Deno.test("DatagramReader returns payloads of every size, without padding", () => {
  for (const size of [0, 1, 2, 17, 18, 19, 20, 255, 256, 1471, 1472]) {
    const payload = Uint8Array.from({ length: size }, (_, i) => i * 7);
    assertEquals(read(frameOf({ payload })), payload);
    assertEquals(read(frameOf({ payload, isSummed: false })), payload);
  }
});

Deno.test("DatagramReader skips the options of the header", () => {
  for (const length of [4, 8, 40]) {
    assertEquals(read(frameOf({ options: new Array(length).fill(1) })), PAYLOAD);
  }
});

Deno.test("DatagramReader ends the payload where the UDP length says", () => {
  const frame = frameOf({ isSummed: false });
  frame[39] -= 30; // the UDP length
  assertEquals(read(frame), PAYLOAD.slice(0, 50));
});

Deno.test("DatagramReader does not verify a checksum that is pending", () => {
  const frame = frameOf();
  frame[40] ^= 0xff;
  assertEquals(read(frame), "bad UDP checksum");
  assertEquals(read(frame, frame.length, true), PAYLOAD);
});

Deno.test("DatagramReader accepts the checksum 0xffff, which stands for 0", () => {
  // With one payload of two bytes the sum is 0xffff, and the checksum would be 0: RFC 768.
  for (let i = 0; i < 0x10000; i++) {
    const frame = frameOf({ payload: Uint8Array.of(i >> 8, i & 0xff) });
    if (frame[40] !== 0xff || frame[41] !== 0xff) continue;
    assertEquals(read(frame), Uint8Array.of(i >> 8, i & 0xff));
    return;
  }
  throw new Error("no payload has that checksum");
});

const ETHERNET_FRAMES = invalidFrames("ethernet").filter(({ name }) =>
  name !== "a frame of a VLAN"
);

for (const { name, reason, alter } of ETHERNET_FRAMES) {
  Deno.test(`DatagramReader names what is wrong: ${name}: ${reason}`, () => {
    assertEquals<unknown>(read(alter(frameOf(), TO)), reason);
  });
}

const SOURCE = { ...TO, source: "192.0.2.77" };

for (const layer of ["ethernet", "ip"] as const) {
  Deno.test(`DatagramReader names what is wrong with a frame of one source, layer ${layer}`, () => {
    const sender = { layer, address: SENDER.address };
    const reader = new DatagramReader(SOURCE, layer);
    const frame = () => datagramFrame({ sender, to: SOURCE, payload: PAYLOAD });
    const right = frame();
    assertEquals(reader.read(right, 0, right.length), undefined);
    assertEquals(right.subarray(reader.start, reader.start + reader.size), PAYLOAD);
    assertEquals(right.subarray(reader.sender, reader.sender + 4).join("."), "192.0.2.77");
    for (const { name, reason, alter } of invalidFrames(layer, true)) {
      if (name === "a frame of a VLAN") continue; // the kernel takes the tag out
      const altered = alter(frame(), SOURCE);
      assertEquals(reader.read(altered, 0, altered.length), reason, name);
    }
  });
}

Deno.test("DatagramReader calls a frame that is cut anywhere truncated, and reads nothing beyond it", () => {
  for (const frame of [frameOf(), frameOf({ options: new Array(40).fill(1) })]) {
    for (let captured = 0; captured < frame.length; captured++) {
      assertEquals<unknown>(read(frame, captured), "truncated", `${captured} bytes`);
    }
  }
});

Deno.test("DatagramReader accepts or names every value of every byte of the headers", () => {
  const counts: Record<string, number> = {};
  for (const options of [[], [0x94, 4, 0, 0]]) {
    const frame = frameOf({ options });
    for (let at = 0; at < 14 + 20 + options.length + 8; at++) {
      for (let value = 0; value < 256; value++) {
        const altered = frame.slice();
        altered[at] = value;
        const outcome = read(altered);
        const name = typeof outcome === "string" ? outcome : "payload";
        counts[name] = (counts[name] ?? 0) + 1;
        if (typeof outcome !== "string") assertEquals(outcome, PAYLOAD);
      }
    }
  }
  assert(counts.payload > 0 && counts["bad checksum"] > 1000, JSON.stringify(counts));
});

Deno.test("DatagramReader stays in the frame whatever the lengths in it, together", () => {
  // The header checksum is right each time, so the reader gets as far as the lengths.
  const lengths = [0, 1, 7, 8, 19, 20, 27, 28, 59, 60, 107, 108, 109, 1000, 0x7fff, 0x8000, 0xffff];
  let outcomes = 0;
  for (let words = 0; words < 16; words++) {
    for (const packetSize of lengths) {
      for (const datagramSize of lengths) {
        const frame = frameOf({ isSummed: false });
        frame[14] = 0x40 | words;
        frame.set([packetSize >> 8, packetSize & 0xff], 16);
        const udp = 14 + words * 4;
        frame.set([datagramSize >> 8, datagramSize & 0xff], udp + 4);
        seal(frame, words * 4);
        const outcome = read(frame);
        if (typeof outcome !== "string") assert(outcome.length === datagramSize - 8);
        outcomes++;
      }
    }
  }
  assertEquals(outcomes, 16 * lengths.length ** 2);
});

function seal(frame: Uint8Array, size: number): void {
  frame.set([0, 0], 24);
  let sum = 0;
  for (let at = 14; at < 14 + size; at += 2) sum += frame[at] << 8 | frame[at + 1];
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  frame.set([~sum >> 8 & 0xff, ~sum & 0xff], 24);
}

Deno.test("DatagramReader names a reason for random bytes, and reads nothing beyond them", () => {
  const outcomes = new Set<string>();
  for (let i = 0; i < 20_000; i++) {
    const frame = crypto.getRandomValues(new Uint8Array(i % 120));
    if (i % 2 === 0 && frame.length > 34) {
      frame.set(frameOf().subarray(0, 24)); // a right header, so that the reader gets further
      frame.set([0, frame.length - 14], 16);
      frame.set(ipv4Bytes(TO.address)!, 30);
      seal(frame, 20);
    }
    const outcome = read(frame);
    outcomes.add(typeof outcome === "string" ? outcome : "payload");
  }
  const known = new Set([...Object.keys(DROP_REASONS), "payload"]);
  assertEquals([...outcomes].filter((outcome) => !known.has(outcome)), []);
  for (const reason of ["not IPv4", "truncated", "malformed UDP"]) {
    assert(outcomes.has(reason), `${reason}: ${[...outcomes]}`);
  }
});
