/**
 * The parser of the kernel's answers over rtnetlink, compared with a simple one.
 *
 * @module
 */

import fc from "fast-check";
import {
  IFLA_ADDRESS,
  IFLA_IFNAME,
  IFLA_INFO_KIND,
  IFLA_LINK,
  IFLA_LINK_NETNSID,
  IFLA_LINKINFO,
  type Link,
  NLMSG_ERROR,
  parseLink,
  RTM_NEWLINK,
  SystemError,
} from "../../ffi/mod.ts";
import { attribute as attributeBytes } from "../ffi/socket/netlink_messages.ts";
import { GuardedMemory } from "../support/guarded_memory.ts";
import { attributesIn } from "./attributes.ts";
import { nearly } from "./bytes.ts";
import { must, target } from "./target.ts";

const memory = new GuardedMemory(1 << 15);
const HEAD = 32;

const attribute = (type: number, value: Uint8Array) => [...attributeBytes(type, value)];

const text = fc.constantFrom("veth-fdpass", "lo", "veth", "").map((word) =>
  new TextEncoder().encode(`${word}\0`)
);
const number = fc.oneof(fc.constant(Uint8Array.of(7, 0, 0, 0)), fc.uint8Array({ maxLength: 8 }));
const attributes = fc.array(
  fc.oneof(
    text.map((value) => attribute(IFLA_IFNAME, value)),
    text.map((value) =>
      attribute(IFLA_LINKINFO, Uint8Array.from(attribute(IFLA_INFO_KIND, value)))
    ),
    number.map((value) => attribute(IFLA_LINK, value)),
    number.map((value) => attribute(IFLA_LINK_NETNSID, value)),
    number.map((value) => attribute(IFLA_ADDRESS, value)),
  ),
  { maxLength: 5 },
);

const message = fc.tuple(
  fc.constantFrom(RTM_NEWLINK, RTM_NEWLINK, RTM_NEWLINK, NLMSG_ERROR, 3),
  fc.integer(),
  attributes,
).map(([type, word, all]) => {
  const bytes = Uint8Array.from([...new Array(HEAD).fill(0), ...all.flat()]);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, type, true);
  view.setInt32(type === NLMSG_ERROR ? 16 : 20, word, true);
  return bytes;
});

type Parse = (bytes: Uint8Array<ArrayBuffer>) => Link;

const asText = (bytes: Uint8Array | undefined) =>
  bytes === undefined ? "" : new TextDecoder().decode(bytes.slice(0, -1));

/** What the parser must find, as far as it is compared; `undefined` if it must refuse. */
function reference(bytes: Uint8Array): string | undefined {
  if (bytes.length < HEAD) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getUint32(0, true);
  if (view.getUint16(4, true) !== RTM_NEWLINK || length < HEAD || length > bytes.length) {
    return undefined;
  }
  const all = attributesIn(bytes.slice(HEAD, length));
  const kind = asText(attributesIn(all.get(IFLA_LINKINFO) ?? new Uint8Array()).get(IFLA_INFO_KIND));
  const link = all.get(IFLA_LINK);
  if (link !== undefined && link.length !== 4 && kind === "veth" && !all.has(IFLA_LINK_NETNSID)) {
    return undefined;
  }
  return JSON.stringify([asText(all.get(IFLA_IFNAME)), view.getInt32(20, true), kind]);
}

/** Fuzzes parseLink() with any bytes. */
export const netlink = target<Uint8Array, Parse>({
  claim: "parseLink() finds the link in a message, or throws a documented error",
  cases: nearly(message),
  subject: parseLink,
  wrong: {
    "reads an error as a link": (bytes) => {
      const copy = bytes.slice();
      if (copy.length > 5 && copy[4] === NLMSG_ERROR) copy[4] = RTM_NEWLINK;
      return parseLink(copy);
    },
    "believes the length of the message": (bytes) => {
      const copy = new Uint8Array(bytes.length + 8);
      copy.set(bytes);
      return parseLink(copy);
    },
    "throws another error": (bytes) => {
      try {
        return parseLink(bytes);
      } catch {
        throw new TypeError("undefined is not a function");
      }
    },
  },
  check(parse, bytes) {
    const expected = reference(bytes);
    let link: Link;
    try {
      link = parse(memory.place(bytes));
    } catch (error) {
      must(error instanceof SystemError || error instanceof RangeError, `${error}`);
      must(expected === undefined, `refused: ${error.message}`);
      return;
    }
    const { name, ifindex, kind, peer, address } = link;
    must(JSON.stringify([name, ifindex, kind]) === expected, `${name}, ${ifindex}, ${kind}`);
    must(peer === undefined || Number.isInteger(peer), `peer ${peer}`);
    must(address.length <= bytes.length, "the address is in the message");
  },
});
