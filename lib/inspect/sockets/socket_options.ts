/**
 * The settings of a packet socket, read by calls that change nothing: getsockopt(2),
 * getsockname(2), and the names of interfaces in the socket's network namespace.
 *
 * PACKET_STATISTICS and SO_ERROR reset what they read, and SIOCGSTAMP switches time stamps on, so
 * none of them is used.
 *
 * @module
 */

import {
  ARPHRD_ETHER,
  ARPHRD_LOOPBACK,
  PACKET_FANOUT,
  PACKET_VNET_HDR,
  SO_COOKIE,
  SO_LOCK_FILTER,
  SO_MARK,
  SO_TIMESTAMP,
  SO_TIMESTAMP_NEW,
  SO_TIMESTAMPNS,
  SO_TIMESTAMPNS_NEW,
  SO_TYPE,
  SOCK_DGRAM,
  SOCK_PACKET,
  SOCK_RAW,
  SOL_PACKET,
  SOL_SOCKET,
} from "../../../ffi/abi/constants.ts";
import { Errno, SystemError } from "../../../ffi/abi/errno.ts";
import { sockaddr_ll } from "../../../ffi/abi/layouts.ts";
import { attachedFilter } from "../../../ffi/packet/bpf.ts";
import { getsockname, getsockopt, getsockoptInt } from "../../../ffi/socket/calls.ts";
import { interfaceIndexFor, interfaceNameFor } from "../../../ffi/socket/interface_name.ts";
import type { InspectedSocket } from "../../evidence/inspected.ts";

/** The settings of a packet socket. */
export interface SocketOptions {
  /** `SO_COOKIE`: unique until the next boot. */
  readonly cookie: bigint;
  readonly type: InspectedSocket["type"];
  /** 0 if it is bound to no interface, -1 if that interface is gone. */
  readonly ifindex: number;
  /** The name of that interface in the network namespace of the socket; null if it has none. */
  readonly interface: string | null;
  /**
   * Whether its frames begin with an Ethernet header, as far as its address shows: true if it is
   * bound to no interface.
   */
  readonly hasEthernetHeader: boolean;
  /** Undefined for SOCK_PACKET, whose address does not have it. */
  readonly protocol: number | undefined;
  /** The classic BPF program; empty for none; undefined for an extended one. */
  readonly filter: Uint8Array<ArrayBuffer> | undefined;
  readonly isLocked: boolean;
  /**
   * `PACKET_FANOUT`: the number of the group, and its mode and flags 16 bits above; 0 for none, or
   * for the group 0 of the mode 0.
   */
  readonly fanout: number;
  readonly mark: number;
  /** Whether each frame has a header of PACKET_VNET_HDR. */
  readonly hasOffloadHeader: boolean;
  /**
   * Whether SO_TIMESTAMP or SO_TIMESTAMPNS is on. SIOCGSTAMP then has no answer, unless a frame was
   * read before the option was set. Source: sock_recv_timestamp in include/net/sock.h.
   */
  readonly stampsFrames: boolean;
}

const TYPES: Readonly<Record<number, InspectedSocket["type"]>> = {
  [SOCK_RAW]: "SOCK_RAW",
  [SOCK_DGRAM]: "SOCK_DGRAM",
  [SOCK_PACKET]: "SOCK_PACKET",
};

/** The options that stamp the frames that a call reads: SOCK_RCVTSTAMP in net/core/sock.c. */
const STAMPS = [SO_TIMESTAMP, SO_TIMESTAMPNS, SO_TIMESTAMP_NEW, SO_TIMESTAMPNS_NEW];

/**
 * Reads the settings of a packet socket.
 *
 * @param fd A descriptor of it in this process.
 * @throws {SystemError} `EBADF`, `ENOTSOCK`, …
 */
