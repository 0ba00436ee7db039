import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  close,
  ETH_P_ALL,
  if_nametoindex,
  poll,
  POLLIN,
  realtime,
  SystemError,
} from "../../../ffi/mod.ts";
import { carries, markedFrame } from "../../../lib/packets/marks.ts";
import { type Frame, takeFrame } from "../../../lib/packets/queue.ts";
import { sendFrame } from "../../../lib/packets/send.ts";
import { boundPacketSocket } from "../../../lib/packets/socket.ts";
import { testNeeding } from "../../support/needs.ts";

const lo = () => if_nametoindex("lo");

/** Takes frames until one satisfies a condition. Other traffic of `lo` is thrown away. */
function frameThat(fd: number, isIt: (frame: Frame) => boolean): Frame {
  for (
    const deadline = performance.now() + 10_000;
    performance.now() < deadline;
    poll([fd], POLLIN, 100)
  ) {
    for (let frame = takeFrame(fd); frame !== undefined; frame = takeFrame(fd)) {
      if (isIt(frame)) return frame;
    }
  }
  throw new Error("the frame did not arrive");
}

testNeeding({ root: true }, "takeFrame() returns a frame whole, with the kernel's stamp", () => {
  using receiver = boundPacketSocket(lo(), ETH_P_ALL);
  using sender = boundPacketSocket(lo(), 0);
  const before = realtime();
  sendFrame(sender.fd, markedFrame("queue_test", "ethernet"));
  const { bytes, timestamp } = frameThat(
    receiver.fd,
    ({ head }) => carries(head, "queue_test", "ethernet"),
  );
  assertEquals(bytes, markedFrame("queue_test", "ethernet").length);
  assert(timestamp >= before && timestamp <= realtime(), `${timestamp}, sent after ${before}`);
});

testNeeding(
  { root: true },
  "takeFrame() returns the longest frame of the loopback interface whole",
  () => {
    using receiver = boundPacketSocket(lo(), ETH_P_ALL);
    using sender = boundPacketSocket(lo(), 0);
    const long = new Uint8Array(65550).fill(0x42); // an MTU of 65536
    sendFrame(sender.fd, long);
    const { head } = frameThat(receiver.fd, ({ bytes }) => bytes === long.length);
    assertEquals(head, long);
  },
);

testNeeding({ root: true }, "takeFrame() returns undefined for an empty queue", () => {
  using receiver = boundPacketSocket(lo(), 0x88b5); // a local experimental EtherType
  assertEquals(takeFrame(receiver.fd), undefined);
});

testNeeding(
  { root: true },
  "takeFrame() throws every other error of the kernel, and names the socket",
  () => {
    const { fd } = boundPacketSocket(lo(), 0);
    close(fd);
    assertThrows(() => takeFrame(fd), SystemError, "Cannot receive from the packet socket");
  },
);
