/**
 * The packet socket: opens it, binds it, and reads its identity and its counters.
 *
 * @module
 */

import {
  AF_PACKET,
  AF_UNIX,
  PACKET_AUXDATA,
  PACKET_FANOUT,
  PACKET_FANOUT_FLAG_UNIQUEID,
  PACKET_IGNORE_OUTGOING,
  PACKET_STATISTICS,
  SO_COOKIE,
  SO_DOMAIN,
  SO_PROTOCOL,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
  SO_TIMESTAMPNS,
  SO_TYPE,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_RAW,
  SOL_PACKET,
  SOL_SOCKET,
} from "../../ffi/abi/constants.ts";
import { AnswerError, attempt, Errno, SystemError } from "../../ffi/abi/errno.ts";
import { sockaddr_ll, tpacket_stats } from "../../ffi/abi/layouts.ts";
import { attachFilter } from "../../ffi/packet/bpf.ts";
import { close, OwnedFd } from "../../ffi/process/descriptor.ts";
import {
  bind,
  getsockname,
  getsockopt,
  getsockoptInt,
  setsockopt,
  socket,
} from "../../ffi/socket/calls.ts";
import { CannotAnswer } from "../evidence/errors.ts";

/**
 * Opens a packet socket that receives nothing until it is bound, has the kernel stamp each frame
 * and report its VLAN tag, and ignores frames that this machine sends.
 *
 * Its protocol is 0, which packet(7) defines as "no packets are received". With any other protocol
 * the kernel would queue frames of *every* interface until the bind. Time stamps are switched on
 * before the first frame can arrive, because a frame that was queued without one is stamped when it
 * is read.
 *
 * @returns Its descriptor, close-on-exec.
 * @throws {CannotAnswer} If the kernel has no packet sockets.
 * @throws {SystemError} `EPERM` without CAP_NET_RAW, `EMFILE`, …; nothing stays open then.
 */
export function openPacketSocket(): number {
  const fd = createPacketSocket();
  try {
    attempt("Cannot enable time stamps", () => setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1));
    attempt("Cannot ask for VLAN tags", () => setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, 1));
    attempt(
      "Cannot ignore outgoing frames",
      () => setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1),
    );
    return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
}

function createPacketSocket(): number {
  try {
    return socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    if (error.errno === Errno.EAFNOSUPPORT || error.errno === Errno.EPROTONOSUPPORT) {
      throw new CannotAnswer(
        `This kernel has no packet sockets: ${error.message}`,
        "Load the module af_packet, or use a kernel with CONFIG_PACKET",
      );
    }
    throw new SystemError(error.syscall, error.errno, "Cannot create an AF_PACKET socket");
  }
}

/**
 * Binds a packet socket to an interface and a protocol. From here on it receives.
 *
 * @param protocol Such as `ETH_P_ALL`, in the machine's byte order. packet(7) wants sll_protocol in
 *   network byte order; the layout converts it.
 * @throws {SystemError} `ENODEV`, `ENETDOWN`, …
 */
export function bindPacketSocket(fd: number, ifindex: number, protocol: number): void {
  attempt(
    `Cannot bind the packet socket to interface ${ifindex}`,
    () => bind(fd, packetAddress(ifindex, protocol)),
  );
}

/**
 * Builds the bytes of a `sockaddr_ll`.
 *
 * @param protocol In the machine's byte order.
 */
export function packetAddress(ifindex: number, protocol: number): Uint8Array<ArrayBuffer> {
  const address = sockaddr_ll.alloc();
  address.sll_family = AF_PACKET;
  address.sll_protocol = protocol;
  address.sll_ifindex = ifindex;
  return address.bytes;
}

/**
 * Opens a packet socket and binds it. Nothing stays open if that fails.
 *
 * @param filter A program of classic BPF that drops the frames that are not wanted. It is attached
 *   before the bind, so no other frame is ever queued.
 * @throws As {@linkcode openPacketSocket} and {@linkcode bindPacketSocket}.
 */
export function boundPacketSocket(
  ifindex: number,
  protocol: number,
  filter?: Uint8Array<ArrayBuffer>,
): OwnedFd {
  const packetSocket = new OwnedFd(openPacketSocket());
  try {
    if (filter !== undefined) attachFilter(packetSocket.fd, filter);
    bindPacketSocket(packetSocket.fd, ifindex, protocol);
    return packetSocket;
  } catch (error) {
    packetSocket.close();
    throw error;
  }
}

/**
 * Makes a bound socket the first member of a fanout group.
 *
 * The kernel picks a number that no other group of the network namespace has
 * (`PACKET_FANOUT_FLAG_UNIQUEID`, Linux 4.12). A number of our own choice could be in use by
 * somebody else, who would then receive half of the frames: containers on one network have the same
 * process ids and descriptor numbers.
 *
 * @param mode Such as `PACKET_FANOUT_CPU`; not 0, which would read as no group.
 * @returns The value of `PACKET_FANOUT` that a member reads, and with which another socket joins.
 * @throws {SystemError} `EALREADY` if it is a member already, `EINVAL` if it is not bound.
 * @throws {AnswerError} If it is not a member afterwards.
 */
