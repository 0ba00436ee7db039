/**
 * The packet sockets of a network namespace, as the kernel reports them by sock_diag(7), whichever
 * process holds them. The report changes nothing about a socket.
 *
 * @module
 */

import {
  AF_NETLINK,
  AF_PACKET,
  MSG_DONTWAIT,
  NETLINK_SOCK_DIAG,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
  PACKET_DIAG_FANOUT,
  PACKET_DIAG_FILTER,
  PACKET_DIAG_INFO,
  PACKET_DIAG_MCLIST,
  PACKET_DIAG_MEMINFO,
  PACKET_DIAG_RX_RING,
  PACKET_DIAG_TX_RING,
  PACKET_DIAG_UID,
  SOCK_CLOEXEC,
  SOCK_DIAG_BY_FAMILY,
  SOCK_RAW,
} from "../abi/constants.ts";
import { AnswerError, SystemError } from "../abi/errno.ts";
import {
  nlmsghdr,
  packet_diag_info,
  packet_diag_mclist,
  packet_diag_msg,
  packet_diag_req,
  packet_diag_ring,
  sockaddr_nl,
} from "../abi/layouts.ts";
import { OwnedFd } from "../process/descriptor.ts";
import { connect, recv, send, socket } from "./calls.ts";
import { alignNetlink, attributeNumber, attributesIn, errnoIn } from "./netlink.ts";

/** A membership of a packet socket: packet(7), `PACKET_ADD_MEMBERSHIP`. */
export interface PacketMembership {
  /** The interface; that may be gone. */
  readonly ifindex: number;
  /** Such as `PACKET_MR_PROMISC`. */
  readonly type: number;
  /** How often the socket has joined. */
  readonly count: number;
  /** The link address; empty unless the type has one. */
  readonly address: Uint8Array<ArrayBuffer>;
}

/** The geometry of a ring: packet(7), `PACKET_RX_RING`. */
export interface ReportedRing {
  /** The size of a block, in bytes. */
  readonly blockSize: number;
  /** The number of blocks. */
  readonly blocks: number;
  /** The size of the place of a frame, in bytes. */
  readonly frameSize: number;
  /** The number of places. */
  readonly frames: number;
}

/**
 * A packet socket in the report of its network namespace. Whatever was not asked for is
 * `undefined`.
 */
export interface ReportedPacketSocket {
  /** As in `/proc/PID/fd`: `socket:[4711]`. */
  readonly inode: number;
  /** `SO_COOKIE`: unique until the next boot. */
  readonly cookie: bigint;
  /** Such as `SOCK_RAW`. */
  readonly type: number;
  /** Such as `ETH_P_ALL`, in the machine's byte order; 0 if it receives nothing. */
  readonly protocol: number;
  /** The interface that it is bound to; 0 for none, -1 if that is gone (`PACKET_SHOW_INFO`). */
  readonly ifindex: number | undefined;
  /** The uid of its creator, in the user namespace of the caller (`PACKET_SHOW_INFO`). */
  readonly uid: number | undefined;
  /** Its memberships (`PACKET_SHOW_MCLIST`). */
  readonly memberships: readonly PacketMembership[] | undefined;
  /** Its ring for received frames; `undefined` if it has none (`PACKET_SHOW_RING_CFG`). */
  readonly receiveRing: ReportedRing | undefined;
  /** Its ring for frames to send; `undefined` if it has none (`PACKET_SHOW_RING_CFG`). */
  readonly sendRing: ReportedRing | undefined;
  /** Its fanout group; `undefined` if it is in none (`PACKET_SHOW_FANOUT`). */
  readonly fanout: { readonly group: number; readonly mode: number } | undefined;
  /** The memory of its queues by `SK_MEMINFO_…` (`PACKET_SHOW_MEMINFO`). */
  readonly memory: Uint32Array | undefined;
  /**
   * Its filter (`PACKET_SHOW_FILTER`); `undefined` for none and for an extended one, and empty
   * without CAP_NET_ADMIN.
   */
  readonly filter: Uint8Array<ArrayBuffer> | undefined;
}

