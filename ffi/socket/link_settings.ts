/**
 * Changes network interfaces by rtnetlink(7), each by its ifindex. A name may belong to another
 * interface a moment later; an ifindex belongs to one interface as long as that is in the network
 * namespace.
 *
 * @module
 */

import {
  AF_INET,
  IFLA_AF_SPEC,
  IFLA_INET_CONF,
  NLM_F_ACK,
  RTM_DELLINK,
  RTM_GETLINK,
  RTM_NEWLINK,
  RTM_SETLINK,
} from "../abi/constants.ts";
import { AnswerError } from "../abi/errno.ts";
import { nlmsghdr } from "../abi/layouts.ts";
import {
  attribute,
  attributeNumber,
  attributesIn,
  LINK_ATTRIBUTES,
  linkRequest,
  transact,
} from "./netlink.ts";

/**
 * Reads a setting of IPv4 of one interface: the number that
 * `/proc/sys/net/ipv4/conf/NAME/…` shows. No privilege is needed.
 *
 * @example
 * ```ts
 * import { if_nametoindex, IPV4_DEVCONF_RP_FILTER, ipv4Setting } from "../mod.ts";
 *
 * console.log(ipv4Setting(if_nametoindex("lo"), IPV4_DEVCONF_RP_FILTER));
 * ```
 *
 * @param setting Such as `IPV4_DEVCONF_RP_FILTER`. Source: linux/ip.h.
 * @throws {SystemError} `ENODEV` if there is no such interface, `EMFILE`, …
 * @throws {AnswerError} If the reply is malformed, or does not have the setting.
 */
export function ipv4Setting(ifindex: number, setting: number): number {
  const reply = transact(linkRequest(RTM_GETLINK, ifindex), "RTM_GETLINK");
  const { nlmsg_type, nlmsg_len } = nlmsghdr.over(reply);
  const value = nlmsg_type === RTM_NEWLINK
    ? parseIpv4Setting(reply.subarray(LINK_ATTRIBUTES, nlmsg_len), setting)
    : undefined;
  if (value === undefined) throw new AnswerError("RTM_GETLINK", `no IPv4 setting ${setting}`);
  return value;
}

/** Reads a setting of IPv4 from the attributes of a link; `undefined` if it is missing. */
export function parseIpv4Setting(
  attributes: Uint8Array<ArrayBuffer>,
  setting: number,
): number | undefined {
  const families = new Map(attributesIn(attributes)).get(IFLA_AF_SPEC);
  const ipv4 = new Map(attributesIn(families)).get(AF_INET);
  const settings = new Map(attributesIn(ipv4)).get(IFLA_INET_CONF);
  const at = (setting - 1) * 4; // the array begins with the setting 1
  if (settings === undefined || at < 0 || at + 4 > settings.length) return undefined;
  return attributeNumber(settings.subarray(at, at + 4));
}

/**
 * Changes a setting of IPv4 of one interface: the number that
 * `/proc/sys/net/ipv4/conf/NAME/…` shows. Source: inet_set_link_af in net/ipv4/devinet.c.
 *
 * @param setting Such as `IPV4_DEVCONF_RP_FILTER`. Source: linux/ip.h.
 * @throws {SystemError} `ENODEV` if there is no such interface, `EPERM` without CAP_NET_ADMIN, …
 * @throws {AnswerError} If the reply is malformed.
 */
export function setIpv4Setting(ifindex: number, setting: number, value: number): void {
  const number = new Uint8Array(Int32Array.of(value).buffer);
  const settings = attribute(IFLA_INET_CONF, attribute(setting, number));
  const attributes = attribute(IFLA_AF_SPEC, attribute(AF_INET, settings));
  transact(linkRequest(RTM_SETLINK, ifindex, attributes, NLM_F_ACK), "RTM_SETLINK");
}

/**
 * Deletes an interface.
 *
 * @throws {SystemError} `ENODEV` if there is none, `EPERM` without CAP_NET_ADMIN, `EOPNOTSUPP` for
 * a physical one, …
 * @throws {AnswerError} If the reply is malformed.
 */
export function deleteLink(ifindex: number): void {
  transact(linkRequest(RTM_DELLINK, ifindex, undefined, NLM_F_ACK), "RTM_DELLINK");
}
