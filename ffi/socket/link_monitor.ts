/**
 * Changes of network interfaces as the kernel reports them: rtnetlink(7), the multicast group
 * `RTMGRP_LINK`.
 *
 * Each change is a message of its own, with the state after it. So an interface that goes down and
 * up again within a millisecond is seen to do so, unless the socket's queue overflows. The kernel
 * sends the messages in the order of the changes.
 *
 * @module
 */

import {
  AF_NETLINK,
  AF_UNSPEC,
  IFF_LOWER_UP,
  IFF_UP,
  IFLA_CARRIER_DOWN_COUNT,
  IFLA_IFNAME,
  IFLA_MASTER,
  IFLA_MTU,
  IFLA_NEW_IFINDEX,
  IFLA_NEW_NETNSID,
  MSG_DONTWAIT,
  MSG_TRUNC,
  NLMSG_ERROR,
  RTM_DELLINK,
  RTM_GETLINK,
  RTM_NEWLINK,
  RTMGRP_LINK,
  SOCK_CLOEXEC,
  SOCK_RAW,
} from "../abi/constants.ts";
import { AnswerError, Errno, lastErrno, SystemError } from "../abi/errno.ts";
import { ifinfomsg, nlmsghdr, sockaddr_nl } from "../abi/layouts.ts";
import { libc } from "../abi/libc.ts";
import { OwnedFd } from "../process/descriptor.ts";
import { bind, getsockname, send, socket } from "./calls.ts";
import {
  alignNetlink,
  attributeNumber,
  attributesIn,
  attributeText,
  errnoIn,
  LINK_ATTRIBUTES,
  linkRequest,
  LONGEST_MESSAGE,
} from "./netlink.ts";

/** The state of an interface after a change. */
export interface LinkState {
  /** Such as `eth0`. */
  readonly name: string;
  /** Its number in this network namespace. */
  readonly ifindex: number;
  /** Administratively up (`IFF_UP`). */
  readonly up: boolean;
  /** It has a carrier (`IFF_LOWER_UP`). */
  readonly carrier: boolean;
  /** How often it has lost its carrier since it was made; 0 before Linux 4.16. */
  readonly carrierLosses: number;
  /** The longest packet, in bytes. */
  readonly mtu: number;
  /** The ifindex of the bridge, bond or team that it is a port of; 0 for none. */
  readonly master: number;
}

/** A message of the kernel about one interface. */
export type LinkMessage =
  /** It is there, in this state. */
  | { readonly kind: "state"; readonly state: LinkState }
  /** It is not there, or no longer. */
  | {
    readonly kind: "gone";
    readonly ifindex: number;
    /** Where it has moved to; `undefined` if it was deleted, or nothing is known. */
    readonly movedTo: MovedLink | undefined;
  };

/** The place that an interface has moved to. */
export interface MovedLink {
  /** The id of its new network namespace in this one. Source: ip-netns(8), `nsid`. */
  readonly namespace: number;
  /** Its ifindex there. Before Linux 5.0 it is not reported, and the same as here or another. */
  readonly ifindex: number | undefined;
}

/**
 * Parses a datagram of the kernel. Messages about anything but interfaces are left out, and so are
 * those of a bridge about its ports, which have a family of their own: a port that leaves the
 * bridge is an `RTM_DELLINK` too.
 *
 * @param datagram One or more messages, each from its `nlmsghdr` on.
 * @throws {SystemError} The error number in a reply other than `ENODEV`.
 * @throws {RangeError} If a message is malformed.
 */
export function parseLinkMessages(datagram: Uint8Array<ArrayBuffer>): LinkMessage[] {
  const messages: LinkMessage[] = [];
  for (let offset = 0; offset < datagram.length;) {
    const { nlmsg_len } = nlmsghdr.over(datagram, offset);
    if (nlmsg_len < nlmsghdr.size || nlmsg_len > datagram.length - offset) {
      throw new RangeError(`A netlink message of ${nlmsg_len} bytes`);
    }
    const message = parseMessage(datagram.subarray(offset, offset + nlmsg_len));
    if (message !== undefined) messages.push(message);
    offset += alignNetlink(nlmsg_len);
  }
  return messages;
}

function parseMessage(bytes: Uint8Array<ArrayBuffer>): LinkMessage | undefined {
  const { nlmsg_type, nlmsg_seq } = nlmsghdr.over(bytes);
  if (nlmsg_type === NLMSG_ERROR) return parseRefusal(errnoIn(bytes), nlmsg_seq);
  if (nlmsg_type !== RTM_NEWLINK && nlmsg_type !== RTM_DELLINK) return undefined;
  const { ifi_family, ifi_index: ifindex, ifi_flags } = ifinfomsg.over(bytes, nlmsghdr.size);
  if (ifi_family !== AF_UNSPEC) return undefined;
  const attributes = new Map(attributesIn(bytes.subarray(LINK_ATTRIBUTES)));
  const number = (type: number) => attributeNumber(attributes.get(type));
  if (nlmsg_type === RTM_DELLINK) {
    const namespace = number(IFLA_NEW_NETNSID);
    const movedTo = namespace === undefined
      ? undefined
      : { namespace, ifindex: number(IFLA_NEW_IFINDEX) };
    return { kind: "gone", ifindex, movedTo };
  }
  const state: LinkState = {
    name: attributeText(attributes.get(IFLA_IFNAME)),
    ifindex,
    up: (ifi_flags & IFF_UP) !== 0,
    carrier: (ifi_flags & IFF_LOWER_UP) !== 0,
    carrierLosses: number(IFLA_CARRIER_DOWN_COUNT) ?? 0,
    mtu: number(IFLA_MTU) ?? 0,
    master: number(IFLA_MASTER) ?? 0,
  };
  return { kind: "state", state };
}

