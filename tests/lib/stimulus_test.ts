import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { ETH_P_ALL, if_nametoindex, linkByIndex } from "../../ffi/mod.ts";
import { boundPacketSocket, takeFrame } from "../../lib/packet_socket.ts";
import { internetChecksum, sequenceOf, Stimulus, stimulusFrame } from "../../lib/stimulus.ts";
import { testNeeding } from "../support/needs.ts";

const NONCE = Uint8Array.from({ length: 16 }, (_, i) => i + 1);
const SOURCE = Uint8Array.of(2, 0, 0, 0, 0, 1);
const frames = [0, 1, 2, 65536, 0xffffffff].map((sequence) =>
  [sequence, stimulusFrame(NONCE, sequence, SOURCE)] as const
);

Deno.test("sequenceOf() finds the sequence number in every kind of frame", () => {
  for (const [sequence, frame] of frames) assertEquals(sequenceOf(frame, NONCE), sequence);
});

Deno.test("sequenceOf() does not know a frame of another run, a cut one, or none", () => {
  const another = NONCE.with(15, 0);
  for (const [, frame] of frames) {
    assertEquals(sequenceOf(frame, another), undefined);
    const end = frame.findIndex((_, i) => NONCE.every((byte, j) => frame[i + j] === byte)) + 20;
    assertEquals(sequenceOf(frame.subarray(0, end - 1), NONCE), undefined);
  }
  assertEquals(sequenceOf(new Uint8Array(0), NONCE), undefined);
});

Deno.test("internetChecksum() is that of RFC 1071, section 3", () => {
  assertEquals(internetChecksum(Uint8Array.of(0, 1, 0xf2, 3, 0xf4, 0xf5, 0xf6, 0xf7)), 0x220d);
  assertEquals(internetChecksum(Uint8Array.of(0xff)), 0x00ff); // an odd byte counts as a high one
});

Deno.test("stimulusFrame() is as long as asked for, and its beginning is the short frame", () => {
  for (const [sequence, short] of frames) {
    for (const size of [0, short.length - 1, short.length]) {
      assertEquals(stimulusFrame(NONCE, sequence, SOURCE, size), short);
    }
    for (const size of [short.length + 1, 1000, 1514]) {
      const long = stimulusFrame(NONCE, sequence, SOURCE, size);
      assertEquals([long.length, long.subarray(0, short.length)], [size, short]);
      assertEquals(sequenceOf(long, NONCE), sequence);
    }
  }
});

Deno.test("stimulusFrame() has different bytes behind the short frame of each", () => {
  const rest = (sequence: number) => stimulusFrame(NONCE, sequence, SOURCE, 200).slice(100);
  for (const sequence of [0, 1, 2, 3]) {
    assertNotEquals(rest(sequence), rest(sequence + 3)); // of the same kind
    assert(new Set(rest(sequence)).size > 50);
  }
});

testNeeding({ root: true }, "Stimulus sends frames of the size that it is told", () => {
  const lo = linkByIndex(if_nametoindex("lo"));
  using receiver = boundPacketSocket(lo.ifindex, ETH_P_ALL);
  using stimulus = new Stimulus(lo, (sequence) => 100 + sequence);
  for (let i = 0; i < 10; i++) stimulus.send();
  assertEquals(stimulus.sent, 10);
  const seen: number[] = [];
  const deadline = Date.now() + 10_000;
  while (seen.length < 10 && Date.now() < deadline) {
    const frame = takeFrame(receiver.fd);
    const sequence = frame && stimulus.recognize(frame.head);
    if (sequence === undefined) continue;
    assertEquals(frame!.head, stimulus.frame(sequence));
    assertEquals(frame!.bytes, 100 + sequence);
    seen.push(sequence);
  }
  assertEquals(seen, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

/** A capture file with the frames. Source: the libpcap file format, version 2.4. */
function pcap(contents: readonly Uint8Array[]): Uint8Array {
  const header = new Uint32Array([0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, 1]);
  return Uint8Array.from([
    ...new Uint8Array(header.buffer),
    ...contents.flatMap((frame) => [
      ...new Uint8Array(new Uint32Array([0, 0, frame.length, frame.length]).buffer),
      ...frame,
    ]),
  ]);
}

testNeeding(
  { programs: { tshark: "tshark" } },
  "stimulusFrame() makes what tshark takes for good UDP, IGMP and IPv6",
  async () => {
    const tshark = new Deno.Command("tshark", {
      args: [
        "-r-",
        "-oip.check_checksum:TRUE",
        "-oudp.check_checksum:TRUE",
        ...["-T", "fields"],
        ...["eth.dst", "ip.dst", "ipv6.dst", "_ws.col.Protocol", "igmp.type", "udp.dstport"]
          .flatMap((field) => ["-e", field]),
        ...["ip.checksum.status", "udp.checksum.status", "igmp.checksum.status", "_ws.malformed"]
          .flatMap((field) => ["-e", field]),
      ],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const writer = tshark.stdin.getWriter();
    await writer.write(pcap(frames.slice(0, 3).map(([, frame]) => frame)));
    await writer.close();
    const { stdout } = await tshark.output();
    const [udp, igmp, ipv6] = new TextDecoder().decode(stdout).trimEnd().split("\n")
      .map((row) => row.split("\t"));
    const GOOD = "1";
    assertEquals(udp.slice(0, 2), ["01:00:5e:7f:46:44", "239.255.70.68"]);
    assertEquals([udp[5], udp[6], udp[7]], ["5004", GOOD, GOOD]);
    assertEquals(igmp.slice(0, 2), ["01:00:5e:00:00:16", "224.0.0.22"]);
    assertMatch(igmp[3], /IGMP/);
    assertEquals([igmp[6], igmp[8]], [GOOD, GOOD]);
    assertEquals([ipv6[0], ipv6[2], ipv6[7]], ["33:33:00:00:46:44", "ff15::4644", GOOD]);
    for (const row of [udp, igmp, ipv6]) assert(!row[9], `malformed: ${row}`);
  },
);
