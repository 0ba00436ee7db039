import { assertEquals, assertThrows } from "@std/assert";
import {
  AF_NETLINK,
  Errno,
  getsockname,
  IFF_LOWER_UP,
  IFF_UP,
  IFLA_CARRIER_DOWN_COUNT,
  IFLA_IFNAME,
  IFLA_MASTER,
  IFLA_MTU,
  IFLA_NEW_IFINDEX,
  IFLA_NEW_NETNSID,
  LinkMonitor,
  NLMSG_ERROR,
  nlmsghdr,
  parseLinkMessages,
  RTM_DELLINK,
  RTM_NEWLINK,
  sendTo,
  SOCK_CLOEXEC,
  SOCK_RAW,
  sockaddr_nl,
  socket,
  SystemError,
} from "../../../ffi/mod.ts";
import { testNeeding } from "../../support/needs.ts";
import { leavingNothingOpen } from "../descriptors.ts";
import { command, resultOf } from "../programs.ts";
import { attribute, info, joined, message, number, text } from "./netlink_messages.ts";

const UNKNOWN = { name: "", ifindex: 7, up: false, carrier: false, carrierLosses: 0 };
const NO_STATE = { ...UNKNOWN, mtu: 0, master: 0 };
const AF_BRIDGE = 7;

const state = message(
  RTM_NEWLINK,
  info({ ifi_flags: IFF_UP | IFF_LOWER_UP }),
  text(IFLA_IFNAME, "veth0"),
  number(IFLA_MTU, 1500),
  number(IFLA_MASTER, 3),
  number(IFLA_CARRIER_DOWN_COUNT, 2),
);
const deleted = message(RTM_DELLINK, info(), text(IFLA_IFNAME, "veth0"));
const moved = message(
  RTM_DELLINK,
  info(),
  number(IFLA_NEW_NETNSID, 4),
  number(IFLA_NEW_IFINDEX, 9),
);

Deno.test("parseLinkMessages() reads the state of a link", () => {
  assertEquals(parseLinkMessages(state), [{
    kind: "state",
    state: {
      name: "veth0",
      ifindex: 7,
      up: true,
      carrier: true,
      carrierLosses: 2,
      mtu: 1500,
      master: 3,
    },
  }]);
});

Deno.test("parseLinkMessages() tells a deleted link from one that has moved", () => {
  const gone = { kind: "gone", ifindex: 7 } as const;
  assertEquals(parseLinkMessages(deleted), [{ ...gone, movedTo: undefined }]);
  assertEquals(parseLinkMessages(moved), [{ ...gone, movedTo: { namespace: 4, ifindex: 9 } }]);
  const before5 = message(RTM_DELLINK, info(), number(IFLA_NEW_NETNSID, 0));
  const movedTo = { namespace: 0, ifindex: undefined };
  assertEquals(parseLinkMessages(before5), [{ ...gone, movedTo }]);
});

Deno.test("parseLinkMessages() reads every message of a datagram, in order", () => {
  const all = parseLinkMessages(joined(state, deleted, state));
  assertEquals(all.map(({ kind }) => kind), ["state", "gone", "state"]);
  assertEquals(parseLinkMessages(new Uint8Array(0)), []);
});

Deno.test("parseLinkMessages() leaves out messages of a bridge, and other kinds of messages", () => {
  for (const type of [RTM_NEWLINK, RTM_DELLINK]) {
    const ofBridge = message(type, info({ ifi_family: AF_BRIDGE }), text(IFLA_IFNAME, "veth0"));
    assertEquals(parseLinkMessages(ofBridge), []);
  }
  for (const type of [1, 3, 20, 24]) assertEquals(parseLinkMessages(message(type, info())), []);
});

Deno.test("parseLinkMessages() takes ENODEV in a reply for a link that is gone", () => {
  const refusal = (errno: number) => {
    const bytes = message(NLMSG_ERROR, new Uint8Array(Int32Array.of(-errno).buffer), info());
    nlmsghdr.over(bytes).nlmsg_seq = 7;
    return bytes;
  };
  assertEquals(parseLinkMessages(refusal(Errno.ENODEV)), [
    { kind: "gone", ifindex: 7, movedTo: undefined },
  ]);
  assertEquals(parseLinkMessages(refusal(0)), []);
  assertThrows(() => parseLinkMessages(refusal(Errno.EPERM)), SystemError, "EPERM");
  for (const errno of [-1, 4096]) {
    assertThrows(() => parseLinkMessages(refusal(errno)), RangeError, "netlink error");
  }
});

Deno.test("parseLinkMessages() throws RangeError for a datagram that is cut anywhere", () => {
  for (const whole of [state, deleted, moved, message(NLMSG_ERROR, new Uint8Array(4))]) {
    for (let length = 1; length < whole.length; length++) {
      assertThrows(() => parseLinkMessages(whole.slice(0, length)), RangeError, "", `${length}`);
      assertThrows(() => parseLinkMessages(joined(state, whole.slice(0, length))), RangeError);
    }
  }
});

