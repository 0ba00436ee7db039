import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  ARPHRD_ETHER,
  ARPHRD_LOOPBACK,
  Errno,
  errnoOf,
  if_nametoindex,
  IFF_LOOPBACK,
  IFF_LOWER_UP,
  IFF_UP,
  ifinfomsg,
  IFLA_ADDRESS,
  IFLA_ALT_IFNAME,
  IFLA_IFNAME,
  IFLA_INFO_KIND,
  IFLA_LINK,
  IFLA_LINK_NETNSID,
  IFLA_LINKINFO,
  IFLA_MTU,
  IFLA_PROP_LIST,
  linkByIndex,
  linkByName,
  NLMSG_ERROR,
  nlmsghdr,
  parseLink,
  rtattr,
  RTM_GETLINK,
  RTM_NEWLINK,
  SystemError,
} from "../../../ffi/mod.ts";
import { testNeeding } from "../../support/needs.ts";
import { leavingNothingOpen } from "../descriptors.ts";
import { command, resultOf } from "../programs.ts";
import { attribute, message } from "./netlink_messages.ts";

const text = new TextEncoder();

const name = (name: string) => attribute(IFLA_IFNAME, text.encode(name + "\0"));
const kind = (kind: string) =>
  attribute(IFLA_LINKINFO, attribute(IFLA_INFO_KIND, text.encode(kind + "\0")));
const peer = (ifindex: number) =>
  attribute(IFLA_LINK, new Uint8Array(Int32Array.of(ifindex).buffer));
const mtu = (bytes: number) => attribute(IFLA_MTU, new Uint8Array(Int32Array.of(bytes).buffer));
const alternative = (name: string) => attribute(IFLA_ALT_IFNAME, text.encode(name + "\0"));
const inNamespace = attribute(IFLA_LINK_NETNSID, new Uint8Array(4));

/** A link of index 7, up unless other flags are given, with these attributes. */
function link(
  attributes: Uint8Array[],
  ifi_flags = IFF_UP,
  ifi_type = 0,
): Uint8Array<ArrayBuffer> {
  const info = ifinfomsg.alloc();
  Object.assign(info, { ifi_index: 7, ifi_flags, ifi_type });
  return message(RTM_NEWLINK, info.bytes, ...attributes);
}

const UNKNOWN = {
  name: "",
  alternativeNames: [] as string[],
  ifindex: 7,
  up: true,
  carrier: false,
  loopback: false,
  type: 0,
  mtu: 0,
  address: new Uint8Array(),
  kind: "",
  peer: undefined,
  promiscuity: 0,
};

Deno.test("parseLink() reads name, index, address, kind and peer", () => {
  const address = Uint8Array.of(2, 0, 0, 0, 0, 9);
  const veth = [name("veth0"), attribute(IFLA_ADDRESS, address), kind("veth"), peer(8)];
  assertEquals(parseLink(link(veth)), {
    ...UNKNOWN,
    name: "veth0",
    address,
    kind: "veth",
    peer: 8,
  });
});

for (const up of [false, true]) {
  for (const carrier of [false, true]) {
    for (const loopback of [false, true]) {
      const flags = (up ? IFF_UP : 0) | (carrier ? IFF_LOWER_UP : 0) |
        (loopback ? IFF_LOOPBACK : 0);
      Deno.test(`parseLink() reads up, carrier and loopback of the flags 0x${flags.toString(16)}`, () => {
        assertEquals(parseLink(link([], flags)), { ...UNKNOWN, up, carrier, loopback });
      });
    }
  }
}

Deno.test("parseLink() reads the link type, the MTU, and every alternative name", () => {
  const names = attribute(
    IFLA_PROP_LIST,
    Uint8Array.from([
      ...alternative("one"),
      ...attribute(0x3f, text.encode("?")),
      ...alternative("two"),
    ]),
  );
  assertEquals(parseLink(link([mtu(9000), names], IFF_UP, ARPHRD_LOOPBACK)), {
    ...UNKNOWN,
    type: ARPHRD_LOOPBACK,
    mtu: 9000,
    alternativeNames: ["one", "two"],
  });
});

Deno.test("parseLink() returns no peer that is in another namespace", () => {
  assertEquals(parseLink(link([kind("veth"), peer(8), inNamespace])).peer, undefined);
});

Deno.test("parseLink() does not take the link below a VLAN for its peer", () => {
  assertEquals(parseLink(link([kind("vlan"), peer(8)])).peer, undefined);
});

