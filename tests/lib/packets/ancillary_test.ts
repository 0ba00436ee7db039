import { assertEquals } from "@std/assert";
import {
  CMSG_SPACE,
  encodeControlMessages,
  PACKET_AUXDATA,
  SCM_TIMESTAMPNS,
  SOL_PACKET,
  SOL_SOCKET,
  timespec,
  TP_STATUS_CSUMNOTREADY,
  TP_STATUS_USER,
  TP_STATUS_VLAN_TPID_VALID,
  TP_STATUS_VLAN_VALID,
  tpacket_auxdata,
} from "../../../ffi/mod.ts";
import { Ancillary, ANCILLARY_SPACE } from "../../../lib/packets/ancillary.ts";

/** The control message with a time stamp. */
function stamp(tv_sec: bigint, tv_nsec: bigint) {
  const time = timespec.alloc();
  time.tv_sec = tv_sec;
  time.tv_nsec = tv_nsec;
  return { level: SOL_SOCKET, type: SCM_TIMESTAMPNS, data: time.bytes };
}

/** The control message with the metadata of a frame. */
function metadata(tp_status: number, tp_vlan_tci = 0, tp_vlan_tpid = 0) {
  const data = tpacket_auxdata.alloc();
  Object.assign(data, { tp_status, tp_vlan_tci, tp_vlan_tpid });
  return { level: SOL_PACKET, type: PACKET_AUXDATA, data: data.bytes };
}

const TAGGED = TP_STATUS_USER | TP_STATUS_VLAN_VALID | TP_STATUS_VLAN_TPID_VALID;

function read(...messages: Parameters<typeof encodeControlMessages>[0]) {
  const control = encodeControlMessages(messages);
  const ancillary = new Ancillary(control);
  ancillary.moveTo(0, control.length);
  const { timestamp, vlan, isChecksumPending } = ancillary;
  return { timestamp, vlan, isChecksumPending };
}

const NOTHING = { timestamp: undefined, vlan: undefined, isChecksumPending: false };

Deno.test("Ancillary reads the time stamp, until 1970 and beyond 2038", () => {
  for (const seconds of [0n, 1n, 1_795_425_123n, 2n ** 31n, 2n ** 32n + 5n, -1n]) {
    const { timestamp } = read(stamp(seconds, 999_999_999n));
    assertEquals(timestamp, seconds * 1_000_000_000n + 999_999_999n);
  }
});

Deno.test("Ancillary reads the VLAN tag, if there is one", () => {
  assertEquals(read(stamp(1n, 2n), metadata(TAGGED, 0xf005, 0x88a8)), {
    timestamp: 1_000_000_002n,
    vlan: { tpid: 0x88a8, tci: 0xf005 },
    isChecksumPending: false,
  });
  assertEquals(read(metadata(TAGGED, 0, 0x8100)).vlan, { tpid: 0x8100, tci: 0 });
  assertEquals(read(metadata(TP_STATUS_USER, 5, 0x8100)), NOTHING);
});

Deno.test("Ancillary tells a checksum that is not yet computed", () => {
  assertEquals(read(metadata(TP_STATUS_CSUMNOTREADY)), { ...NOTHING, isChecksumPending: true });
});

Deno.test("Ancillary reports nothing without control messages, and of cut ones", () => {
  assertEquals(read(), NOTHING);
  const control = encodeControlMessages([stamp(1n, 2n), metadata(TAGGED, 5, 0x8100)]);
  const ancillary = new Ancillary(control);
  for (let length = 0; length < control.length; length += 4) {
    ancillary.moveTo(0, length);
    const whole = [length >= CMSG_SPACE(timespec.size), length >= ANCILLARY_SPACE - 4];
    assertEquals([ancillary.timestamp !== undefined, ancillary.vlan !== undefined], whole);
  }
});

Deno.test("Ancillary moves from frame to frame", () => {
  const one = encodeControlMessages([stamp(1n, 0n), metadata(TAGGED, 1, 0x8100)]);
  const two = encodeControlMessages([stamp(2n, 0n), metadata(TAGGED, 2, 0x8100)]);
  const ancillary = new Ancillary(Uint8Array.of(...one, ...two));
  const at = [0, one.length, 0].map((offset) => {
    ancillary.moveTo(offset, one.length);
    return [ancillary.timestamp, ancillary.vlan?.tci];
  });
  assertEquals(at, [[1_000_000_000n, 1], [2_000_000_000n, 2], [1_000_000_000n, 1]]);
});
