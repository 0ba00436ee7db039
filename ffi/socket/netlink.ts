/**
 * The common parts of the messages of rtnetlink(7) about links: headers, attributes, requests.
 *
 * @module
 */

import {
  AF_NETLINK,
  MSG_DONTWAIT,
  NLA_TYPE_MASK,
  NLM_F_REQUEST,
  NLMSG_ALIGNTO,
  NLMSG_ERROR,
  SOCK_CLOEXEC,
  SOCK_RAW,
} from "../abi/constants.ts";
import { AnswerError, SystemError } from "../abi/errno.ts";
import { ifinfomsg, nlmsgerr, nlmsghdr, rtattr } from "../abi/layouts.ts";
import { close } from "../process/descriptor.ts";
import { recv, send, socket } from "./calls.ts";

/** Where the attributes of a message about a link begin. */
export const LINK_ATTRIBUTES: number = nlmsghdr.size + ifinfomsg.size;

/** The longest message that is read, in bytes. */
export const LONGEST_MESSAGE = 32768;

const MAX_ERRNO = 4095; // linux/err.h of the kernel
const decoder = new TextDecoder();

/** Rounds a length up to where the next message, or the next attribute, begins. */
export function alignNetlink(length: number): number {
  return (length + NLMSG_ALIGNTO - 1) & ~(NLMSG_ALIGNTO - 1);
}

/** Reads the attributes in some bytes. The first one that contradicts itself ends them. */
export function attributesIn(
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(),
): [type: number, value: Uint8Array<ArrayBuffer>][] {
  const attributes: [number, Uint8Array<ArrayBuffer>][] = [];
  for (let offset = 0; offset + rtattr.size <= bytes.length;) {
    const { rta_len, rta_type } = rtattr.over(bytes, offset);
    if (rta_len < rtattr.size || rta_len > bytes.length - offset) break;
    const value = bytes.subarray(offset + rtattr.size, offset + rta_len);
    attributes.push([rta_type & NLA_TYPE_MASK, value]);
    offset += alignNetlink(rta_len);
  }
  return attributes;
}

/** Reads an attribute that is a text with a NUL at its end; empty if it is missing. */
export function attributeText(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? "" : decoder.decode(bytes.subarray(0, -1));
}

/**
 * Reads an attribute that is an `int`.
 *
 * @returns `undefined` if it is missing.
 * @throws {RangeError} If it is not 4 bytes long.
 */
export function attributeNumber(bytes: Uint8Array | undefined): number | undefined {
  if (bytes === undefined) return undefined;
  if (bytes.length !== 4) throw new RangeError(`A netlink number of ${bytes.length} bytes`);
  return new Int32Array(bytes.slice().buffer)[0];
}

/** Builds an attribute, padded to where the next one begins. */
export function attribute(type: number, value: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(alignNetlink(rtattr.size + value.length));
  const head = rtattr.over(bytes);
  head.rta_len = rtattr.size + value.length;
  head.rta_type = type;
  bytes.set(value, rtattr.size);
  return bytes;
}

/**
 * Builds a request about a link.
 *
 * @param type Such as `RTM_GETLINK`.
 * @param ifindex The link; 0 if an attribute names it. The reply has it as its `nlmsg_seq`.
 * @param attributes Each as {@linkcode attribute} builds it.
 * @param flags Further flags, such as `NLM_F_ACK`.
 */
export function linkRequest(
  type: number,
  ifindex: number,
  attributes: Uint8Array = new Uint8Array(),
  flags = 0,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(LINK_ATTRIBUTES + attributes.length);
  const head = nlmsghdr.over(bytes);
  head.nlmsg_len = bytes.length;
  head.nlmsg_type = type;
  head.nlmsg_flags = NLM_F_REQUEST | flags;
  head.nlmsg_seq = ifindex;
  ifinfomsg.over(bytes, nlmsghdr.size).ifi_index = ifindex;
  bytes.set(attributes, LINK_ATTRIBUTES);
  return bytes;
}

/**
 * Reads the errno in a message of the type `NLMSG_ERROR`.
 *
 * @param message The message, from its `nlmsghdr` on.
 * @returns 0 for an acknowledgement.
 * @throws {RangeError} If the message is cut, or holds no errno.
 */
export function errnoIn(message: Uint8Array<ArrayBuffer>): number {
  const { error } = nlmsgerr.over(message, nlmsghdr.size);
  if (error > 0 || error < -MAX_ERRNO) throw new RangeError(`A netlink error of ${error}`);
  return -error;
}

/**
 * Sends a request and returns the kernel's reply.
 *
 * @param call The request, for the error.
 * @throws {SystemError} The error number in the reply, such as `ENODEV`; `EMFILE`, …
 * @throws {AnswerError} If the reply is malformed.
 */
export function transact(request: Uint8Array<ArrayBuffer>, call: string): Uint8Array<ArrayBuffer> {
  const fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0); // NETLINK_ROUTE is 0
  try {
    send(fd, request, 0);
    const buffer = new Uint8Array(LONGEST_MESSAGE);
    // The kernel replies before send() returns, so no wait is needed.
    const message = buffer.subarray(0, recv(fd, buffer, MSG_DONTWAIT));
    const errno = errnoOfReply(message, call);
    if (errno !== 0) throw new SystemError(call, errno);
    return message;
  } finally {
    close(fd);
  }
}

function errnoOfReply(message: Uint8Array<ArrayBuffer>, call: string): number {
  try {
    const { nlmsg_type, nlmsg_len } = nlmsghdr.over(message);
    if (nlmsg_len > message.length) throw new RangeError(`${nlmsg_len} bytes were announced`);
    return nlmsg_type === NLMSG_ERROR ? errnoIn(message) : 0;
  } catch (error) {
    throw error instanceof RangeError ? new AnswerError(call, error.message) : error;
  }
}