Deno.test("parseLink() reads an attribute through the flag NLA_F_NESTED", () => {
  const nested = kind("veth");
  rtattr.over(nested).rta_type |= 0x8000;
  assertEquals(parseLink(link([nested])).kind, "veth");
});

const HOSTILE: [what: string, attributes: Uint8Array[], found: Partial<typeof UNKNOWN>][] = [
  ["an rta_len of 0", [name("a"), attribute(IFLA_ADDRESS, text.encode("1234"), 0), kind("veth")], {
    name: "a",
  }],
  ["an rta_len of 3", [name("a"), attribute(IFLA_ADDRESS, text.encode("1234"), 3)], { name: "a" }],
  ["an rta_len of 4", [attribute(IFLA_IFNAME, new Uint8Array(0)), kind("dummy")], {
    kind: "dummy",
  }],
  ["an rta_len of one byte too much", [attribute(IFLA_IFNAME, text.encode("abc\0"), 9)], {}],
  ["an rta_len of 65535", [name("a"), attribute(IFLA_ADDRESS, text.encode("1234"), 65535)], {
    name: "a",
  }],
  ["half a header at the end", [name("a"), Uint8Array.of(8, 0)], { name: "a" }],
  ["no padding at the end", [attribute(IFLA_IFNAME, text.encode("ab\0")).subarray(0, 7)], {
    name: "ab",
  }],
  ["a kind that extends beyond its nest", [
    attribute(IFLA_LINKINFO, attribute(IFLA_INFO_KIND, text.encode("veth"), 200)),
  ], {}],
  ["an empty nest", [attribute(IFLA_LINKINFO, new Uint8Array(0))], {}],
  ["an alternative name that extends beyond its nest", [
    attribute(IFLA_PROP_LIST, attribute(IFLA_ALT_IFNAME, text.encode("name"), 200)),
    name("a"),
  ], { name: "a" }],
  ["unknown attributes", [attribute(0x3ff0, text.encode("?")), name("a")], { name: "a" }],
];

for (const [what, attributes, found] of HOSTILE) {
  Deno.test(`parseLink() copes with ${what}`, () => {
    assertEquals(parseLink(link(attributes)), { ...UNKNOWN, ...found });
  });
}

Deno.test("parseLink() throws the errno of NLMSG_ERROR", () => {
  const error = message(NLMSG_ERROR, new Uint8Array(Int32Array.of(-Errno.ENODEV).buffer));
  assertThrows(() => parseLink(error), SystemError, "RTM_GETLINK: No such device (ENODEV)");
});

Deno.test("parseLink() throws RangeError for a message that is neither a link nor an error", () => {
  for (const type of [0, 3, RTM_GETLINK]) {
    const other = message(type, ifinfomsg.alloc().bytes);
    assertThrows(() => parseLink(other), RangeError, `netlink message of type ${type}, 32 bytes`);
  }
});

Deno.test("parseLink() throws RangeError for a truncated message", () => {
  const whole = link([name("veth0"), kind("veth"), peer(8)]);
  const error = message(NLMSG_ERROR, new Uint8Array(4));
  for (let length = 0; length < whole.length; length++) {
    assertThrows(() => parseLink(whole.slice(0, length)), RangeError);
  }
  for (let length = 0; length < error.length; length++) {
    assertThrows(() => parseLink(error.slice(0, length)), RangeError);
  }
});

Deno.test("parseLink() reads no attribute beyond nlmsg_len", () => {
  const bytes = link([name("a"), kind("veth")]);
  nlmsghdr.over(bytes).nlmsg_len = nlmsghdr.size + ifinfomsg.size + name("a").length;
  assertEquals(parseLink(bytes), { ...UNKNOWN, name: "a" });
});

Deno.test(
  "linkByIndex() describes the loopback interface",
  leavingNothingOpen(() => {
    const { address, ...lo } = linkByIndex(if_nametoindex("lo"));
    assertEquals(address, new Uint8Array(6));
    assertEquals([lo.name, lo.ifindex, lo.loopback, lo.kind], [
      "lo",
      if_nametoindex("lo"),
      true,
      "",
    ]);
  }),
);

Deno.test(
  "linkByIndex() and if_nametoindex() fail with ENODEV if there is no such interface",
  leavingNothingOpen(() => {
    assertEquals(errnoOf(() => linkByIndex(0x7fff_fffe)), Errno.ENODEV);
    for (const name of ["", "no-such-link", "x".repeat(15)]) {
      assertEquals(errnoOf(() => if_nametoindex(name)), Errno.ENODEV, name);
    }
  }),
);

