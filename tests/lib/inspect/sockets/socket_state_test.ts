import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  AF_INET,
  AF_PACKET,
  assemble,
  attachFilter,
  bind,
  bpfLoad,
  bpfReturn,
  bpfSocketFilter,
  copyDescriptor,
  disassemble,
  ETH_P_ALL,
  ETH_P_IP,
  O_CLOEXEC,
  O_RDONLY,
  open,
  openDescriptors,
  OwnedFd,
  PACKET_ADD_MEMBERSHIP,
  PACKET_FANOUT,
  PACKET_MR_ALLMULTI,
  PACKET_MR_MULTICAST,
  PACKET_MR_PROMISC,
  packet_mreq,
  PACKET_RX_RING,
  PACKET_TX_RING,
  PACKET_VNET_HDR,
  readLink,
  setsockopt,
  SO_ATTACH_BPF,
  SO_LOCK_FILTER,
  SO_MARK,
  SO_TIMESTAMP,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_PACKET,
  SOCK_RAW,
  socket,
  SOL_PACKET,
  SOL_SOCKET,
  SystemError,
  tpacket_req,
} from "../../../../ffi/mod.ts";
import type { InspectedSocket } from "../../../../lib/evidence/inspected.ts";
import { pause } from "../../../../lib/host/pause.ts";
import { inNetworkNamespace } from "../../../../lib/inspect/sockets/network_namespace.ts";
import { linksOfPacketSockets } from "../../../../lib/inspect/sockets/packet_sockets.ts";
import { seeDaemon } from "../../../../lib/inspect/daemon.ts";
import { seePacketSockets } from "../../../../lib/inspect/sockets/socket_state.ts";
import type { SocketState } from "../../../../lib/inspect/subject.ts";
import { threadIds } from "../../../../lib/inspect/threads/threads.ts";
import { bindPacketSocket } from "../../../../lib/packets/socket.ts";
import { OtherNamespace } from "../../../ffi/programs/other_namespace.ts";
import { ip } from "../../../ffi/programs/veth.ts";
import { type Daemon, startDaemon } from "../../../support/daemon.ts";
import { lookAtDancer } from "../dancing.ts";
import { heldByChild } from "../../../support/held_by_child.ts";
import { testNeeding } from "../../../support/needs.ts";

const LO = 1;
const CLONE_FILES = "0x400";

const daemonTest = (name: string, test: () => void | Promise<void>) =>
  testNeeding({ root: true, programs: { cc: "gcc" } }, name, test);

const look = ({ pid }: { pid: number }) => seePacketSockets(seeDaemon(pid));

const htons = (value: number) => value >> 8 | (value & 0xff) << 8;

/**
 * Waits until a socket is closed: the files of an io_uring are closed some time after the end of
 * its process, and until then no process shows them.
 */
async function closed(link: string): Promise<void> {
  while (linksOfPacketSockets().has(link)) await pause(1);
}

/** The first packet socket of a process. */
function first(daemon: { pid: number }): { state: SocketState; shown: InspectedSocket } {
  const { states: [state], shown: [shown], unseen } = look(daemon);
  assertEquals(unseen, []);
  assertEquals([shown.link, shown.fds, shown.ifindex, shown.type], [
    state.link,
    state.fds,
    state.ifindex,
    state.type,
  ]);
  return { state, shown };
}

/** Changes the first packet socket of a daemon, by a copy of its descriptor. */
function change(daemon: Daemon, step: (fd: number) => void): void {
  using copy = copyDescriptor(daemon.pid, first(daemon).state.fd);
  step(copy.fd);
}

function join(fd: number, mr_type: number, address: readonly number[] = [], ifindex = LO): void {
  const membership = Object.assign(packet_mreq.alloc(), { mr_ifindex: ifindex, mr_type });
  membership.mr_alen = address.length;
  membership.mr_address.set(address);
  setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, membership.bytes);
}

daemonTest("A process without a packet socket shows none, and hides none", async () => {
  await using daemon = await startDaemon(["open=/dev/null"]);
  assertEquals(look(daemon), {
    states: [],
    shown: [],
    hidden: [],
    certainlyHidden: [],
    ofOthers: [],
    missing: [],
    unseenPlaces: [],
    otherSenders: [],
    unseen: [],
  });
});

