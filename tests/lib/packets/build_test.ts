import { assert, assertEquals } from "@std/assert";
import {
  datagramFrame,
  internetChecksum,
  ipv4Packet,
  joined,
  udpOverIpv4,
  udpOverIpv6,
  withHeaderChecksum,
} from "../../../lib/packets/build.ts";
import { stimulusFrame } from "../../../lib/packets/stimulus.ts";
import { BARE, SENDER } from "../../support/link_ends.ts";

const SOURCE = Uint8Array.of(2, 0, 0, 0, 0, 1);
const GROUP = [239, 255, 70, 68];
const GROUP_V6 = [0xff, 0x15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x46, 0x44];
const TO = { address: GROUP.join("."), port: 5004 };

Deno.test("internetChecksum() is that of RFC 1071, section 3", () => {
  assertEquals(internetChecksum(Uint8Array.of(0, 1, 0xf2, 3, 0xf4, 0xf5, 0xf6, 0xf7)), 0x220d);
  assertEquals(internetChecksum(Uint8Array.of(0xff)), 0x00ff); // an odd byte counts as a high one
});

Deno.test("joined() concatenates the parts, empty ones too", () => {
  assertEquals(joined([1, 2], [], Uint8Array.of(3)), Uint8Array.of(1, 2, 3));
  assertEquals(joined(), new Uint8Array(0));
});

// The bytes of each kind of frame, as they stood before the builders became one.
const SECRET = "0102030405060708090a0b0c0d0e0f10";
const STIMULUS: [kind: string, frame: string][] = [
  [
    "UDP over IPv4",
    "01005e7f4644" + "020000000001" + "0800" +
    "450000200000400001118188c0000201efff4644" + "138c138c000ce078" + "00000000" + SECRET,
  ],
  [
    "an IGMPv3 report",
    "01005e000016" + "020000000001" + "0800" +
    "4600002c00004000010242b4c0000201e000001694040000" +
    "2200a5b80000000102010000efff464400000001" + SECRET,
  ],
  [
    "UDP over IPv6",
    "333300004644" + "020000000001" + "86dd" + "60000000000c1101" +
    "20010db8000000000000000000000001" + "ff150000000000000000000000004644" +
    "138c138c000c65a8" + "00000002" + SECRET,
  ],
];

for (const [sequence, [kind, bytes]] of STIMULUS.entries()) {
  Deno.test(`The builders make every byte of a stimulus frame: ${kind}`, () => {
    assertEquals(
      stimulusFrame(sequence, { layer: "ethernet", address: SOURCE }, Uint8Array.fromHex(SECRET))
        .toHex(),
      bytes,
    );
  });
}

Deno.test("ipv4Packet() counts options into the header length, the packet length and the checksum", () => {
  for (const options of [[], [1, 1, 1, 0], new Array(40).fill(1)]) {
    const payload = [1, 2, 3];
    const packet = ipv4Packet({ protocol: 2, destination: GROUP, options, payload });
    const headerSize = 20 + options.length;
    assertEquals(packet.length, headerSize + 3);
    assertEquals((packet[0] & 15) * 4, headerSize);
    assertEquals(packet[2] << 8 | packet[3], headerSize + 3);
    assertEquals(internetChecksum(packet.subarray(0, headerSize)), 0);
    assertEquals([...packet.subarray(headerSize)], payload);
  }
});

Deno.test("withHeaderChecksum() corrects the checksum of a changed header, and changes nothing else", () => {
  const packet = udpOverIpv4({ destination: GROUP, port: 1, payload: [1, 2] });
  const changed = packet.with(8, 64);
  assert(internetChecksum(changed.subarray(0, 20)) !== 0);
  const mended = withHeaderChecksum(changed.slice());
  assertEquals(internetChecksum(mended.subarray(0, 20)), 0);
  assertEquals(mended.with(10, 0).with(11, 0), changed.with(10, 0).with(11, 0));
});

/** The checksum field of a datagram whose payload makes the sum zero: 0xffff by RFC 768. */
function checksumOfZero(build: (payload: number[]) => Uint8Array, udp: number): number {
  for (let i = 0; i < 0x10000; i++) {
    const packet = build([i >> 8, i & 0xff]);
    const checksum = packet[udp + 6] << 8 | packet[udp + 7];
    assert(checksum !== 0, `payload ${i} has no checksum`);
    if (checksum === 0xffff) return checksum;
  }
  throw new Error("no payload has that checksum");
}

Deno.test("A UDP checksum of 0 is sent as 0xffff, over IPv4 and over IPv6", () => {
  const v4 = (payload: number[]) => udpOverIpv4({ destination: GROUP, port: 5004, payload });
  const v6 = (payload: number[]) => udpOverIpv6({ destination: GROUP_V6, port: 5004, payload });
  assertEquals(checksumOfZero(v4, 20), 0xffff);
  assertEquals(checksumOfZero(v6, 40), 0xffff);
});

Deno.test("udpOverIpv4() leaves the checksum out on request", () => {
  const udp = { destination: GROUP, port: 5004, payload: [1, 2, 3] };
  const [summed, unsummed] = [udpOverIpv4(udp), udpOverIpv4({ ...udp, isSummed: false })];
  assertEquals([...unsummed.subarray(26, 28)], [0, 0]);
  assertEquals(unsummed.with(26, summed[26]).with(27, summed[27]), summed);
});

Deno.test("datagramFrame() pads to 60 bytes, visibly, and no longer frame", () => {
  const frameOf = (size: number) =>
    datagramFrame({ sender: SENDER, to: TO, payload: new Uint8Array(size) });
  for (const size of [0, 1, 17, 18]) {
    const frame = frameOf(size);
    assertEquals(frame.length, 60);
    assertEquals([...frame.subarray(42 + size)], new Array(18 - size).fill(0xee));
  }
  assertEquals([frameOf(19).length, frameOf(1472).length], [61, 1514]);
});

Deno.test("datagramFrame() on a link without a header is the IP packet, without padding", () => {
  for (const size of [0, 1, 100]) {
    const how = { to: TO, payload: new Uint8Array(size) };
    const frame = datagramFrame({ sender: SENDER, ...how });
    assertEquals(datagramFrame({ sender: BARE, ...how }), frame.slice(14, 42 + size));
  }
});
