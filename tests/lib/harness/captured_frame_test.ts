import { assertEquals } from "@std/assert";
import { onTheWire } from "../../../lib/harness/captured_frame.ts";
import { type CapturedFrame, HEAD_LIMIT } from "../../../lib/harness/protocol.ts";

const ETHERNET = { layer: "ethernet", mtu: 1500 } as const;
const BARE = { layer: "ip", mtu: 1500 } as const;
const VLAN = { tpid: 0x8100, tci: 5 };

/** The addresses and the EtherType of a frame, and what follows; the rest is not kept. */
function frameOf(etherType: number, ...following: number[]): Uint8Array<ArrayBuffer> {
  const addresses = Array.from({ length: 12 }, (_, i) => i);
  return Uint8Array.of(...addresses, etherType >> 8, etherType & 0xff, ...following);
}

function captured(frame: Uint8Array, change: Partial<CapturedFrame> = {}): CapturedFrame {
  const head = frame.subarray(0, HEAD_LIMIT).toBase64();
  return { bytes: frame.length, head, timestamp_ns: "1", stamped_by: "kernel", ...change };
}

const shown = (frame: CapturedFrame, link: typeof ETHERNET | typeof BARE = ETHERNET) => {
  const { bytes, head, summary } = onTheWire(frame, link);
  return { bytes, head: Uint8Array.fromBase64(head).toHex(), summary };
};

Deno.test("onTheWire() restores the tag that the kernel removed, in length, head and summary", () => {
  const frame = frameOf(0x86dd, 0x60);
  assertEquals(shown(captured(frame)), { bytes: 15, head: frame.toHex(), summary: "IPv6" });
  assertEquals(shown(captured(frame, { vlan: VLAN })), {
    bytes: 19,
    head: `${frame.subarray(0, 12).toHex()}8100000586dd60`,
    summary: "VLAN 5, IPv6",
  });
});

Deno.test("onTheWire() puts the tag outside of one that is still in the frame", () => {
  const frame = frameOf(0x8100, 0, 7, 0x08, 0x06);
  const { bytes, head, summary } = shown(captured(frame, { vlan: { tpid: 0x88a8, tci: 0x0fff } }));
  assertEquals([bytes, summary], [22, "VLAN 4095, VLAN 7, ARP"]);
  assertEquals(head, `${frame.subarray(0, 12).toHex()}88a80fff810000070806`);
});

Deno.test("onTheWire() keeps no more of the frame because of a tag", () => {
  const frame = frameOf(0x0800, ...new Array(400).fill(0x45));
  const { bytes, head } = shown(captured(frame, { vlan: VLAN }));
  assertEquals([bytes, head.length / 2], [418, HEAD_LIMIT]);
});

Deno.test("onTheWire() ignores a tag where there can be none", () => {
  for (
    const [frame, link] of [[frameOf(0x0800).subarray(0, 11), ETHERNET], [
      frameOf(0),
      BARE,
    ]] as const
  ) {
    assertEquals(shown(captured(frame, { vlan: VLAN }), link), shown(captured(frame), link));
  }
});

Deno.test("onTheWire() names a frame that is several packets in one", () => {
  const frame = frameOf(0x0800, ...new Array(20).fill(0x45));
  const summary = (bytes: number, vlan?: typeof VLAN) =>
    shown(captured(frame, { bytes, vlan })).summary;
  assertEquals(summary(1514), "IPv4 (protocol: 69)");
  assertEquals(summary(1515), "IPv4 (protocol: 69), several packets in one (GSO/GRO)");
  assertEquals(summary(1514, VLAN), "VLAN 5, IPv4 (protocol: 69)");
  assertEquals(
    summary(1515, VLAN),
    "VLAN 5, IPv4 (protocol: 69), several packets in one (GSO/GRO)",
  );
});