daemonTest("A bound socket shows its interface, protocol, namespace and numbers", async () => {
  await using daemon = await startDaemon(["packet=1", "copies=3,2"]);
  const { state, shown } = first(daemon);
  const fds = openDescriptors(daemon.pid).entries().filter(([, link]) => link === state.link);
  assertEquals(state, {
    link: readLink(`/proc/${daemon.pid}/fd/3`),
    fd: 3,
    fds: fds.map(([fd]) => fd).toArray(),
    type: "SOCK_RAW",
    ifindex: LO,
    protocol: ETH_P_ALL,
    filter: new Uint8Array(),
    isLocked: false,
    isPinned: false,
    rings: [],
    mark: 0,
    stampsFrames: false,
    isInOwnNamespace: true,
  });
  assertEquals(state.fds.length, 3);
  assertEquals(shown, {
    link: state.link,
    fds: state.fds,
    type: "SOCK_RAW",
    interface: "lo",
    ifindex: LO,
    protocol: ETH_P_ALL,
    namespace: readLink("/proc/self/ns/net"),
    filter: [],
    locked: false,
    fanout: null,
    rings: [],
    mark: 0,
    vnet_hdr: false,
    memberships: [],
    holders: [],
  });
});

daemonTest("An unbound socket shows no interface; sockets are sorted by number", async () => {
  await using daemon = await startDaemon(["packet", "packet=1"]);
  const { states, shown } = look(daemon);
  assertEquals(states.map(({ ifindex, protocol }) => [ifindex, protocol]), [[0, 0], [
    LO,
    ETH_P_ALL,
  ]]);
  assertEquals(shown.map((each) => each.interface), [null, "lo"]);
  assert(states[0].fd < states[1].fd);
});

daemonTest("Filters: none, classic, extended; and the lock", async () => {
  await using daemon = await startDaemon(["packet=1"]);
  const program = assemble([bpfReturn(96)]);
  change(daemon, (fd) => attachFilter(fd, program));
  assertEquals(first(daemon).state.filter, program);
  assertEquals(first(daemon).shown.filter, disassemble(program));
  assert(first(daemon).shown.filter?.[0].includes("ret      #96"));
  assertEquals(first(daemon).state.isLocked, false);

  using extended = new OwnedFd(bpfSocketFilter());
  change(daemon, (fd) => setsockopt(fd, SOL_SOCKET, SO_ATTACH_BPF, extended.fd));
  change(daemon, (fd) => setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, 1));
  const { state, shown } = first(daemon);
  assertEquals([state.filter, shown.filter], [undefined, null]);
  assertEquals([state.isLocked, shown.locked], [true, true]);
});

const MODES = ["HASH", "LB", "CPU", "ROLLOVER", "RND", "QM", "CBPF", "EBPF"];

daemonTest("Fanout: every mode, also group 0 of mode 0, which reads as no group", async () => {
  for (const [mode, name] of MODES.entries()) {
    await using daemon = await startDaemon(["packet=1"]);
    const group = mode === 0 ? 0 : 40000 + mode;
    change(daemon, (fd) => setsockopt(fd, SOL_PACKET, PACKET_FANOUT, mode << 16 | group));
    const { state, shown } = first(daemon);
    assertEquals(shown.fanout, { group, mode: `PACKET_FANOUT_${name}` });
    assertEquals(state.isPinned, true);
  }
  await using daemon = await startDaemon(["packet=1"]);
  change(daemon, (fd) => setsockopt(fd, SOL_PACKET, PACKET_FANOUT, 0x1000 << 16 | 7));
  assertEquals(first(daemon).shown.fanout, {
    group: 7,
    mode: "PACKET_FANOUT_HASH|PACKET_FANOUT_FLAG_ROLLOVER",
  });
});

daemonTest("Rings: for received frames, for frames to send, both", async () => {
  await using daemon = await startDaemon(["packet=1"]);
  const geometry = Object.assign(tpacket_req.alloc(), {
    tp_block_size: 4096,
    tp_block_nr: 1,
    tp_frame_size: 2048,
    tp_frame_nr: 2,
  });
  change(daemon, (fd) => setsockopt(fd, SOL_PACKET, PACKET_TX_RING, geometry.bytes));
  assertEquals(first(daemon).state.rings, ["tx"]);
  change(daemon, (fd) => setsockopt(fd, SOL_PACKET, PACKET_RX_RING, geometry.bytes));
  assertEquals(first(daemon).state.rings, ["rx", "tx"]);
  assertEquals(first(daemon).shown.rings, ["rx", "tx"]);
});

daemonTest("The mark, time stamps, and the header of PACKET_VNET_HDR", async () => {
  await using daemon = await startDaemon(["packet=1"]);
  change(daemon, (fd) => {
    setsockopt(fd, SOL_SOCKET, SO_MARK, 0xf0001234 | 0);
    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMP, 1);
    setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, 1);
  });
  const { state, shown } = first(daemon);
  assertEquals([state.mark, shown.mark, state.stampsFrames, shown.vnet_hdr], [
    0xf0001234,
    0xf0001234,
    true,
    true,
  ]);
});