/**
 * Parses a datagram of the report.
 *
 * @param datagram One or more messages, each from its `nlmsghdr` on.
 * @param sockets Receives the packet sockets.
 * @returns Whether the report ends here.
 * @throws {SystemError} The error number in a reply, such as `ENOENT`.
 * @throws {RangeError} If a message is malformed.
 */
export function parsePacketSockets(
  datagram: Uint8Array<ArrayBuffer>,
  sockets: ReportedPacketSocket[],
): boolean {
  for (let offset = 0; offset < datagram.length;) {
    const { nlmsg_len, nlmsg_type } = nlmsghdr.over(datagram, offset);
    if (nlmsg_len < nlmsghdr.size || nlmsg_len > datagram.length - offset) {
      throw new RangeError(`A netlink message of ${nlmsg_len} bytes`);
    }
    const message = datagram.subarray(offset, offset + nlmsg_len);
    if (nlmsg_type === NLMSG_DONE || nlmsg_type === NLMSG_ERROR) {
      const errno = errnoIn(message); // both carry one
      if (errno !== 0) throw new SystemError("SOCK_DIAG_BY_FAMILY", errno);
      return true;
    }
    if (nlmsg_type === SOCK_DIAG_BY_FAMILY) {
      const reported = parsePacketSocket(message);
      if (reported !== undefined) sockets.push(reported);
    }
    offset += alignNetlink(nlmsg_len);
  }
  return false;
}

/** Parses a message about a socket; `undefined` if it is not a packet socket. */
function parsePacketSocket(message: Uint8Array<ArrayBuffer>): ReportedPacketSocket | undefined {
  const socket = packet_diag_msg.over(message, nlmsghdr.size);
  if (socket.pdiag_family !== AF_PACKET) return undefined;
  const attributes = new Map(attributesIn(message.subarray(nlmsghdr.size + packet_diag_msg.size)));
  const info = attributes.get(PACKET_DIAG_INFO);
  const fanout = attributeNumber(attributes.get(PACKET_DIAG_FANOUT));
  const memory = attributes.get(PACKET_DIAG_MEMINFO)?.slice();
  return {
    inode: socket.pdiag_ino,
    cookie: socket.pdiag_cookie,
    type: socket.pdiag_type,
    protocol: socket.pdiag_num,
    ifindex: info === undefined ? undefined : packet_diag_info.over(info).pdi_index,
    uid: attributeNumber(attributes.get(PACKET_DIAG_UID)),
    memberships: parseMemberships(attributes.get(PACKET_DIAG_MCLIST)),
    receiveRing: parseRing(attributes.get(PACKET_DIAG_RX_RING)),
    sendRing: parseRing(attributes.get(PACKET_DIAG_TX_RING)),
    fanout: fanout === undefined ? undefined : { group: fanout & 0xffff, mode: fanout >>> 16 },
    memory: memory === undefined ? undefined : new Uint32Array(memory.buffer),
    filter: attributes.get(PACKET_DIAG_FILTER)?.slice(),
  };
}

function parseMemberships(
  bytes: Uint8Array<ArrayBuffer> | undefined,
): PacketMembership[] | undefined {
  if (bytes === undefined) return undefined;
  return Array.from({ length: Math.floor(bytes.length / packet_diag_mclist.size) }, (_, i) => {
    const entry = packet_diag_mclist.over(bytes, i * packet_diag_mclist.size);
    return {
      ifindex: entry.pdmc_index,
      type: entry.pdmc_type,
      count: entry.pdmc_count,
      address: Uint8Array.from(entry.pdmc_addr.subarray(0, entry.pdmc_alen)),
    };
  });
}

function parseRing(bytes: Uint8Array<ArrayBuffer> | undefined): ReportedRing | undefined {
  if (bytes === undefined) return undefined;
  const ring = packet_diag_ring.over(bytes);
  return {
    blockSize: ring.pdr_block_size,
    blocks: ring.pdr_block_nr,
    frameSize: ring.pdr_frame_size,
    frames: ring.pdr_frame_nr,
  };
}