export function beginFanoutGroup(fd: number, mode: number): number {
  setsockopt(fd, SOL_PACKET, PACKET_FANOUT, (mode | PACKET_FANOUT_FLAG_UNIQUEID) << 16);
  const option = getsockoptInt(fd, SOL_PACKET, PACKET_FANOUT);
  if (option >>> 16 !== mode) throw new AnswerError("setsockopt", `fanout group ${option}`);
  return option;
}

/** The identity of a packet socket: the same for every process that asks. */
export interface PacketSocketIdentity {
  /** `SO_COOKIE`: unique until the next boot. */
  readonly cookie: string;
  readonly domain: number;
  readonly type: number;
  readonly protocol: number;
  /** `sll_ifindex` and `sll_protocol` of its address. */
  readonly ifindex: number;
  readonly boundProtocol: number;
}

/**
 * Reads the identity of a packet socket.
 *
 * @throws {SystemError} `ENOTSOCK`, `EBADF`, …
 */
export function describePacketSocket(fd: number): PacketSocketIdentity {
  const cookie = getsockopt(fd, SOL_SOCKET, SO_COOKIE, 8);
  const name = getsockname(fd);
  const address = name.length >= 12 ? sockaddr_ll.over(padded(name)) : sockaddr_ll.alloc();
  return {
    cookie: String(new BigUint64Array(cookie.buffer)[0]),
    domain: getsockoptInt(fd, SOL_SOCKET, SO_DOMAIN),
    type: getsockoptInt(fd, SOL_SOCKET, SO_TYPE),
    protocol: getsockoptInt(fd, SOL_SOCKET, SO_PROTOCOL),
    ifindex: address.sll_ifindex,
    boundProtocol: address.sll_protocol,
  };
}

// getsockname(2) returns sll_halen bytes of sll_addr, not all eight.
function padded(address: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const whole = sockaddr_ll.alloc().bytes;
  whole.set(address.subarray(0, whole.length));
  return whole;
}

/** Whether a descriptor is a packet socket. False if it is not a socket, or closed. */
export function isPacketSocket(fd: number): boolean {
  try {
    return getsockoptInt(fd, SOL_SOCKET, SO_DOMAIN) === AF_PACKET;
  } catch (error) {
    if (error instanceof SystemError && error.errno === Errno.ENOTSOCK) return false;
    // O_PATH, or closed
    if (error instanceof SystemError && error.errno === Errno.EBADF) return false;
    throw error;
  }
}

/** Counters of a packet socket since they were last read. */
export interface PacketStatistics {
  /** Frames that passed the filter, dropped ones included. */
  readonly packets: number;
  /** Frames that were dropped because the queue was full. */
  readonly drops: number;
}

/** Reads `PACKET_STATISTICS`, which resets the counters to zero. Source: packet(7). */
export function takeStatistics(fd: number): PacketStatistics {
  const counters = tpacket_stats.over(
    getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, tpacket_stats.size),
  );
  return { packets: counters.tp_packets, drops: counters.tp_drops };
}

/**
 * Counts the frames that the kernel drops on a packet socket from now on, for lack of room.
 *
 * @returns Reads the count so far.
 */
export function countDrops(fd: number): () => number {
  takeStatistics(fd);
  let drops = 0;
  return () => drops += takeStatistics(fd).drops;
}

/**
 * Whether others can have filled the buffer of a socket: a good part of the frames for which it had
 * no room must have been theirs. A holder of the socket can make the buffer small, and then it is
 * not the others that fill it.
 *
 * @param drops How many frames found no room.
 * @param others How many frames of others arrived, as far as they have been counted.
 */
export function isFloodOfOthers(drops: number, others: number): boolean {
  return drops > 0 && 2 * others >= drops;
}

/** Returns the reason why missing frames show nothing where others have flooded the interface. */
export function floodReason(drops: number): string {
  return `too much traffic of others: the kernel dropped ${drops} frames for lack of room; ` +
    "use an interface with less traffic";
}

/** The size of a receive buffer for thousands of frames, in bytes. */
export const LARGE_RECEIVE_BUFFER = 4 << 20;

/**
 * Finds out why no socket can have a large receive buffer here.
 *
 * The kernel requires CAP_NET_ADMIN over the first user namespace: sk_setsockopt in
 * net/core/sock.c.
 *
 * @returns The reason in words; `undefined` if a socket can have one.
 * @throws {SystemError} If the trial fails for another reason.
 */
export function whyNoLargeReceiveBuffer(): string | undefined {
  using trial = new OwnedFd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  try {
    enlargeReceiveBuffer(trial.fd);
    return undefined;
  } catch (error) {
    if (!(error instanceof SystemError && error.errno === Errno.EPERM)) throw error;
  }
  return "No large receive buffer (SO_RCVBUFFORCE: EPERM): run outside the user namespace";
}

/**
 * Gives a socket a receive buffer for thousands of frames, whatever net.core.rmem_max is. A socket
 * with a ring does not need one.
 *
 * @throws {SystemError} `EPERM` without CAP_NET_ADMIN.
 * @throws {AnswerError} If the kernel reports success and the buffer is smaller.
 */
export function enlargeReceiveBuffer(fd: number): void {
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, LARGE_RECEIVE_BUFFER);
  const size = getsockoptInt(fd, SOL_SOCKET, SO_RCVBUF);
  if (size < LARGE_RECEIVE_BUFFER) throw new AnswerError("setsockopt", `${size} bytes of buffer`);
}