daemonTest("Memberships are named, and cut when there are many", async () => {
  await using daemon = await startDaemon(["packet=1"]);
  change(daemon, (fd) => {
    join(fd, PACKET_MR_PROMISC);
    join(fd, PACKET_MR_ALLMULTI);
    join(fd, PACKET_MR_MULTICAST, [1, 0, 0x5e, 0, 0, 0xfb]);
  });
  assertEquals(first(daemon).shown.memberships?.toSorted(), [
    "all multicast on lo",
    "multicast 01:00:5e:00:00:fb on lo",
    "promiscuous on lo",
  ]);
  change(daemon, (fd) => {
    for (let group = 0; group < 100; group++) {
      join(fd, PACKET_MR_MULTICAST, [1, 0, 0x5e, 1, 0, group]);
    }
  });
  const { memberships } = first(daemon).shown;
  assertEquals([memberships?.length, memberships?.at(-1)], [65, "39 more like these"]);
});

daemonTest(
  "Memberships beyond the kernel's report are unseen, and hide no other socket",
  async () => {
    await using daemon = await startDaemon(["packet=1", "packet=1"]);
    change(daemon, (fd) => {
      for (let group = 0; group < 800; group++) {
        join(fd, PACKET_MR_MULTICAST, [1, 0, 0x5e, 1, group >> 8, group & 0xff]);
      }
    });
    const { states, shown, unseen } = look(daemon);
    assertEquals(states.map(({ rings }) => rings), [[], []]);
    assertEquals(shown.map(({ memberships }) => memberships), [null, null]);
    assertEquals(unseen.length, 2);
    assert(unseen[0].includes(`the memberships of ${states[0].link}`), unseen[0]);
  },
);

daemonTest("SOCK_DGRAM and SOCK_PACKET", async () => {
  using datagrams = new OwnedFd(socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  using old = new OwnedFd(socket(AF_INET, SOCK_PACKET | SOCK_CLOEXEC, htons(ETH_P_IP)));
  bindPacketSocket(datagrams.fd, LO, ETH_P_IP);
  const program = assemble([bpfLoad(0, 1), bpfReturn(0)]); // of the IP header, not of an address
  attachFilter(datagrams.fd, program);
  await using holder = heldByChild(datagrams.fd, old.fd);
  const of = (fd: number) => {
    const { states, shown, unseen } = look(holder);
    assertEquals([states.length, unseen], [2, []]);
    return shown.find(({ fds }) => fds.includes(fd))!;
  };
  assertEquals(of(datagrams.fd).filter, disassemble(program, false));
  assertEquals([of(datagrams.fd).type, of(datagrams.fd).interface], ["SOCK_DGRAM", "lo"]);
  const { type, ifindex, interface: name, protocol, rings, fanout } = of(old.fd);
  assertEquals([type, ifindex, name], ["SOCK_PACKET", 0, null]);
  assertEquals([protocol, rings, fanout], [ETH_P_IP, [], null]);

  const address = new Uint8Array(16); // a family, and the name of an interface
  address.set([AF_PACKET, 0, ...new TextEncoder().encode("lo")]);
  bind(old.fd, address);
  assertEquals([of(old.fd).ifindex, of(old.fd).interface], [LO, "lo"]);
});

daemonTest("A socket of another network namespace shows the names of that namespace", async () => {
  using other = new OtherNamespace();
  const veth = ["type", "veth", "peer", "name", "sock-near"];
  ip("link", "add", "sock-far", "netns", `${other.pid}`, "index", "4243", ...veth);
  try {
    using theirs = new OwnedFd(open(`/proc/${other.pid}/ns/net`, O_RDONLY | O_CLOEXEC));
    using far = new OwnedFd(
      inNetworkNamespace(theirs, () => socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)),
    );
    bindPacketSocket(far.fd, 4243, ETH_P_ALL);
    join(far.fd, PACKET_MR_PROMISC, [], 4243);
    const home = readLink("/proc/thread-self/ns/net");
    await using holder = heldByChild(far.fd);
    const { state, shown } = first(holder);
    assertEquals(readLink("/proc/thread-self/ns/net"), home);
    assertEquals([state.isInOwnNamespace, state.rings], [false, []]);
    assertEquals([shown.interface, shown.memberships], ["sock-far", ["promiscuous on sock-far"]]);
    assertEquals(shown.namespace, readLink(`/proc/${other.pid}/ns/net`));
  } finally {
    ip("link", "del", "sock-near");
  }
});

