/**
 * The parser of the kernel's messages about changes of interfaces, compared with a simple one.
 *
 * @module
 */

import fc from "fast-check";
import {
  IFF_LOWER_UP,
  IFF_UP,
  IFLA_CARRIER_DOWN_COUNT,
  IFLA_IFNAME,
  IFLA_MASTER,
  IFLA_MTU,
  IFLA_NEW_IFINDEX,
  IFLA_NEW_NETNSID,
  type LinkMessage,
  NLMSG_ERROR,
  parseLinkMessages,
  RTM_DELLINK,
  RTM_NEWLINK,
  SystemError,
} from "../../ffi/mod.ts";
import { attribute as attributeBytes } from "../ffi/socket/netlink_messages.ts";
import { GuardedMemory } from "../support/guarded_memory.ts";
import { attributesIn } from "./attributes.ts";
import { nearly } from "./bytes.ts";
import { must, target } from "./target.ts";

const memory = new GuardedMemory(1 << 15);
const ENODEV = 19;

const attribute = (type: number, value: Uint8Array) => [...attributeBytes(type, value)];

const number = fc.oneof(
  { arbitrary: fc.constant(Uint8Array.of(7, 0, 0, 0)), weight: 8 },
  fc.uint8Array({ maxLength: 8 }),
);
const NUMBERS = [IFLA_MTU, IFLA_MASTER, IFLA_CARRIER_DOWN_COUNT, IFLA_NEW_NETNSID];
const attributes = fc.array(
  fc.oneof(
    fc.constantFrom("veth0\0", "\0", "").map((name) =>
      attribute(IFLA_IFNAME, new TextEncoder().encode(name))
    ),
    fc.tuple(fc.constantFrom(...NUMBERS, IFLA_NEW_IFINDEX), number).map(([type, value]) =>
      attribute(type, value)
    ),
  ),
  { maxLength: 4 },
);

const message = fc.tuple(
  fc.constantFrom(RTM_NEWLINK, RTM_NEWLINK, RTM_DELLINK, NLMSG_ERROR, 3),
  fc.constantFrom(0, 0, 0, 7),
  fc.constantFrom(0, -ENODEV, -ENODEV, -1, 5),
  fc.constantFrom(0, IFF_UP, IFF_UP | IFF_LOWER_UP),
  attributes,
).map(([type, family, errno, flags, all]) => {
  const bytes = Uint8Array.from([...new Array(32).fill(0), ...all.flat()]);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, type, true);
  view.setUint32(8, 7, true);
  view.setUint8(16, family);
  if (type === NLMSG_ERROR) view.setInt32(16, errno, true);
  view.setInt32(20, 7, true);
  view.setUint32(24, flags, true);
  return bytes;
});

const datagram = fc.array(message, { maxLength: 3 }).map((all) =>
  Uint8Array.from(all.flatMap((each) => [...each]))
);

type Parse = (bytes: Uint8Array<ArrayBuffer>) => LinkMessage[];

const asNumber = (bytes: Uint8Array) => {
  must(bytes.length === 4, "a number");
  return new DataView(bytes.slice().buffer).getInt32(0, true);
};

/** What the parser must find in one message: nothing, a state in words, or an end. */
function messageIn(bytes: Uint8Array): string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const type = view.getUint16(4, true);
  if (type === NLMSG_ERROR) {
    const errno = -view.getInt32(16, true);
    must(errno === 0 || errno === ENODEV, "a refusal");
    return errno === 0 ? [] : [`gone ${view.getUint32(8, true)}`];
  }
  if (type !== RTM_NEWLINK && type !== RTM_DELLINK) return [];
  must(bytes.length >= 32, "whole");
  if (bytes[16] !== 0) return [];
  const all = attributesIn(bytes.slice(32));
  const numberOf = (type: number, other: number | undefined) =>
    all.has(type) ? asNumber(all.get(type)!) : other;
  const ifindex = view.getInt32(20, true);
  if (type === RTM_DELLINK) {
    const namespace = numberOf(IFLA_NEW_NETNSID, undefined);
    if (namespace === undefined) return [`gone ${ifindex}`];
    return [`gone ${ifindex} ${namespace} ${numberOf(IFLA_NEW_IFINDEX, undefined)}`];
  }
  const flags = view.getUint32(24, true);
  const name = new TextDecoder().decode((all.get(IFLA_IFNAME) ?? new Uint8Array()).slice(0, -1));
  const numbers = [IFLA_CARRIER_DOWN_COUNT, IFLA_MTU, IFLA_MASTER].map((each) => numberOf(each, 0));
  return [[name, ifindex, flags & IFF_UP, flags & IFF_LOWER_UP, ...numbers].join(" ")];
}

/** What the parser must find; throws if it must refuse. */
function reference(bytes: Uint8Array): string[] {
  const found: string[] = [];
  for (let rest = bytes; rest.length > 0;) {
    must(rest.length >= 16, "a header");
    const length = new DataView(rest.buffer, rest.byteOffset, 4).getUint32(0, true);
    must(length >= 16 && length <= rest.length, "a length");
    found.push(...messageIn(rest.slice(0, length)));
    rest = rest.slice(Math.ceil(length / 4) * 4);
  }
  return found;
}

function inWords(message: LinkMessage): string {
  if (message.kind === "gone") {
    const { ifindex, movedTo } = message;
    return movedTo === undefined
      ? `gone ${ifindex}`
      : `gone ${ifindex} ${movedTo.namespace} ${movedTo.ifindex}`;
  }
  const { name, ifindex, up, carrier, carrierLosses, mtu, master } = message.state;
  const flags = [up ? IFF_UP : 0, carrier ? IFF_LOWER_UP : 0];
  return [name, ifindex, ...flags, carrierLosses, mtu, master].join(" ");
}

/** Returns what the reference finds; `undefined` if it refuses. */
function expectedIn(bytes: Uint8Array): string[] | undefined {
  try {
    return reference(bytes);
  } catch {
    return undefined;
  }
}

/** Fuzzes parseLinkMessages() with any bytes. */
export const linkMessages = target<Uint8Array, Parse>({
  claim: "parseLinkMessages() finds each message about a link, or throws a documented error",
  cases: nearly(datagram),
  subject: parseLinkMessages,
  wrong: {
    "reads only the first message": (bytes) => parseLinkMessages(bytes).slice(0, 1),
    "takes a port that leaves a bridge for a link that is gone": (bytes) => {
      const copy = bytes.slice();
      if (copy.length > 16 && copy[4] === RTM_DELLINK) copy[16] = 0;
      return parseLinkMessages(copy);
    },
    "believes the length of the last message": (bytes) => {
      const copy = new Uint8Array(bytes.length + 8);
      copy.set(bytes);
      return parseLinkMessages(copy);
    },
  },
  check(parse, bytes) {
    const expected = expectedIn(bytes);
    let found: LinkMessage[];
    try {
      found = parse(memory.place(bytes));
    } catch (error) {
      must(error instanceof SystemError || error instanceof RangeError, `${error}`);
      must(expected === undefined, `refused: ${error.message}`);
      return;
    }
    must(JSON.stringify(found.map(inWords)) === JSON.stringify(expected), `${expected}`);
  },
});