export function readSocketOptions(fd: number): SocketOptions {
  const number = getsockoptInt(fd, SOL_SOCKET, SO_TYPE);
  const type = TYPES[number];
  if (type === undefined) throw new Error(`A packet socket of the type ${number}`);
  return {
    cookie: new BigUint64Array(getsockopt(fd, SOL_SOCKET, SO_COOKIE, 8).slice().buffer)[0],
    type,
    ...type === "SOCK_PACKET" ? readOldAddress(fd) : readAddress(fd, type),
    filter: readFilter(fd),
    isLocked: getsockoptInt(fd, SOL_SOCKET, SO_LOCK_FILTER) !== 0,
    fanout: readPacketOption(fd, PACKET_FANOUT),
    mark: getsockoptInt(fd, SOL_SOCKET, SO_MARK) >>> 0,
    hasOffloadHeader: readPacketOption(fd, PACKET_VNET_HDR) !== 0,
    stampsFrames: STAMPS.some((option) => getsockoptInt(fd, SOL_SOCKET, option) !== 0),
  };
}

type Address = Pick<
  SocketOptions,
  "ifindex" | "interface" | "protocol" | "hasEthernetHeader"
>;

/** The types of interfaces whose frames have an Ethernet header; 0 for no interface. */
const ETHERNET = [0, ARPHRD_ETHER, ARPHRD_LOOPBACK];

function readAddress(fd: number, type: SocketOptions["type"]): Address {
  const bytes = new Uint8Array(sockaddr_ll.size);
  bytes.set(getsockname(fd).subarray(0, bytes.length)); // sll_addr may be cut
  const { sll_ifindex, sll_protocol, sll_hatype } = sockaddr_ll.over(bytes);
  return {
    ifindex: sll_ifindex,
    interface: sll_ifindex > 0 ? nameOf(fd, sll_ifindex) : null,
    protocol: sll_protocol,
    hasEthernetHeader: type === "SOCK_RAW" && ETHERNET.includes(sll_hatype),
  };
}

/** Reads the address of a SOCK_PACKET, a name after the family. Source: packet_getname_spkt. */
function readOldAddress(fd: number): Address {
  const name = getsockname(fd).subarray(2);
  const bytes = name.subarray(0, name.includes(0) ? name.indexOf(0) : name.length);
  const rest = { protocol: undefined, hasEthernetHeader: true };
  if (bytes.length === 0) return { ifindex: 0, interface: null, ...rest };
  const ifindex = unlessNoDevice(() => interfaceIndexFor(fd, bytes)) ?? -1;
  return { ifindex, interface: new TextDecoder().decode(bytes), ...rest };
}

/**
 * Returns the name of an interface in the network namespace of a socket; null if it is not there
 * (any more).
 *
 * @throws {SystemError} `EBADF`, …
 */
export function nameOf(fd: number, ifindex: number): string | null {
  return unlessNoDevice(() => interfaceNameFor(fd, ifindex)) ?? null;
}

function unlessNoDevice<T>(step: () => T): T | undefined {
  return unless([Errno.ENODEV], step);
}

/** Reads an option of a packet socket; 0 for SOCK_PACKET, which has no options. */
function readPacketOption(fd: number, option: number): number {
  return unless([Errno.EOPNOTSUPP], () => getsockoptInt(fd, SOL_PACKET, option)) ?? 0;
}

/** The filter of a socket may change between the question for its size and that for its text. */
const FILTER_ATTEMPTS = 8;

function readFilter(fd: number): Uint8Array<ArrayBuffer> | undefined {
  for (let attempts = 1;; attempts++) {
    try {
      return unless([Errno.EACCES], () => attachedFilter(fd)); // an extended program
    } catch (error) {
      const isChanged = error instanceof SystemError && error.errno === Errno.EINVAL;
      if (!isChanged || attempts === FILTER_ATTEMPTS) throw error;
    }
  }
}

/** Returns undefined if a step fails with one of these errnos. */
function unless<T>(errnos: readonly number[], step: () => T): T | undefined {
  try {
    return step();
  } catch (error) {
    if (error instanceof SystemError && errnos.includes(error.errno)) return undefined;
    throw error;
  }
}
