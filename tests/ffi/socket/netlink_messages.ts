/**
 * Builds messages of rtnetlink(7) about links, as the kernel sends them.
 *
 * @module
 */

import { ifinfomsg, nlmsghdr, rtattr } from "../../../ffi/mod.ts";

/** An attribute with its padding; `rta_len` is correct unless given. */
export function attribute(
  type: number,
  value: Uint8Array,
  rta_len = rtattr.size + value.length,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(rtattr.size + Math.ceil(value.length / 4) * 4);
  Object.assign(rtattr.over(bytes), { rta_len, rta_type: type });
  bytes.set(value, rtattr.size);
  return bytes;
}

/** Bytes one after another. */
export function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** A number as an attribute. */
export function number(type: number, value: number): Uint8Array<ArrayBuffer> {
  return attribute(type, new Uint8Array(Int32Array.of(value).buffer));
}

/** A text as an attribute. */
export function text(type: number, value: string): Uint8Array<ArrayBuffer> {
  return attribute(type, new TextEncoder().encode(`${value}\0`));
}

/** A message of the kernel. */
export function message(type: number, ...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = joined(new Uint8Array(nlmsghdr.size), ...parts);
  Object.assign(nlmsghdr.over(bytes), { nlmsg_len: bytes.length, nlmsg_type: type });
  return bytes;
}

/** The `ifinfomsg` of the link 7, with these fields. */
export function info(fields: Partial<ReturnType<typeof ifinfomsg.alloc>> = {}): Uint8Array {
  return Object.assign(ifinfomsg.alloc(), { ifi_index: 7, ...fields }).bytes;
}