daemonTest("A process in another network namespace has its socket in its own", async () => {
  await using daemon = await startDaemon(["packet=1"], { through: ["unshare", "--net"] });
  const { state, shown } = first(daemon);
  assertEquals([state.isInOwnNamespace, shown.interface], [true, "lo"]);
  assertEquals(shown.namespace, readLink(`/proc/${daemon.pid}/ns/net`));
  assert(shown.namespace !== readLink("/proc/self/ns/net"));
});

daemonTest("Other holders are named: a child, another process, a thread's own table", async () => {
  await using daemon = await startDaemon([
    ...["packet=1", "fork", "name=its child", "end"],
    ...["thread", "name=its thread", `unshare=${CLONE_FILES}`, "end"],
  ]);
  const { state } = first(daemon);
  using copy = copyDescriptor(daemon.pid, state.fd);
  const { holders } = first(daemon).shown;
  const own = holders.find(({ pid }) => pid === Deno.pid);
  assertEquals(own?.fd, copy.fd);
  const [tid] = threadIds(daemon.pid).filter((each) => each !== daemon.pid);
  const rest = holders.filter(({ pid }) => pid !== Deno.pid);
  assertEquals(rest.map(({ name, fd }) => [name, fd]).toSorted(), [
    ["its child", state.fd],
    ["its thread", state.fd],
  ]);
  assert(rest.some(({ pid }) => pid === tid));
});

daemonTest("A socket in a thread's own table is examined there", async () => {
  await using daemon = await startDaemon([
    ...["thread", `unshare=${CLONE_FILES}`, "packet=1", "end"],
    ...["thread", `unshare=${CLONE_FILES}`, "packet", "end"],
  ]);
  const { states, shown, hidden } = look(daemon);
  assertEquals(states.map(({ ifindex }) => ifindex).toSorted(), [0, LO]);
  assertEquals([shown.flatMap(({ holders }) => holders), hidden], [[], []]);
});

daemonTest("The sockets of a process whose first thread has ended are examined", async () => {
  await using daemon = await startDaemon(["packet=1", "packet", "map-ring=4", "end-leader"]);
  const { states, shown, certainlyHidden } = look(daemon);
  assertEquals([states.length, states[0].ifindex, states[0].isInOwnNamespace], [1, LO, true]);
  assertEquals([shown[0].holders, certainlyHidden.length], [[], 1]);
});

daemonTest("A descriptor by O_PATH does not count as holding a socket", async () => {
  await using daemon = await startDaemon(["packet=1", "open-path=/proc/self/fd/3"]);
  const link = readLink(`/proc/${daemon.pid}/fd/3`);
  const isSame = ([, target]: [number, string]) => target === link;
  assertEquals(openDescriptors(daemon.pid).entries().filter(isSame).toArray().length, 2);
  assertEquals(first(daemon).state.fds, [3]);
  await daemon.run("in-flight=3");
  const { states, hidden } = look(daemon);
  assertEquals(states, []);
  assertEquals(hidden.length, 2);
  assert(hidden[1].includes(`${link} in net:[`) && hidden[1].includes("no process"), hidden[1]);
});

daemonTest("A socket in flight is possibly hidden, although another process shows it", async () => {
  await using daemon = await startDaemon(["packet=1"]);
  using _copy = copyDescriptor(daemon.pid, 3);
  await daemon.run("in-flight=3");
  const { states, hidden, certainlyHidden } = look(daemon);
  assertEquals([states, certainlyHidden, hidden.length], [[], [], 1]);
  assert(/^1 in flight in the queue of descriptor \d+ /.test(hidden[0]), hidden[0]);
});

daemonTest("A socket registered in an io_uring is certainly hidden once it is closed", async () => {
  const daemon = await startDaemon(["packet=1", "io-uring=0", "ring-files=3"]);
  const { link } = first(daemon).state;
  try {
    assertEquals(look(daemon).hidden, []);
    await daemon.run("close=3");
    const { states, hidden, certainlyHidden } = look(daemon);
    assertEquals([states, hidden.length, hidden], [[], 1, certainlyHidden]);
    assert(hidden[0].startsWith(`packet socket ${link} is registered in the io_uring of desc`));
  } finally {
    await daemon[Symbol.asyncDispose]();
  }
  await closed(link);
});

