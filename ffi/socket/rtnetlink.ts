/**
 * Network interfaces by rtnetlink(7). Unlike `/sys/class/net`, which shows the network namespace in
 * which it was mounted, rtnetlink shows that of the caller.
 *
 * @module
 */

import {
  AF_NETLINK,
  ALTIFNAMSIZ,
  IFF_LOOPBACK,
  IFF_LOWER_UP,
  IFF_UP,
  IFLA_ADDRESS,
  IFLA_ALT_IFNAME,
  IFLA_IFNAME,
  IFLA_INFO_KIND,
  IFLA_LINK,
  IFLA_LINK_NETNSID,
  IFLA_LINKINFO,
  IFLA_MTU,
  IFLA_PROMISCUITY,
  IFLA_PROP_LIST,
  IFNAMSIZ,
  MSG_DONTWAIT,
  NLA_TYPE_MASK,
  NLM_F_REQUEST,
  NLMSG_ALIGNTO,
  NLMSG_ERROR,
  RTM_GETLINK,
  RTM_NEWLINK,
  SOCK_CLOEXEC,
  SOCK_RAW,
} from "../abi/constants.ts";
import { close } from "../process/descriptor.ts";
import { AnswerError, check, SystemError } from "../abi/errno.ts";
import { ifinfomsg, nlmsgerr, nlmsghdr, rtattr } from "../abi/layouts.ts";
import { cString, libc } from "../abi/libc.ts";
import { recv, send, socket } from "./calls.ts";

/** A network interface. */
export interface Link {
  /** Such as `eth0`. */
  readonly name: string;
  /** Its alternative names, each up to 127 bytes long: `ip link property add`. */
  readonly alternativeNames: readonly string[];
  /** Its number in this network namespace. */
  readonly ifindex: number;
  /** Administratively up (`IFF_UP`). */
  readonly up: boolean;
  /** It has a carrier (`IFF_LOWER_UP`): for a veth, its peer is up as well. */
  readonly carrier: boolean;
  /** It is a loopback (`IFF_LOOPBACK`). */
  readonly loopback: boolean;
  /** The form of its frames, such as `ARPHRD_ETHER`. Source: linux/if_arp.h. */
  readonly type: number;
  /** The longest packet, in bytes, without the link-layer header. */
  readonly mtu: number;
  /** Hardware address, 6 bytes on Ethernet. */
  readonly address: Uint8Array;
  /** `IFLA_INFO_KIND`, such as `veth`; empty for a physical one and for `lo`. */
  readonly kind: string;
  /** The ifindex of a veth's peer, if that is in this namespace. */
  readonly peer: number | undefined;
  /**
   * The number of users that put the interface into promiscuous mode (`IFLA_PROMISCUITY`), packet
   * sockets included: its flags do not show those.
   */
  readonly promiscuity: number;
}

const align = (length: number) => (length + NLMSG_ALIGNTO - 1) & ~(NLMSG_ALIGNTO - 1);
const MAX_ERRNO = 4095; // linux/err.h of the kernel
const decoder = new TextDecoder();

type Attribute = [type: number, value: Uint8Array<ArrayBuffer>];

function attributesIn(bytes: Uint8Array<ArrayBuffer> = new Uint8Array()): Attribute[] {
  const attributes: Attribute[] = [];
  for (let offset = 0; offset + rtattr.size <= bytes.length;) {
    const { rta_len, rta_type } = rtattr.over(bytes, offset);
    if (rta_len < rtattr.size || rta_len > bytes.length - offset) break;
    const value = bytes.subarray(offset + rtattr.size, offset + rta_len);
    attributes.push([rta_type & NLA_TYPE_MASK, value]);
    offset += align(rta_len);
  }
  return attributes;
}

function text(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? "" : decoder.decode(bytes.subarray(0, -1));
}

function number(bytes: Uint8Array | undefined): number | undefined {
  if (bytes === undefined) return undefined;
  if (bytes.length !== 4) throw new RangeError(`A netlink number of ${bytes.length} bytes`);
  return new Int32Array(bytes.slice().buffer)[0];
}

/**
 * Parses the kernel's reply to `RTM_GETLINK`.
 *
 * @param message One netlink message, from its `nlmsghdr` on.
 * @throws {SystemError} The error number in the reply, such as `ENODEV`.
 * @throws {RangeError} If the message is neither a link nor an error.
 */
