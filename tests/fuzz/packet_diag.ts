/**
 * The parser of the kernel's report on packet sockets, compared with a simple one.
 *
 * @module
 */

import fc from "fast-check";
import {
  AF_PACKET,
  AF_UNIX,
  NLMSG_DONE,
  NLMSG_ERROR,
  PACKET_DIAG_FANOUT,
  PACKET_DIAG_INFO,
  PACKET_DIAG_MCLIST,
  PACKET_DIAG_RX_RING,
  PACKET_DIAG_UID,
  parsePacketSockets,
  type ReportedPacketSocket,
  SOCK_DIAG_BY_FAMILY,
  SystemError,
} from "../../ffi/mod.ts";
import { attribute as attributeBytes } from "../ffi/socket/netlink_messages.ts";
import { GuardedMemory } from "../support/guarded_memory.ts";
import { attributesIn } from "./attributes.ts";
import { nearly } from "./bytes.ts";
import { must, target } from "./target.ts";

const memory = new GuardedMemory(1 << 15);
const HEAD = 16, ABOUT = 16, MEMBERSHIP = 44, INFO = 24, RING = 28;

/** Mostly values of the right size. */
const sized = (size: number) =>
  fc.oneof(
    { arbitrary: fc.uint8Array({ minLength: size, maxLength: size }), weight: 8 },
    fc.uint8Array({ maxLength: size + 4 }),
  );
const SIZES = [
  [PACKET_DIAG_INFO, INFO],
  [PACKET_DIAG_MCLIST, 2 * MEMBERSHIP],
  [PACKET_DIAG_RX_RING, RING],
  [PACKET_DIAG_FANOUT, 4],
  [PACKET_DIAG_UID, 4],
] as const;
const attributes = fc.array(
  fc.oneof(...SIZES.map(([type, size]) => sized(size).map((value) => attributeBytes(type, value)))),
  { maxLength: 4 },
);

const message = fc.tuple(
  fc.constantFrom(...Array(6).fill(SOCK_DIAG_BY_FAMILY), NLMSG_DONE, NLMSG_ERROR, 1),
  fc.constantFrom(AF_PACKET, AF_PACKET, AF_PACKET, AF_UNIX),
  fc.nat(0xffffffff),
  attributes,
).map(([type, family, inode, all]) => {
  const bytes = Uint8Array.from(
    [...new Array(HEAD + ABOUT).fill(0), ...all.flatMap((each) => [...each])],
  );
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, type, true);
  if (type === NLMSG_ERROR) view.setInt32(HEAD, -(inode % 4096), true);
  if (type === SOCK_DIAG_BY_FAMILY) {
    view.setUint8(HEAD, family);
    view.setUint32(HEAD + 4, inode, true);
  }
  return [...bytes];
});
const datagram = fc.array(message, { maxLength: 3 }).map((all) => Uint8Array.from(all.flat()));

type Parse = typeof parsePacketSockets;

/** What is compared of a socket. */
function words({ inode, ifindex, fanout, memberships, receiveRing }: ReportedPacketSocket): string {
  const ring = receiveRing === undefined ? "" : receiveRing.frames;
  return [inode, ifindex, fanout?.group, fanout?.mode, memberships?.length, ring].join(" ");
}

/** What the parser must find; throws if it must refuse. */
function reference(bytes: Uint8Array): { found: string[]; isEnd: boolean } {
  const found: string[] = [];
  for (let rest = bytes; rest.length > 0;) {
    const view = new DataView(rest.buffer, rest.byteOffset, rest.byteLength);
    const length = view.getUint32(0, true);
    if (length < HEAD || length > rest.length) throw new RangeError();
    const type = view.getUint16(4, true);
    if (type === NLMSG_DONE || type === NLMSG_ERROR) {
      if (length < HEAD + 4 || view.getInt32(HEAD, true) !== 0) throw new RangeError();
      return { found, isEnd: true };
    }
    if (type === SOCK_DIAG_BY_FAMILY) {
      if (length < HEAD + ABOUT) throw new RangeError();
      if (rest[HEAD] === AF_PACKET) found.push(socketIn(rest.slice(HEAD, length)));
    }
    rest = rest.slice((length + 3) & ~3);
  }
  return { found, isEnd: false };
}

function socketIn(bytes: Uint8Array): string {
  const all = attributesIn(bytes.slice(ABOUT));
  const number = (type: number, at: number, size: number, exact = false): number | undefined => {
    const value = all.get(type);
    if (value === undefined) return undefined;
    if (value.length < size || exact && value.length !== size) throw new RangeError();
    return new DataView(value.buffer, value.byteOffset).getInt32(at, true);
  };
  number(PACKET_DIAG_UID, 0, 4, true);
  const fanout = number(PACKET_DIAG_FANOUT, 0, 4, true);
  const memberships = all.get(PACKET_DIAG_MCLIST);
  const frames = number(PACKET_DIAG_RX_RING, 12, RING);
  return [
    new DataView(bytes.buffer, bytes.byteOffset).getUint32(4, true),
    number(PACKET_DIAG_INFO, 0, INFO),
    fanout === undefined ? undefined : fanout & 0xffff,
    fanout === undefined ? undefined : fanout >>> 16,
    memberships === undefined ? undefined : Math.floor(memberships.length / MEMBERSHIP),
    frames === undefined ? "" : frames >>> 0,
  ].join(" ");
}

/** Fuzzes parsePacketSockets() with any bytes. */
export const packetDiag = target<Uint8Array, Parse>({
  claim: "parsePacketSockets() finds each packet socket, or throws a documented error",
  cases: nearly(datagram),
  subject: parsePacketSockets,
  wrong: {
    "goes on behind the end": (bytes, sockets) => {
      const copy = bytes.slice();
      if (copy[4] === NLMSG_DONE) copy[4] = 1;
      return parsePacketSockets(copy, sockets);
    },
    "takes sockets of any family": (bytes, sockets) => {
      const copy = bytes.slice();
      if (copy.length > HEAD && copy[4] === SOCK_DIAG_BY_FAMILY) copy[HEAD] = AF_PACKET;
      return parsePacketSockets(copy, sockets);
    },
    "believes the length of the last message": (bytes, sockets) => {
      const copy = new Uint8Array(bytes.length + 8);
      copy.set(bytes);
      return parsePacketSockets(copy, sockets);
    },
  },
  check(parse, bytes) {
    let expected: ReturnType<typeof reference> | undefined;
    try {
      expected = reference(bytes);
    } catch {
      expected = undefined;
    }
    const sockets: ReportedPacketSocket[] = [];
    let isEnd: boolean;
    try {
      isEnd = parse(memory.place(bytes), sockets);
    } catch (error) {
      must(error instanceof SystemError || error instanceof RangeError, `${error}`);
      must(expected === undefined, `refused: ${error.message}`);
      return;
    }
    const found = JSON.stringify({ found: sockets.map(words), isEnd });
    must(found === JSON.stringify(expected), `${found}, not ${JSON.stringify(expected)}`);
  },
});