daemonTest("A ring that is closed during the look is no certain hiding place", async () => {
  const daemon = await startDaemon(["packet=1", "io-uring=0", "ring-files=3"]);
  const { link } = first(daemon).state;
  await daemon.run("close=3");
  const before = seeDaemon(daemon.pid);
  assertEquals(seePacketSockets(before).certainlyHidden.length, 1);
  await daemon.run(`close=${before.rings[0].fd}`);
  const { certainlyHidden, hidden } = seePacketSockets(before);
  assertEquals(certainlyHidden, []);
  assert(hidden.length > 0);
  await daemon[Symbol.asyncDispose]();
  await closed(link);
});

daemonTest("A ring may use sockets that other processes show, and this one does not", async () => {
  await using daemon = await startDaemon(["packet=1", "io-uring=0"]);
  assertEquals(look(daemon).hidden, []);
  using other = new OwnedFd(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  const { hidden, certainlyHidden } = look(daemon);
  assertEquals(certainlyHidden, []);
  assertEquals(hidden, [
    "requests of an io_uring may use packet sockets of other processes: " +
    readLink(`/proc/self/fd/${other.fd}`),
  ]);
  await using without = await startDaemon(["packet=1"]);
  assertEquals(look(without).hidden, []);
});

daemonTest("A mapped ring is certainly a hidden socket once its descriptor is closed", async () => {
  await using daemon = await startDaemon(["packet=1", "copies=3,1", "map-ring=3"]);
  const { fd, link } = first(daemon).state;
  assertEquals(look(daemon).hidden, []);
  await daemon.run(`close=${fd}`);
  const { states, hidden, certainlyHidden } = look(daemon);
  assertEquals([states, hidden], [[], certainlyHidden]);
  assertEquals(hidden, [`packet socket ${link} is mapped as a ring, without a descriptor`]);
});

daemonTest("A socket in another namespace that has no process is hidden in its ring", async () => {
  await using daemon = await startDaemon([
    ...["unshare=0x40000000", "packet", "io-uring=0", "ring-files=3", "close=3"],
    ...["unshare=0x40000000"],
  ]);
  const { hidden, certainlyHidden } = look(daemon);
  assertEquals([hidden.length, certainlyHidden], [1, []]); // of which kind it is cannot be seen
  assert(hidden[0].endsWith("may be a packet socket"), hidden[0]);
});

daemonTest("A packet socket that appears during the look is missing", async () => {
  await using daemon = await startDaemon(["packet=1"]);
  const { states, missing, unseen } = seePacketSockets({
    ...seeDaemon(daemon.pid),
    descriptors: [],
  });
  assertEquals([states, missing.length, unseen], [[], 1, missing]);
  assert(missing[0].includes("appeared while the others were looked at"), missing[0]);
});

daemonTest("A descriptor that becomes another is missing, if it was a packet socket", async () => {
  await using daemon = await startDaemon(["packet=1", "packet=1"]);
  const whole = seeDaemon(daemon.pid);
  const swapped = whole.descriptors.map((each) =>
    each.fd === 3 ? { ...each, fd: 4, refers_to: readLink(`/proc/${daemon.pid}/fd/3`) } : each
  );
  const { states, missing } = seePacketSockets({ ...whole, descriptors: swapped });
  assertEquals([states.length, missing.length], [1, 1]);
  assert(missing[0].includes("it changed while it was looked at"), missing[0]);

  const closed = { fd: 99, refers_to: "socket:[1]", access: null, note: "", tids: [] };
  const later = seePacketSockets({ ...whole, descriptors: [...whole.descriptors, closed] });
  assertEquals([later.states.length, later.missing], [2, []]);
});

daemonTest("seePacketSockets() throws ESRCH if the process has ended", async () => {
  const daemon = await startDaemon(["packet=1"]);
  const before = seeDaemon(daemon.pid);
  await daemon[Symbol.asyncDispose]();
  const error = assertThrows(() => seePacketSockets(before), SystemError);
  assertEquals(error.code, "ESRCH");
});

daemonTest("Thousands of numbers, and dozens of sockets", async () => {
  await using daemon = await startDaemon(["packet=1", "descriptor-limit=8192", "copies=3,3000"]);
  await daemon.run(...Array.from({ length: 40 }, () => "packet=1"));
  const { states, shown, unseen } = look(daemon);
  assertEquals([states.length, states[0].fds.length, unseen], [41, 3001, []]);
  assertEquals(states.map(({ fd }) => fd), states.map(({ fd }) => fd).toSorted((a, b) => a - b));
  assertEquals(shown.flatMap(({ holders }) => holders), []);
});

daemonTest("A socket that moves all the time is seen, missing, or possibly hidden", async () => {
  await lookAtDancer(20);
});
