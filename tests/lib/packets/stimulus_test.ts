import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { ETH_P_ALL } from "../../../ffi/mod.ts";
import { AwaitedFrames } from "../../../lib/packets/awaited_frames.ts";
import { endOfPacket } from "../../../lib/packets/frames.ts";
import { takeFrame } from "../../../lib/packets/queue.ts";
import { boundPacketSocket } from "../../../lib/packets/socket.ts";
import {
  holdsStimulus,
  SECRET_SIZE,
  secretOf,
  Stimulus,
  stimulusFrame,
} from "../../../lib/packets/stimulus.ts";
import { HEAD_LIMIT } from "../../../lib/harness/protocol.ts";
import { testNeeding } from "../../support/needs.ts";
import { BARE, interfaceByName, SENDER } from "../../support/link_ends.ts";

const SECRET = Uint8Array.from({ length: SECRET_SIZE }, (_, i) => i + 1);
const frames = [0, 1, 2, 65536, 0xffffffff].map((sequence) =>
  [sequence, stimulusFrame(sequence, SENDER, SECRET)] as const
);

Deno.test("A frame's secret is directly behind its IP packet, whatever its size", () => {
  for (const [sequence, frame] of frames) {
    const end = endOfPacket(frame, "ethernet")!;
    assertEquals(frame.subarray(end), SECRET);
    for (const size of [frame.length + 1, 300, 1514]) {
      const long = stimulusFrame(sequence, SENDER, SECRET, size);
      assertEquals([endOfPacket(long, "ethernet"), long.length], [end, size]);
      assertEquals(secretOf(long.subarray(0, HEAD_LIMIT), "ethernet"), SECRET.toHex());
    }
  }
});

Deno.test("The IP packet of a frame does not depend on the secret", () => {
  const another = crypto.getRandomValues(new Uint8Array(SECRET_SIZE));
  for (const [sequence, frame] of frames) {
    const other = stimulusFrame(sequence, SENDER, another);
    const end = endOfPacket(frame, "ethernet")!;
    assertEquals(other.subarray(0, end), frame.subarray(0, end));
    assertNotEquals(secretOf(other, "ethernet"), secretOf(frame, "ethernet"));
  }
});

Deno.test("The shortest frames, with their secrets, fit into the smallest MTU of IPv4: RFC 791", () => {
  for (const [, frame] of frames) assert(frame.length - 14 <= 68, `${frame.length} bytes`);
});

Deno.test("secretOf() looks in one place only, and not at a frame that is cut", () => {
  for (const [, frame] of frames) {
    assertEquals(secretOf(frame.subarray(0, frame.length - 1), "ethernet"), undefined);
    const moved = Uint8Array.from([...frame.subarray(0, -SECRET_SIZE), 0, ...SECRET]);
    assertNotEquals(secretOf(moved, "ethernet"), SECRET.toHex());
  }
  for (const length of [0, 1, 13, 14, 33, 53]) {
    assertEquals(secretOf(frames[2][1].subarray(0, length), "ethernet"), undefined);
  }
});

Deno.test("holdsStimulus() recognizes the packet with and without a secret, and no other", () => {
  for (const [, frame] of frames) {
    const end = endOfPacket(frame, "ethernet")!;
    assert(holdsStimulus(frame, "ethernet"));
    assert(holdsStimulus(frame.subarray(0, end), "ethernet"));
    assert(!holdsStimulus(frame.subarray(0, end - 1), "ethernet"));
    assert(!holdsStimulus(frame.with(end - 5, frame[end - 5] ^ 1), "ethernet"));
  }
  assert(!holdsStimulus(new Uint8Array(0), "ethernet"));
});

Deno.test("A bare packet of the stimulus is that of a frame, with its secret behind it", () => {
  for (const [sequence, frame] of frames) {
    const packet = stimulusFrame(sequence, BARE, SECRET);
    assertEquals(packet, frame.slice(14));
    assertEquals(endOfPacket(packet, "ip"), packet.length - SECRET_SIZE);
    assertEquals(secretOf(packet, "ip"), SECRET.toHex());
    assertEquals(stimulusFrame(sequence, BARE, SECRET, 300).length, 300);
    const end = packet.length - SECRET_SIZE;
    assert(holdsStimulus(packet, "ip"));
    assert(holdsStimulus(packet.subarray(0, end), "ip"));
    assert(!holdsStimulus(packet.subarray(0, end - 1), "ip"));
    assert(!holdsStimulus(packet.with(end - 5, packet[end - 5] ^ 1), "ip"));
    assert(!holdsStimulus(packet, "ethernet") && !holdsStimulus(frame, "ip"));
  }
});

Deno.test("stimulusFrame() pads each frame with bytes of its own", () => {
  const rest = (sequence: number) => stimulusFrame(sequence, SENDER, SECRET, 200).slice(100);
  for (const sequence of [0, 1, 2, 3]) {
    assertNotEquals(rest(sequence), rest(sequence + 3)); // of the same kind
    assert(new Set(rest(sequence)).size > 50);
  }
});

testNeeding({ root: true }, "Stimulus sends frames of the requested sizes", () => {
  const lo = interfaceByName("lo");
  using receiver = boundPacketSocket(lo.ifindex, ETH_P_ALL);
  using stimulus = new Stimulus(lo, (sequence) => 100 + sequence);
  const awaited = new AwaitedFrames("ethernet");
  const sent = Array.from({ length: 10 }, () => stimulus.send());
  const secrets = sent.map((frame) => secretOf(frame, "ethernet")!);
  for (const secret of secrets) awaited.expect(secret);
  assertEquals(new Set(secrets).size, 10);
  const seen: number[] = [];
  const deadline = performance.now() + 10_000;
  while (seen.length < 10 && performance.now() < deadline) {
    const frame = takeFrame(receiver.fd);
    const place = frame && awaited.take(frame.head);
    if (place === undefined) continue;
    assertEquals([frame!.head, frame!.bytes], [sent[place], 100 + place]);
    seen.push(place);
  }
  assertEquals(seen, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

/** A capture file that contains the frames. Source: the libpcap file format, version 2.4. */
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
  "stimulusFrame() makes UDP, IGMP and IPv6 that tshark finds correct",
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