function parseRefusal(errno: number, ifindex: number): LinkMessage | undefined {
  if (errno === 0) return undefined;
  if (errno !== Errno.ENODEV) throw new SystemError("RTM_GETLINK", errno);
  return { kind: "gone", ifindex, movedTo: undefined };
}

/**
 * Monitors the interfaces of the caller's network namespace, from its construction until it is
 * closed. No privilege is needed.
 *
 * @example
 * ```ts
 * import { if_nametoindex, LinkMonitor } from "../mod.ts";
 *
 * using monitor = new LinkMonitor();
 * monitor.request(if_nametoindex("lo"));
 * for (let messages = monitor.take(); messages !== undefined; messages = monitor.take()) {
 *   console.log(messages);
 * }
 * ```
 */
export class LinkMonitor implements Disposable {
  readonly #socket: OwnedFd;
  readonly #buffer = new Uint8Array(LONGEST_MESSAGE);
  readonly #sender = sockaddr_nl.alloc();
  readonly #senderSize = new Uint32Array(1);

  /**
   * Opens the socket, and joins the group.
   *
   * @throws {SystemError} `EMFILE`, `EPROTONOSUPPORT`, …
   * @throws {AnswerError} If the socket is not in the group afterwards.
   */
  constructor() {
    // The protocol 0 is NETLINK_ROUTE.
    this.#socket = new OwnedFd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0));
    try {
      const address = sockaddr_nl.alloc();
      address.nl_family = AF_NETLINK;
      address.nl_groups = RTMGRP_LINK;
      bind(this.#socket.fd, address.bytes);
      const bound = sockaddr_nl.alloc();
      bound.bytes.set(getsockname(this.#socket.fd).subarray(0, bound.bytes.length));
      if (bound.nl_groups !== RTMGRP_LINK) throw new AnswerError("bind", "no group joined");
    } catch (error) {
      this.#socket.close();
      throw error;
    }
  }

  /** Its descriptor, which poll(2) finds readable when a message waits. */
  get fd(): number {
    return this.#socket.fd;
  }

  /**
   * Asks for the state of an interface. The reply comes among the other messages: of all changes
   * that the kernel has begun before, the messages come first.
   *
   * If the queue has no room for the reply, the next {@linkcode take} returns `overflow`.
   *
   * @throws {SystemError} `EBADF`, `ENOMEM`, …
   */
  request(ifindex: number): void {
    send(this.#socket.fd, linkRequest(RTM_GETLINK, ifindex), 0);
  }

  /**
   * Takes the next datagram from the queue, without waiting.
   *
   * @returns Its messages, of which there may be none; `undefined` if the queue is empty;
   * `overflow` if the kernel had no room for a message, or the buffer had none for a datagram.
   * Something is missing then, and the caller must {@linkcode request} the state of each interface.
   * @throws {SystemError} `EBADF`, or the error number in a reply if it is not `ENODEV`.
   * @throws {AnswerError} If the datagram is malformed.
   */
  take(): LinkMessage[] | "overflow" | undefined {
    const length = this.#receive();
    if (typeof length !== "number") return length;
    if (this.#sender.nl_family !== AF_NETLINK || this.#senderSize[0] !== sockaddr_nl.size) {
      throw new AnswerError("recvfrom", "no sender");
    }
    if (length > this.#buffer.length) return "overflow";
    // A process with CAP_NET_ADMIN may send to any netlink socket. Only the kernel has the pid 0.
    if (this.#sender.nl_pid !== 0) return [];
    try {
      return parseLinkMessages(this.#buffer.slice(0, length));
    } catch (error) {
      throw error instanceof RangeError ? new AnswerError("recvfrom", error.message) : error;
    }
  }

  /** Returns the length of the next datagram, which may be longer than the buffer. */
  #receive(): number | [] | "overflow" | undefined {
    this.#sender.nl_family = AF_UNSPEC;
    this.#senderSize[0] = sockaddr_nl.size;
    const length = libc.recvfrom(
      this.#socket.fd,
      this.#buffer,
      BigInt(this.#buffer.length),
      MSG_DONTWAIT | MSG_TRUNC,
      this.#sender.bytes,
      this.#senderSize,
    );
    if (length !== -1) return length;
    const errno = lastErrno();
    if (errno === Errno.EAGAIN) return undefined;
    if (errno === Errno.ENOBUFS) return "overflow";
    if (errno === Errno.EINTR) return [];
    throw new SystemError("recvfrom", errno);
  }

  /** Closes the socket. */
  [Symbol.dispose](): void {
    this.#socket.close();
  }
}
