import { assertEquals, assertThrows } from "@std/assert";
import {
  AF_PACKET,
  setUpPacketRing,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  socket,
  SystemError,
  virtio_net_hdr,
  VIRTIO_NET_HDR_GSO_UDP_L4,
} from "../../../ffi/mod.ts";
import {
  enableOffloadHeader,
  isChecksumPendingIn,
  offloadHeaderSize,
  segmentSizeIn,
} from "../../../lib/packets/offload_header.ts";
import { openPacketSocket } from "../../../lib/packets/socket.ts";
import { leavingNothingOpen } from "../../ffi/descriptors.ts";
import { testNeeding } from "../../support/needs.ts";

testNeeding(
  { root: true },
  "enableOffloadHeader() has a header before each frame, and offloadHeaderSize() its size",
  leavingNothingOpen((scope) => {
    const fd = scope.own(openPacketSocket());
    assertEquals(offloadHeaderSize(fd), 0);
    enableOffloadHeader(fd);
    assertEquals(offloadHeaderSize(fd), virtio_net_hdr.size);
  }),
);

testNeeding(
  { root: true },
  "enableOffloadHeader() throws SystemError if there is a ring, or no link-layer header",
  leavingNothingOpen((scope) => {
    const raw = scope.own(openPacketSocket());
    setUpPacketRing(raw, { blockSize: 1 << 16, blockCount: 1, retireTimeout: 8 });
    const cooked = scope.own(socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    for (const [fd, code] of [[raw, "EBUSY"], [cooked, "EINVAL"], [9999, "EBADF"]] as const) {
      const error = assertThrows(() => enableOffloadHeader(fd), SystemError);
      assertEquals(error.code, code);
    }
  }),
);

Deno.test("The header tells the size of the joined packets, and whether the checksum is pending", () => {
  const bytes = new Uint8Array(30).fill(0xff);
  const header = virtio_net_hdr.over(bytes, 20);
  for (
    const [gso_type, gso_size, flags, segmentSize, isPending] of [
      [0, 0, 0, 0, false],
      [0, 1200, 2, 0, false], // the checksum is valid
      [VIRTIO_NET_HDR_GSO_UDP_L4, 1200, 1, 1200, true],
      [1 | 0x80, 65_535, 3, 65_535, true], // TCP with congestion notification
    ] as const
  ) {
    Object.assign(header, { gso_type, gso_size, flags });
    assertEquals(
      [segmentSizeIn(bytes, 20), isChecksumPendingIn(bytes, 20)],
      [segmentSize, isPending],
    );
  }
});