/** The size of the kernel's datagrams, if the reader has room for it: netlink_recvmsg. */
const DATAGRAM = 32768;

/** The most packet sockets that are read. */
const SOCKET_LIMIT = 1 << 17;

/**
 * Reports the packet sockets of the caller's network namespace: sock_diag(7), linux/packet_diag.h.
 * No privilege is needed, except for `PACKET_SHOW_FILTER`. The first call may have the kernel load
 * the module packet_diag.
 *
 * The kernel's report ends early, and without an error, at a socket that does not fit into one
 * datagram of 32 KiB: one with some 700 memberships, or a filter of 4,000 instructions. That socket
 * and all after it are missing. Without `PACKET_SHOW_MCLIST` and `PACKET_SHOW_FILTER` each one
 * fits. Source: packet_diag_dump in net/packet/diag.c.
 *
 * @example
 * ```ts
 * import { PACKET_SHOW_INFO, reportedPacketSockets } from "../mod.ts";
 *
 * for (const { inode, ifindex } of reportedPacketSockets(PACKET_SHOW_INFO)) {
 *   console.log(`socket:[${inode}] is bound to interface ${ifindex}`);
 * }
 * ```
 *
 * @param show What to report, such as `PACKET_SHOW_INFO | PACKET_SHOW_MCLIST`; 0 for the sockets
 * alone.
 * @throws {SystemError} `ENOENT` (a kernel without CONFIG_PACKET_DIAG), `EPROTONOSUPPORT` (without
 * CONFIG_SOCK_DIAG), `EMFILE`, …
 * @throws {AnswerError} If a reply is malformed.
 * @throws {RangeError} If there are more than 131,072.
 */
export function reportedPacketSockets(show: number): ReportedPacketSocket[] {
  using diag = new OwnedFd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  const kernel = sockaddr_nl.alloc();
  kernel.nl_family = AF_NETLINK;
  connect(diag.fd, kernel.bytes); // now no process can send to this socket
  const buffer = new Uint8Array(DATAGRAM);
  // The kernel replies before send() returns, and adds the next part in recv(), so no wait is
  // needed.
  const next = () => buffer.slice(0, recv(diag.fd, buffer, MSG_DONTWAIT));

  // The first reply shows the kernel how large a datagram may be.
  send(diag.fd, acknowledgedNoop(), 0);
  parsed(next(), []);

  send(diag.fd, dumpRequest(show), 0);
  const sockets: ReportedPacketSocket[] = [];
  while (!parsed(next(), sockets)) {
    if (sockets.length > SOCKET_LIMIT) throw new RangeError(`More than ${SOCKET_LIMIT} sockets`);
  }
  return sockets;
}

function parsed(datagram: Uint8Array<ArrayBuffer>, sockets: ReportedPacketSocket[]): boolean {
  try {
    if (datagram.length === 0) throw new RangeError("no message");
    return parsePacketSockets(datagram, sockets);
  } catch (error) {
    if (error instanceof RangeError) throw new AnswerError("SOCK_DIAG_BY_FAMILY", error.message);
    throw error;
  }
}

const NLMSG_NOOP = 1; // linux/netlink.h

function acknowledgedNoop(): Uint8Array<ArrayBuffer> {
  const head = nlmsghdr.alloc();
  head.nlmsg_len = nlmsghdr.size;
  head.nlmsg_type = NLMSG_NOOP;
  head.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  return head.bytes;
}

function dumpRequest(show: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(nlmsghdr.size + packet_diag_req.size);
  const head = nlmsghdr.over(bytes);
  head.nlmsg_len = bytes.length;
  head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  head.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  const request = packet_diag_req.over(bytes, nlmsghdr.size);
  request.sdiag_family = AF_PACKET;
  request.pdiag_show = show;
  return bytes;
}
