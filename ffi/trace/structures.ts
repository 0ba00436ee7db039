/**
 * Structures that point to others, or whose type another number decides: messages with their
 * control messages, addresses, filters and socket options, as rows of a trace.
 *
 * @module
 */

import {
  AF_INET,
  AF_PACKET,
  IP_ADD_MEMBERSHIP,
  IPPROTO_IP,
  MCAST_JOIN_SOURCE_GROUP,
  PACKET_ADD_MEMBERSHIP,
  PACKET_AUXDATA,
  PACKET_DROP_MEMBERSHIP,
  PACKET_RX_RING,
  PACKET_STATISTICS,
  PACKET_TX_RING,
  SCM_TIMESTAMPNS,
  SO_ATTACH_FILTER,
  SO_GET_FILTER,
  SOL_PACKET,
  SOL_SOCKET,
} from "../abi/constants.ts";
import * as layouts from "../abi/layouts.ts";
import { type ControlMessage, isRights, parseControlMessages, rightsIn } from "../socket/cmsg.ts";
import { namedMessageType } from "./names.ts";
import { dump, DUMP_LIMIT, moreRow, row, structRows, titled, titledStruct } from "./rows.ts";

const { cmsghdr, iovec, msghdr, sock_filter, sock_fprog } = layouts;

/** Copies memory of this process; `undefined` for an address that cannot be read. */
export type ReadMemory = (address: bigint, length: number) => Uint8Array<ArrayBuffer> | undefined;

/** An address of a socket, by its family. */
export function addressRows(title: string, bytes: Uint8Array<ArrayBuffer>): string[] {
  const [family] = new Uint16Array(bytes.slice(0, 2).buffer);
  if (family === AF_PACKET) return titledStruct(title, layouts.sockaddr_ll, bytes);
  if (family === AF_INET) return titledStruct(title, layouts.sockaddr_in, bytes);
  return titled(`${title}: struct sockaddr, ${bytes.length} bytes`, dump(bytes));
}

function controlDataRows(message: ControlMessage): string[] {
  if (isRights(message)) {
    return rightsIn(message).map((fd, i) =>
      row(cmsghdr.size + 4 * i, message.data.slice(4 * i, 4 * i + 4), `descriptor ${fd}`)
    );
  }
  const layout = layoutOf(message);
  if (layout === undefined || message.data.length < layout.size) return dump(message.data);
  return structRows(layout, new Uint8Array(message.data))
    .map((line) => line.replace(/^ *\d+/, (at) => String(Number(at) + cmsghdr.size).padStart(5)));
}

/** The struct in a control message, if it is known. */
function layoutOf({ level, type }: ControlMessage) {
  if (level === SOL_SOCKET && type === SCM_TIMESTAMPNS) return layouts.timespec;
  if (level === SOL_PACKET && type === PACKET_AUXDATA) return layouts.tpacket_auxdata;
  return undefined;
}

function controlRows(title: string, bytes: Uint8Array<ArrayBuffer>): string[] {
  const lines = parseControlMessages(bytes).flatMap((message, i) => {
    const start = message.data.byteOffset - bytes.byteOffset - cmsghdr.size;
    const head = structRows(cmsghdr, bytes.subarray(start));
    head[2] = head[2].replace(/\d+$/, namedMessageType(message.level, message.type));
    return titled(`cmsghdr[${i}]`, [...head, ...controlDataRows(message)]);
  });
  return titled(`${title}: ${bytes.length} bytes of control messages`, lines);
}

/**
 * A `msghdr` and all that it points to: the address, the data and the control messages.
 *
 * @param title Its name in the call.
 * @param bytes The `msghdr`.
 * @param transferred How many bytes of data were sent or received; -1 if the call failed.
 * @param read Reads the memory that it points to.
 */
export function messageRows(
  title: string,
  bytes: Uint8Array<ArrayBuffer>,
  transferred: number,
  read: ReadMemory,
): string[] {
  const lines = titledStruct(title, msghdr, bytes);
  const { msg_name, msg_namelen, msg_iov, msg_iovlen, msg_control, msg_controllen } = msghdr
    .over(bytes);
  if (msg_name !== 0n && msg_namelen > 0) {
    const name = read(msg_name, Math.min(msg_namelen, 128));
    if (name !== undefined) lines.push(...addressRows(`${title}.msg_name`, name));
  }
  let left = Math.max(0, transferred);
  for (let i = 0; i < Math.min(msg_iovlen, 8); i++) {
    const vector = read(msg_iov + BigInt(i * iovec.size), iovec.size);
    if (vector === undefined) break;
    lines.push(...vectorRows(`${title}.msg_iov[${i}]`, vector, left, read));
    left -= Math.min(iovec.over(vector).iov_len, left);
  }
  const control = msg_control !== 0n && msg_controllen > 0
    ? read(msg_control, Math.min(msg_controllen, 4096))
    : undefined;
  if (control !== undefined) lines.push(...controlRows(`${title}.msg_control`, control));
  return lines;
}

