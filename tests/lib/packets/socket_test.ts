import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import {
  AF_INET,
  AF_PACKET,
  dup,
  ETH_P_ALL,
  ETH_P_IP,
  if_nametoindex,
  O_PATH,
  open,
  openDescriptors,
  OwnedFd,
  PACKET_FANOUT_CPU,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_RAW,
  socket,
  SystemError,
} from "../../../ffi/mod.ts";
import { markedFrame } from "../../../lib/packets/marks.ts";
import { takeFrame } from "../../../lib/packets/queue.ts";
import { sendFrame } from "../../../lib/packets/send.ts";
import {
  beginFanoutGroup,
  bindPacketSocket,
  boundPacketSocket,
  describePacketSocket,
  isPacketSocket,
  openPacketSocket,
  takeStatistics,
} from "../../../lib/packets/socket.ts";
import { testNeeding } from "../../support/needs.ts";

const lo = () => if_nametoindex("lo");

testNeeding({ root: true }, "openPacketSocket() receives nothing until it is bound", () => {
  using packetSocket = new OwnedFd(openPacketSocket());
  using sender = boundPacketSocket(lo(), 0);
  for (let i = 0; i < 10; i++) sendFrame(sender.fd, markedFrame("unbound", "ethernet"));
  assertEquals(takeFrame(packetSocket.fd), undefined);
  assertEquals(takeStatistics(packetSocket.fd), { packets: 0, drops: 0 });
});

testNeeding(
  { root: true },
  "describePacketSocket() describes copies of a socket alike, and different sockets differently",
  () => {
    using first = boundPacketSocket(lo(), ETH_P_IP);
    using second = boundPacketSocket(lo(), ETH_P_IP);
    using copy = new OwnedFd(dup(first.fd));
    const { cookie, ...rest } = describePacketSocket(first.fd);
    assertEquals(rest, {
      domain: AF_PACKET,
      type: SOCK_RAW,
      protocol: 0, // as it was created
      ifindex: lo(),
      boundProtocol: ETH_P_IP,
    });
    assertEquals(describePacketSocket(copy.fd), { cookie, ...rest });
    assertNotEquals(describePacketSocket(second.fd).cookie, cookie);
  },
);

testNeeding({ root: true }, "isPacketSocket() is true for a packet socket alone", () => {
  using packetSocket = new OwnedFd(openPacketSocket());
  using udp = new OwnedFd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  using path = new OwnedFd(open("/", O_PATH));
  using file = new OwnedFd(open("/proc/self/status", 0));
  const all = [packetSocket.fd, udp.fd, path.fd, file.fd, 9999];
  assertEquals(all.map(isPacketSocket), [true, false, false, false, false]);
});

testNeeding({ root: true }, "boundPacketSocket() leaves nothing open if it cannot bind", () => {
  const before = openDescriptors("self").size;
  assertThrows(() => boundPacketSocket(2 ** 30, ETH_P_ALL), SystemError, "interface 1073741824");
  assertEquals(openDescriptors("self").size, before);
});

testNeeding({ root: true }, "beginFanoutGroup() gives each socket a group of its own", () => {
  using first = boundPacketSocket(lo(), ETH_P_ALL);
  using second = boundPacketSocket(lo(), ETH_P_ALL);
  const groups = [first, second].map(({ fd }) => beginFanoutGroup(fd, PACKET_FANOUT_CPU));
  assertNotEquals(groups[0], groups[1]);
  assertEquals(groups.map((group) => group >>> 16), [PACKET_FANOUT_CPU, PACKET_FANOUT_CPU]);
  assertThrows(() => beginFanoutGroup(first.fd, PACKET_FANOUT_CPU), SystemError, "EALREADY");
  assertThrows(() => bindPacketSocket(first.fd, lo(), ETH_P_IP), SystemError, "EINVAL");
});

testNeeding({ root: true }, "takeStatistics() counts frames, and starts at zero again", () => {
  using receiver = boundPacketSocket(lo(), 0x88b5); // a local experimental EtherType
  using sender = boundPacketSocket(lo(), 0);
  const frame = new Uint8Array(60);
  frame.set([0x88, 0xb5], 12);
  for (let i = 0; i < 3; i++) sendFrame(sender.fd, frame);
  assertEquals(takeStatistics(receiver.fd), { packets: 3, drops: 0 });
  assertEquals(takeStatistics(receiver.fd), { packets: 0, drops: 0 });
});