export function parseLink(message: Uint8Array<ArrayBuffer>): Link {
  const { nlmsg_type, nlmsg_len } = nlmsghdr.over(message);
  if (nlmsg_type === NLMSG_ERROR) {
    const { error } = nlmsgerr.over(message, nlmsghdr.size);
    if (error < 0 && error >= -MAX_ERRNO) throw new SystemError("RTM_GETLINK", -error);
  }
  const attributesAt = nlmsghdr.size + ifinfomsg.size;
  if (nlmsg_type !== RTM_NEWLINK || nlmsg_len < attributesAt || nlmsg_len > message.length) {
    throw new RangeError(`Unexpected netlink message of type ${nlmsg_type}, ${nlmsg_len} bytes`);
  }
  const { ifi_index, ifi_flags, ifi_type } = ifinfomsg.over(message, nlmsghdr.size);
  const attributes = new Map(attributesIn(message.subarray(attributesAt, nlmsg_len)));
  const kind = text(new Map(attributesIn(attributes.get(IFLA_LINKINFO))).get(IFLA_INFO_KIND));
  const peerIsHere = kind === "veth" && !attributes.has(IFLA_LINK_NETNSID);
  return {
    name: text(attributes.get(IFLA_IFNAME)),
    alternativeNames: attributesIn(attributes.get(IFLA_PROP_LIST))
      .filter(([type]) => type === IFLA_ALT_IFNAME).map(([, name]) => text(name)),
    ifindex: ifi_index,
    up: (ifi_flags & IFF_UP) !== 0,
    carrier: (ifi_flags & IFF_LOWER_UP) !== 0,
    loopback: (ifi_flags & IFF_LOOPBACK) !== 0,
    type: ifi_type,
    mtu: number(attributes.get(IFLA_MTU)) ?? 0,
    address: attributes.get(IFLA_ADDRESS) ?? new Uint8Array(),
    kind,
    peer: peerIsHere ? number(attributes.get(IFLA_LINK)) : undefined,
    promiscuity: number(attributes.get(IFLA_PROMISCUITY)) ?? 0,
  };
}

function answered(message: Uint8Array<ArrayBuffer>): Link {
  try {
    return parseLink(message);
  } catch (error) {
    throw error instanceof RangeError ? new AnswerError("RTM_GETLINK", error.message) : error;
  }
}

/** Builds a request for the link of an ifindex; or, with ifindex 0, for that of an attribute. */
function request(ifindex: number, attribute = new Uint8Array()): Uint8Array<ArrayBuffer> {
  const attributeAt = nlmsghdr.size + ifinfomsg.size;
  const bytes = new Uint8Array(attributeAt + align(attribute.length));
  const head = nlmsghdr.over(bytes);
  head.nlmsg_len = bytes.length;
  head.nlmsg_type = RTM_GETLINK;
  head.nlmsg_flags = NLM_F_REQUEST;
  ifinfomsg.over(bytes, nlmsghdr.size).ifi_index = ifindex;
  bytes.set(attribute, attributeAt);
  return bytes;
}

/** Builds the attribute that names a link. Kernels before 5.5 know only the short one. */
function nameAttribute(name: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(rtattr.size + name.length);
  const head = rtattr.over(bytes);
  head.rta_len = bytes.length;
  head.rta_type = name.length > IFNAMSIZ ? IFLA_ALT_IFNAME : IFLA_IFNAME;
  bytes.set(name, rtattr.size);
  return bytes;
}

function ask(request: Uint8Array<ArrayBuffer>): Link {
  const fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0); // NETLINK_ROUTE is 0
  try {
    send(fd, request, 0);
    const answer = new Uint8Array(32768);
    // The kernel replies before send() returns, so no wait is needed.
    return answered(answer.subarray(0, recv(fd, answer, MSG_DONTWAIT)));
  } finally {
    close(fd);
  }
}

/**
 * The ifindex of the interface of this name in the caller's network namespace: if_nametoindex(3).
 *
 * @param name 1 to 15 bytes.
 * @throws {SystemError} `ENODEV` if there is none.
 * @throws {RangeError} If the name is longer: libc would cut it and might find another interface.
 */
export function if_nametoindex(name: string): number {
  const bytes = cString(name);
  if (bytes.length > IFNAMSIZ) {
    throw new RangeError(`Interface name longer than 15 bytes: "${name}"`);
  }
  return check(libc.if_nametoindex(bytes) || -1, "if_nametoindex");
}

/**
 * The interface of this ifindex, by `RTM_GETLINK`; no privilege is needed.
 *
 * @example
 * ```ts
 * import { if_nametoindex, linkByIndex } from "../mod.ts";
 *
 * console.assert(linkByIndex(if_nametoindex("lo")).loopback);
 * ```
 *
 * @throws {SystemError} `ENODEV` if there is none, `EMFILE`, …
 * @throws {AnswerError} If the reply is malformed.
 */
export function linkByIndex(ifindex: number): Link {
  return ask(request(ifindex));
}

/**
 * The interface of this name or alternative name, by `RTM_GETLINK`; no privilege is needed.
 *
 * @example
 * ```ts
 * import { linkByName } from "../mod.ts";
 *
 * console.assert(linkByName("lo").loopback);
 * ```
 *
 * @param name 1 to 127 bytes. Source: ip-link(8), `altname`.
 * @throws {SystemError} `ENODEV` if there is none, `EMFILE`, …
 * @throws {RangeError} If the name is empty or longer.
 * @throws {AnswerError} If the reply is malformed.
 */
export function linkByName(name: string): Link {
  const bytes = cString(name);
  if (bytes.length > ALTIFNAMSIZ || bytes.length === 1) {
    throw new RangeError(`Interface name of ${bytes.length - 1} bytes: must be 1 to 127`);
  }
  return ask(request(0, nameAttribute(bytes)));
}
