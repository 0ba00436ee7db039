/**
 * Network interfaces by rtnetlink(7). Unlike `/sys/class/net`, which shows the network namespace in
 * which it was mounted, rtnetlink shows that of the caller.
 *
 * @module
 */

import {
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
  NLMSG_ERROR,
  RTM_GETLINK,
  RTM_NEWLINK,
} from "../abi/constants.ts";
import { AnswerError, check, SystemError } from "../abi/errno.ts";
import { ifinfomsg, nlmsghdr } from "../abi/layouts.ts";
import { cString, libc } from "../abi/libc.ts";
import {
  attribute,
  attributeNumber,
  attributesIn,
  attributeText,
  errnoIn,
  LINK_ATTRIBUTES,
  linkRequest,
  transact,
} from "./netlink.ts";

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
    const errno = errnoIn(message);
    if (errno !== 0) throw new SystemError("RTM_GETLINK", errno);
  }
  if (nlmsg_type !== RTM_NEWLINK || nlmsg_len < LINK_ATTRIBUTES || nlmsg_len > message.length) {
    throw new RangeError(`Unexpected netlink message of type ${nlmsg_type}, ${nlmsg_len} bytes`);
  }
  const { ifi_index, ifi_flags, ifi_type } = ifinfomsg.over(message, nlmsghdr.size);
  const attributes = new Map(attributesIn(message.subarray(LINK_ATTRIBUTES, nlmsg_len)));
  const kind = attributeText(
    new Map(attributesIn(attributes.get(IFLA_LINKINFO))).get(IFLA_INFO_KIND),
  );
  const peerIsHere = kind === "veth" && !attributes.has(IFLA_LINK_NETNSID);
  return {
    name: attributeText(attributes.get(IFLA_IFNAME)),
    alternativeNames: attributesIn(attributes.get(IFLA_PROP_LIST))
      .filter(([type]) => type === IFLA_ALT_IFNAME).map(([, name]) => attributeText(name)),
    ifindex: ifi_index,
    up: (ifi_flags & IFF_UP) !== 0,
    carrier: (ifi_flags & IFF_LOWER_UP) !== 0,
    loopback: (ifi_flags & IFF_LOOPBACK) !== 0,
    type: ifi_type,
    mtu: attributeNumber(attributes.get(IFLA_MTU)) ?? 0,
    address: attributes.get(IFLA_ADDRESS) ?? new Uint8Array(),
    kind,
    peer: peerIsHere ? attributeNumber(attributes.get(IFLA_LINK)) : undefined,
    promiscuity: attributeNumber(attributes.get(IFLA_PROMISCUITY)) ?? 0,
  };
}

function answered(message: Uint8Array<ArrayBuffer>): Link {
  try {
    return parseLink(message);
  } catch (error) {
    throw error instanceof RangeError ? new AnswerError("RTM_GETLINK", error.message) : error;
  }
}

/** Builds the attribute that names a link. Kernels before 5.5 know only the short one. */
function nameAttribute(name: Uint8Array): Uint8Array<ArrayBuffer> {
  return attribute(name.length > IFNAMSIZ ? IFLA_ALT_IFNAME : IFLA_IFNAME, name);
}

function ask(ifindex: number, attributes?: Uint8Array): Link {
  return answered(transact(linkRequest(RTM_GETLINK, ifindex, attributes), "RTM_GETLINK"));
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
  return ask(ifindex);
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
  return ask(0, nameAttribute(bytes));
}