Deno.test("if_nametoindex() throws RangeError for a name that libc would cut", () => {
  for (const name of ["x".repeat(16), "é".repeat(8), "lo" + " ".repeat(300)]) {
    assertThrows(() => if_nametoindex(name), RangeError, "longer than 15 bytes");
  }
});

Deno.test(
  "linkByName() describes the loopback interface, or fails with ENODEV",
  leavingNothingOpen(() => {
    assertEquals(linkByName("lo"), linkByIndex(if_nametoindex("lo")));
    for (const length of [1, 15, 16, 127]) {
      assertEquals(errnoOf(() => linkByName("x".repeat(length))), Errno.ENODEV, `${length} bytes`);
    }
  }),
);

Deno.test("linkByName() throws RangeError for a name that the kernel would refuse or cut", () => {
  for (const name of ["", "x".repeat(128), "é".repeat(64)]) {
    assertThrows(() => linkByName(name), RangeError, "must be 1 to 127");
  }
});

/** The longest alternative name. */
const LONG_NAME = "x".repeat(127);

testNeeding(
  { root: true, programs: { unshare: "util-linux", ip: "iproute2" } },
  "linkByName() describes a veth pair in the caller's namespace, by each of its names",
  async () => {
    const script = "ip link add near mtu 1400 type veth peer name far && " +
      `ip link property add dev near altname ${LONG_NAME} altname another && ` +
      "ip link set near up && exec";
    const [near, far, lo, ...byAlternativeName] = await resultOf(
      [
        "unshare",
        "--net",
        "sh",
        "-c",
        `${script} "$@"`,
        "sh",
        ...command("ffi/socket/programs/links.ts", ["near", "far", "lo", LONG_NAME, "another"]),
      ],
    );
    const veth = {
      alternativeNames: [],
      carrier: false,
      loopback: false,
      type: ARPHRD_ETHER,
      mtu: 1500,
      kind: "veth",
      address: 6,
      promiscuity: 0,
    };
    assertEquals(near, {
      ...veth,
      name: "near",
      alternativeNames: [LONG_NAME, "another"],
      ifindex: near.ifindex,
      mtu: 1400,
      up: true,
      peer: far.ifindex,
    });
    assertEquals(far, {
      ...veth,
      name: "far",
      ifindex: far.ifindex,
      up: false,
      peer: near.ifindex,
    });
    const loopback = { up: false, carrier: false, loopback: true, type: ARPHRD_LOOPBACK };
    assertEquals(lo, { ...lo, name: "lo", ...loopback, mtu: 65536 });
    assertEquals(byAlternativeName, [near, near]);
    assert(near.ifindex !== far.ifindex);
  },
);

Deno.test("parseLink() refuses a message shorter than its header, and an error message without an error", () => {
  for (const nlmsg_len of [0, nlmsghdr.size, nlmsghdr.size + ifinfomsg.size - 1]) {
    const message = new Uint8Array(64);
    Object.assign(nlmsghdr.over(message), { nlmsg_len, nlmsg_type: RTM_NEWLINK });
    assertThrows(() => parseLink(message), RangeError, "Unexpected", String(nlmsg_len));
  }
  const acknowledgement = new Uint8Array(36);
  Object.assign(nlmsghdr.over(acknowledgement), { nlmsg_len: 36, nlmsg_type: NLMSG_ERROR });
  assertThrows(() => parseLink(acknowledgement), RangeError, "Unexpected");
});

Deno.test("parseLink() throws RangeError for an invalid errno, and for a number that is not four bytes long", () => {
  const refusal = (errno: number) => new Uint8Array(Int32Array.of(errno).buffer);
  assertThrows(
    () => parseLink(message(NLMSG_ERROR, refusal(-Errno.ENODEV))),
    SystemError,
    "ENODEV",
  );
  for (const errno of [-4096, -(2 ** 31)]) {
    assertThrows(() => parseLink(message(NLMSG_ERROR, refusal(errno))), RangeError);
  }
  for (const size of [0, 3, 5]) {
    const odd = attribute(IFLA_LINK, new Uint8Array(size));
    const link = message(RTM_NEWLINK, new Uint8Array(ifinfomsg.size), kind("veth"), odd);
    assertThrows(() => parseLink(link), RangeError, `${size} bytes`);
  }
});
