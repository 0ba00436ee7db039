import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  AF_NETLINK,
  AF_PACKET,
  assemble,
  attachFilter,
  bpfReturn,
  bpfSocketFilter,
  connect,
  Errno,
  ETH_P_IPV6,
  getsockname,
  getsockopt,
  NETLINK_SOCK_DIAG,
  NLMSG_DONE,
  NLMSG_ERROR,
  nlmsghdr,
  PACKET_ADD_MEMBERSHIP,
  PACKET_DIAG_FANOUT,
  PACKET_DIAG_MCLIST,
  packet_diag_msg,
  PACKET_FANOUT,
  PACKET_FANOUT_HASH,
  PACKET_FANOUT_LB,
  PACKET_MR_ALLMULTI,
  PACKET_MR_MULTICAST,
  PACKET_MR_PROMISC,
  packet_mreq,
  PACKET_RX_RING,
  PACKET_SHOW_FANOUT,
  PACKET_SHOW_FILTER,
  PACKET_SHOW_INFO,
  PACKET_SHOW_MCLIST,
  PACKET_SHOW_MEMINFO,
  PACKET_SHOW_RING_CFG,
  PACKET_TX_RING,
  parsePacketSockets,
  readLink,
  type ReportedPacketSocket,
  reportedPacketSockets,
  sendTo,
  setsockopt,
  SK_MEMINFO_DROPS,
  SK_MEMINFO_RMEM_ALLOC,
  SK_MEMINFO_VARS,
  SO_ATTACH_BPF,
  SO_COOKIE,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_DIAG_BY_FAMILY,
  SOCK_RAW,
  sockaddr_nl,
  socket,
  SOL_PACKET,
  SOL_SOCKET,
  SystemError,
  tpacket_req,
} from "../../../ffi/mod.ts";
import { bindPacketSocket } from "../../../lib/packets/socket.ts";
import { testNeeding } from "../../support/needs.ts";
import { leavingNothingOpen, type Scope } from "../descriptors.ts";
import { nearSocket, numberedFrame, Sender } from "../programs/veth.ts";
import { attribute, joined, message, number } from "./netlink_messages.ts";

const EVERYTHING = PACKET_SHOW_INFO | PACKET_SHOW_MCLIST | PACKET_SHOW_RING_CFG |
  PACKET_SHOW_FANOUT | PACKET_SHOW_MEMINFO | PACKET_SHOW_FILTER;

const LO = 1;

function packetSocket(scope: Scope, type = SOCK_RAW): number {
  return scope.own(socket(AF_PACKET, type | SOCK_CLOEXEC, 0));
}

function join(fd: number, mr_type: number, address: readonly number[] = []): void {
  const membership = Object.assign(packet_mreq.alloc(), { mr_ifindex: LO, mr_type });
  membership.mr_alen = address.length;
  membership.mr_address.set(address);
  setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, membership.bytes);
}

function joinGroups(fd: number, count: number): void {
  for (let group = 0; group < count; group++) {
    join(fd, PACKET_MR_MULTICAST, [1, 0, 0x5e, 0, group >> 8, group & 0xff]);
  }
}

/** The report on one socket. */
function report(fd: number, show = EVERYTHING): ReportedPacketSocket {
  const found = reportedPacketSockets(show).filter(({ inode }) =>
    readLink(`/proc/self/fd/${fd}`) === `socket:[${inode}]`
  );
  assertEquals(found.length, 1);
  return found[0];
}

const rootTest = (name: string, test: (scope: Scope) => void | Promise<void>) =>
  testNeeding({ root: true }, name, leavingNothingOpen(test));

rootTest("reportedPacketSockets() reports a new socket", (scope) => {
  const fd = packetSocket(scope, SOCK_DGRAM);
  const { inode, cookie, memory, ...rest } = report(fd);
  assert(inode > 0);
  assertEquals(cookie, new BigUint64Array(getsockopt(fd, SOL_SOCKET, SO_COOKIE, 8).buffer)[0]);
  assertEquals([memory?.length, memory?.[SK_MEMINFO_RMEM_ALLOC]], [SK_MEMINFO_VARS, 0]);
  assertEquals(rest, {
    type: SOCK_DGRAM,
    protocol: 0,
    ifindex: 0,
    uid: 0,
    memberships: [],
    receiveRing: undefined,
    sendRing: undefined,
    fanout: undefined,
    filter: undefined,
  });
});