Deno.test("parseLinkMessages() throws RangeError for lengths that contradict each other", () => {
  for (const nlmsg_len of [0, 1, nlmsghdr.size - 1, state.length + 1, 0xffff_ffff]) {
    const bytes = state.slice();
    nlmsghdr.over(bytes).nlmsg_len = nlmsg_len;
    assertThrows(() => parseLinkMessages(bytes), RangeError, `${nlmsg_len} bytes`);
  }
  for (const type of [IFLA_MTU, IFLA_MASTER, IFLA_CARRIER_DOWN_COUNT]) {
    const odd = message(RTM_NEWLINK, info(), attribute(type, new Uint8Array(3)));
    assertThrows(() => parseLinkMessages(odd), RangeError, "3 bytes");
  }
});

Deno.test("parseLinkMessages() reads no attribute behind one that contradicts itself", () => {
  for (const rta_len of [0, 3, 200, 0xffff]) {
    const odd = attribute(IFLA_MTU, new Uint8Array(4), rta_len);
    const bytes = message(RTM_NEWLINK, info(), odd, text(IFLA_IFNAME, "veth0"));
    assertEquals(parseLinkMessages(bytes), [{ kind: "state", state: NO_STATE }]);
  }
});

/** Takes everything that waits. */
function taken(monitor: LinkMonitor) {
  const all = [];
  for (let each = monitor.take(); each !== undefined; each = monitor.take()) all.push(each);
  return all;
}

Deno.test(
  "LinkMonitor answers a request, and closes its socket",
  leavingNothingOpen(() => {
    using monitor = new LinkMonitor();
    monitor.request(1); // the loopback of any namespace
    monitor.request(0x7fff_fffe);
    const [lo, none] = taken(monitor).flat();
    assertEquals([lo, none], [
      { kind: "state", state: { ...(lo as { state: typeof NO_STATE }).state, name: "lo" } },
      { kind: "gone", ifindex: 0x7fff_fffe, movedTo: undefined },
    ]);
    assertEquals(monitor.take(), undefined);
  }),
);

testNeeding({ root: true }, "LinkMonitor believes nobody but the kernel", () => {
  using monitor = new LinkMonitor();
  const address = sockaddr_nl.alloc();
  address.bytes.set(getsockname(monitor.fd));
  address.nl_groups = 0;
  const fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
  sendTo(fd, deleted, 0, address.bytes);
  sendTo(fd, Uint8Array.of(1, 2, 3), 0, address.bytes);
  assertEquals(taken(monitor), [[], []]);
});

const NEEDS = { root: true, programs: { unshare: "util-linux", ip: "iproute2" } };
const monitored = (...commands: string[]) =>
  resultOf(["unshare", "--net", ...command("ffi/socket/programs/monitored.ts", commands)]);

testNeeding(NEEDS, "LinkMonitor reports every change of a link, in order", async () => {
  const { messages } = await monitored(
    "link set near down",
    "link set near up",
    "link set near name other",
    "link set other mtu 1400",
    "link set other promisc on",
    "link add name br0 type bridge",
    "link set other master br0",
    "link set other nomaster",
    "link del other",
  );
  const states = messages.filter((each: { kind: string }) => each.kind === "state")
    .map(({ state }: { state: typeof NO_STATE }) => state);
  const ups: boolean[] = states.map(({ up }: typeof NO_STATE) => up);
  const turns = ups.filter((up, i) => up !== (ups[i - 1] ?? true)); // it was up at first
  assertEquals(turns, [false, true, false]);
  const distinct = (key: keyof typeof NO_STATE) => [
    ...new Set(states.map((each: typeof NO_STATE) => each[key])),
  ];
  assertEquals(distinct("name"), ["near", "other"]);
  assertEquals(distinct("mtu"), [1500, 1400]);
  assertEquals(distinct("master").length, 2);
  const ends = messages.filter((each: { kind: string }) => each.kind === "gone");
  assertEquals(ends.length, 1, "leaving the bridge is no end");
  assertEquals(messages.at(-1), ends[0]);
});

testNeeding(NEEDS, "LinkMonitor says where a link has moved to", async () => {
  const { messages, ifindex } = await monitored("link set near netns OTHER");
  const { namespace } = messages.at(-1).movedTo;
  assertEquals(messages.at(-1).kind, "gone");
  assertEquals([messages.at(-1).ifindex, Number.isInteger(namespace)], [ifindex, true]);
});

testNeeding(NEEDS, "LinkMonitor reports that its queue has overflowed, and goes on", async () => {
  const commands = Array.from({ length: 40 }, (_, i) => `link set near mtu ${1400 + i}`);
  const { overflows, messages } = await monitored("small", ...commands);
  assertEquals(overflows > 0, true);
  assertEquals(messages.at(-1).state.mtu, 1439, "the last state, as it was asked for");
});

Deno.test("LinkMonitor throws the errno of any other refusal", () => {
  using monitor = new LinkMonitor();
  monitor.request(-1);
  assertThrows(() => monitor.take(), SystemError, "RTM_GETLINK: Invalid argument (EINVAL)");
});