function vectorRows(
  title: string,
  bytes: Uint8Array<ArrayBuffer>,
  transferred: number,
  read: ReadMemory,
): string[] {
  const lines = titledStruct(title, iovec, bytes);
  const { iov_base, iov_len } = iovec.over(bytes);
  const length = Math.min(iov_len, transferred);
  const data = length > 0 ? read(iov_base, Math.min(length, DUMP_LIMIT)) : undefined;
  if (data === undefined) return lines;
  const rows = [...dump(data), ...moreRow(length - data.length, "bytes")];
  return [...lines, ...titled(`${title}.iov_base: ${length} bytes`, rows)];
}

/** How many instructions of a filter are shown. */
const INSTRUCTIONS = 16;

/** A `sock_fprog`, and the classic BPF program that it points to. */
export function filterRows(
  title: string,
  bytes: Uint8Array<ArrayBuffer>,
  read: ReadMemory,
): string[] {
  const lines = titledStruct(title, sock_fprog, bytes);
  const { len, filter } = sock_fprog.over(bytes);
  const program = read(filter, Math.min(len, INSTRUCTIONS) * sock_filter.size);
  if (program === undefined) return lines;
  return [...lines, ...programRows(`${title}.filter`, program, len)];
}

function programRows(title: string, program: Uint8Array<ArrayBuffer>, count: number): string[] {
  const rows = Array.from({ length: Math.min(count, INSTRUCTIONS) }, (_, i) => {
    const part = program.subarray(i * sock_filter.size, (i + 1) * sock_filter.size);
    const { code, jt, jf, k } = sock_filter.over(part);
    const words = `code 0x${code.toString(16).padStart(2, "0")} jt ${jt} jf ${jf} k 0x${
      k.toString(16)
    }`;
    return row(i * sock_filter.size, part, words);
  });
  const more = moreRow(count - INSTRUCTIONS, "instructions");
  return titled(`${title}: struct sock_filter[${count}]`, [...rows, ...more]);
}

/** The struct of an option's value, where it is one. */
function optionStruct(level: number, option: number, size: number) {
  if (level === IPPROTO_IP && option === IP_ADD_MEMBERSHIP) return layouts.ip_mreqn;
  if (level === IPPROTO_IP && option === MCAST_JOIN_SOURCE_GROUP) return layouts.group_source_req;
  if (level !== SOL_PACKET) return undefined;
  switch (option) {
    case PACKET_RX_RING:
    case PACKET_TX_RING:
      return size === layouts.tpacket_req3.size ? layouts.tpacket_req3 : layouts.tpacket_req;
    case PACKET_STATISTICS:
      return layouts.tpacket_stats;
    case PACKET_ADD_MEMBERSHIP:
    case PACKET_DROP_MEMBERSHIP:
      return layouts.packet_mreq;
  }
}

/**
 * The value of a socket option: a struct, a filter, an int, or bytes.
 *
 * @param call `getsockopt` or `setsockopt`.
 * @param level Such as `SOL_SOCKET`.
 * @param option Such as `SO_ATTACH_FILTER`.
 * @param value The buffer.
 * @param length The length that the call gave or the kernel returned; of SO_GET_FILTER in
 * instructions, otherwise in bytes.
 * @param read Reads the memory that the value points to.
 */
export function optionRows(
  call: string,
  level: number,
  option: number,
  value: Uint8Array<ArrayBuffer>,
  length: number,
  read: ReadMemory,
): string[] {
  if (call === "getsockopt" && level === SOL_SOCKET && option === SO_GET_FILTER) {
    const count = Math.min(length, Math.floor(value.length / sock_filter.size));
    return programRows("optval", value, count);
  }
  const bytes = value.subarray(0, length);
  if (level === SOL_SOCKET && option === SO_ATTACH_FILTER && length === sock_fprog.size) {
    return filterRows("optval", bytes, read);
  }
  const struct = optionStruct(level, option, bytes.length);
  if (struct !== undefined) return titledStruct("optval", struct, bytes);
  if (bytes.length === 4) {
    const [number] = new Int32Array(bytes.slice().buffer);
    return titled("optval: int", [row(0, bytes, String(number))]);
  }
  return titled(`optval: ${bytes.length} bytes`, dump(bytes));
}