rootTest("reportedPacketSockets() reports only what it is asked for", (scope) => {
  const fd = packetSocket(scope);
  bindPacketSocket(fd, LO, ETH_P_IPV6);
  const bare = report(fd, 0);
  assertEquals([bare.type, bare.protocol], [SOCK_RAW, ETH_P_IPV6]);
  assertEquals([bare.ifindex, bare.uid, bare.memberships, bare.memory, bare.filter], [
    ...Array(5).fill(undefined),
  ]);
  assertEquals([report(fd, PACKET_SHOW_INFO).ifindex], [LO]);
});

rootTest("reportedPacketSockets() reports memberships with their counts", (scope) => {
  const fd = packetSocket(scope);
  join(fd, PACKET_MR_PROMISC);
  join(fd, PACKET_MR_ALLMULTI);
  join(fd, PACKET_MR_MULTICAST, [1, 0, 0x5e, 1, 2, 3]);
  join(fd, PACKET_MR_MULTICAST, [1, 0, 0x5e, 1, 2, 3]);
  const byType = Map.groupBy(report(fd).memberships!, ({ type }) => type);
  const one = { ifindex: LO, count: 1, address: new Uint8Array() };
  assertEquals(byType.get(PACKET_MR_PROMISC), [{ ...one, type: PACKET_MR_PROMISC }]);
  assertEquals(byType.get(PACKET_MR_ALLMULTI), [{ ...one, type: PACKET_MR_ALLMULTI }]);
  assertEquals(byType.get(PACKET_MR_MULTICAST), [{
    ifindex: LO,
    type: PACKET_MR_MULTICAST,
    count: 2,
    address: Uint8Array.of(1, 0, 0x5e, 1, 2, 3),
  }]);
});

rootTest("reportedPacketSockets() reports rings, and tells a group 0 from none", (scope) => {
  const fd = packetSocket(scope);
  bindPacketSocket(fd, LO, ETH_P_IPV6);
  const geometry = Object.assign(tpacket_req.alloc(), {
    tp_block_size: 8192,
    tp_block_nr: 3,
    tp_frame_size: 2048,
    tp_frame_nr: 12,
  });
  setsockopt(fd, SOL_PACKET, PACKET_RX_RING, geometry.bytes);
  const ring = { blockSize: 8192, blocks: 3, frameSize: 2048, frames: 12 };
  assertEquals([report(fd).receiveRing, report(fd).sendRing], [ring, undefined]);
  setsockopt(fd, SOL_PACKET, PACKET_TX_RING, geometry.bytes);
  assertEquals([report(fd).receiveRing, report(fd).sendRing], [ring, ring]);

  assertEquals(report(fd).fanout, undefined);
  setsockopt(fd, SOL_PACKET, PACKET_FANOUT, PACKET_FANOUT_HASH << 16);
  assertEquals(report(fd).fanout, { group: 0, mode: PACKET_FANOUT_HASH });
  const other = packetSocket(scope);
  bindPacketSocket(other, LO, ETH_P_IPV6);
  setsockopt(other, SOL_PACKET, PACKET_FANOUT, PACKET_FANOUT_LB << 16 | 0xfffe);
  assertEquals(report(other).fanout, { group: 0xfffe, mode: PACKET_FANOUT_LB });
});

rootTest(
  "reportedPacketSockets() reports a classic filter, and none for an extended one",
  (scope) => {
    const fd = packetSocket(scope);
    const program = assemble([bpfReturn(96)]);
    attachFilter(fd, program);
    assertEquals(report(fd).filter, program);
    const extended = scope.own(bpfSocketFilter());
    setsockopt(fd, SOL_SOCKET, SO_ATTACH_BPF, extended);
    assertEquals(report(fd).filter, undefined);
  },
);

rootTest(
  "reportedPacketSockets() reports queued bytes and drops, and resets no counter",
  (scope) => {
    const near = nearSocket();
    scope.own(near.fd);
    using far = new Sender();
    far.send(numberedFrame(1, 200));
    const before = report(near.fd).memory!;
    assert(before[SK_MEMINFO_RMEM_ALLOC] >= 200);
    assertEquals(before[SK_MEMINFO_DROPS], 0);
    assertEquals(report(near.fd).memory, before);
  },
);

