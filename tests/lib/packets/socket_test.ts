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
import { datagramFrame } from "../../../lib/packets/build.ts";
import { stimulusFilter } from "../../../lib/packets/filters.ts";
import { markedFrame } from "../../../lib/packets/marks.ts";
import { takeFrame } from "../../../lib/packets/queue.ts";
import { sendFrame } from "../../../lib/packets/send.ts";
import {
  beginFanoutGroup,
  bindPacketSocket,
  boundPacketSocket,
  countDrops,
  describePacketSocket,
  isPacketSocket,
  openPacketSocket,
  takeStatistics,
} from "../../../lib/packets/socket.ts";
import { Stimulus, stimulusFrame } from "../../../lib/packets/stimulus.ts";
import { interfaceByName } from "../../support/link_ends.ts";
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

testNeeding(
  { root: true },
  "A stimulus passes its own filter whole, and frames of others do not",
  () => {
    const [near, far] = ["veth-fdpass", "veth-fdpass-far"].map(interfaceByName);
    using receiver = boundPacketSocket(near.ifindex, ETH_P_ALL, stimulusFilter());
    using stimulus = new Stimulus(far, (sequence) => sequence * 200);
    for (let i = 0; i < 6; i++) {
      const frame = stimulus.send();
      for (const group of ["239.255.70.69", "224.0.0.23", "192.0.2.1"]) {
        const to = { address: group, port: 5004 };
        sendFrame(receiver.fd, frame); // outgoing
        using sender = boundPacketSocket(far.ifindex, 0);
        sendFrame(sender.fd, datagramFrame({ sender: far, to, payload: new Uint8Array(30) }));
      }
      assertEquals(takeFrame(receiver.fd)?.bytes, frame.length);
      assertEquals(takeFrame(receiver.fd), undefined);
    }
    using other = boundPacketSocket(far.ifindex, 0);
    const sixth = stimulusFrame(2, far, new Uint8Array(16));
    for (const offset of [14 + 24, 14 + 28, 14 + 32, 14 + 39]) {
      sendFrame(other.fd, sixth.with(offset, sixth[offset] ^ 1) as Uint8Array<ArrayBuffer>);
    }
    assertEquals(takeFrame(receiver.fd), undefined, "IPv6 to another group");
  },
);

testNeeding({ root: true }, "countDrops() counts what finds no room, and nothing else", () => {
  using receiver = boundPacketSocket(lo(), ETH_P_ALL);
  using sender = boundPacketSocket(lo(), 0);
  const drops = countDrops(receiver.fd);
  const flood = (count: number) => {
    for (let i = 0; i < count; i++) sendFrame(sender.fd, markedFrame("flood", "ethernet"));
  };
  flood(10);
  assertEquals(drops(), 0);
  flood(2000);
  const first = drops();
  flood(100);
  assertEquals([first > 0, drops()], [true, first + 100]);
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