rootTest("reportedPacketSockets() ends at a socket that fills more than a datagram", (scope) => {
  const [before, crowded, after] = [1, 2, 3].map(() => packetSocket(scope));
  joinGroups(crowded, 800);
  const { memberships, inode } = report(before, PACKET_SHOW_MCLIST);
  assertEquals(memberships, []);
  const inodes = reportedPacketSockets(PACKET_SHOW_MCLIST).map((each) => each.inode);
  assertEquals(inodes.at(-1), inode);
  for (const fd of [crowded, after]) assert(report(fd, EVERYTHING & ~PACKET_SHOW_MCLIST));
});

rootTest(
  "reportedPacketSockets() reports sockets that fill several datagrams, each once",
  (scope) => {
    const fds = Array.from({ length: 4 }, () => packetSocket(scope));
    for (const fd of fds) joinGroups(fd, 400); // 17 KiB
    const links = fds.map((fd) => readLink(`/proc/self/fd/${fd}`));
    const reported = reportedPacketSockets(EVERYTHING).map(({ inode }) => `socket:[${inode}]`);
    assertEquals(reported.filter((link) => links.includes(link)), links);
  },
);

rootTest("No process can send to a socket that is connected to the kernel", (scope) => {
  const netlink = () => scope.own(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  const [asking, other] = [netlink(), netlink()];
  const kernel = Object.assign(sockaddr_nl.alloc(), { nl_family: AF_NETLINK });
  connect(asking, kernel.bytes);
  const address = sockaddr_nl.over(getsockname(asking).slice());
  const error = assertThrows(
    () => sendTo(other, message(SOCK_DIAG_BY_FAMILY), 0, address.bytes),
    SystemError,
  );
  assertEquals(error.code, "ECONNREFUSED");
});

const ABOUT = (family: number) => {
  const head = packet_diag_msg.alloc();
  Object.assign(head, { pdiag_family: family, pdiag_type: SOCK_RAW, pdiag_ino: 4711 });
  return head.bytes;
};

function parsed(
  datagram: Uint8Array<ArrayBuffer>,
): [sockets: ReportedPacketSocket[], isEnd: boolean] {
  const sockets: ReportedPacketSocket[] = [];
  const isEnd = parsePacketSockets(datagram, sockets);
  return [sockets, isEnd];
}

const socketMessage = message(
  SOCK_DIAG_BY_FAMILY,
  ABOUT(AF_PACKET),
  number(PACKET_DIAG_FANOUT, 6 << 16 | 7),
);
const done = message(NLMSG_DONE, new Uint8Array(4));

Deno.test("parsePacketSockets() reads every message up to the end of the report", () => {
  const [sockets, isEnd] = parsed(joined(socketMessage, socketMessage, done, socketMessage));
  assertEquals([sockets.length, isEnd], [2, true]);
  assertEquals([sockets[0].inode, sockets[0].fanout], [4711, { group: 7, mode: 6 }]);
  assertEquals(parsed(socketMessage)[1], false);
});

Deno.test("parsePacketSockets() leaves out sockets of other families", () => {
  assertEquals(parsed(message(SOCK_DIAG_BY_FAMILY, ABOUT(1))), [[], false]);
});

Deno.test("parsePacketSockets() throws the errno of a reply, also of the end of a report", () => {
  for (const type of [NLMSG_ERROR, NLMSG_DONE]) {
    const refusal = message(type, new Uint8Array(Int32Array.of(-Errno.ENOENT).buffer));
    assertThrows(() => parsed(refusal), SystemError, "ENOENT");
  }
});

Deno.test("parsePacketSockets() throws RangeError for a datagram that is cut anywhere", () => {
  for (const whole of [socketMessage, done]) {
    for (let length = 1; length < whole.length; length++) {
      assertThrows(() => parsed(whole.slice(0, length)), RangeError, "", `${length}`);
    }
  }
  for (const nlmsg_len of [0, nlmsghdr.size - 1, nlmsghdr.size, socketMessage.length + 1]) {
    const bytes = socketMessage.slice();
    nlmsghdr.over(bytes).nlmsg_len = nlmsg_len;
    assertThrows(() => parsed(bytes), RangeError);
  }
});

Deno.test("parsePacketSockets() reads only whole memberships", () => {
  const memberships = attribute(PACKET_DIAG_MCLIST, new Uint8Array(44 + 43));
  const [[{ memberships: read }]] = parsed(
    message(SOCK_DIAG_BY_FAMILY, ABOUT(AF_PACKET), memberships),
  );
  assertEquals(read?.length, 1);
});
