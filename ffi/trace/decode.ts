/**
 * What stands in the arguments of a libc call, in words: constants by their names, structs field by field with the bytes beside them.
 *
 * What a struct is, its type in the prototype says; what lies behind a `void *`, another argument.
 *
 * @module
 */

import { parseControlMessages, rightsIn } from "../socket/cmsg.ts";
import * as constants from "../abi/constants.ts";
import * as layouts from "../abi/layouts.ts";
import type { Parameter } from "./prototype.ts";
import { type Fields, sizeOf, type Struct } from "../abi/struct.ts";
import { SYSCALLS } from "../abi/syscalls.ts";

/** A call that has returned. */
export interface MadeCall {
  readonly name: string;
  readonly parameters: readonly Parameter[];
  readonly args: readonly unknown[];
  /** As far as a number holds it. */
  readonly result: number;
}

/** Copies memory of this process; `undefined` for an address that is nobody's. */
export type ReadMemory = (address: bigint, length: number) => Uint8Array<ArrayBuffer> | undefined;

/** A call in words. */
export interface DecodedCall {
  /** The arguments on one line. */
  readonly args: string;
  /** Their structures: a line each. */
  readonly details: readonly string[];
}

const { cmsghdr, iovec, mmsghdr, msghdr, pollfd, sock_filter, sockaddr_in, sockaddr_ll } = layouts;

const STRUCTS = new Map(
  Object.values(layouts).map((each) => [each.name, each as unknown as Struct<Fields>]),
);

/** Constants by their values; those of one prefix are one family. */
function family(prefix: RegExp): [name: string, value: number][] {
  return Object.entries<number>(constants).filter(([name]) => prefix.test(name));
}

const one = (prefix: RegExp) => {
  const names = new Map(family(prefix).map(([name, value]) => [value, name]));
  return (value: number) => names.get(value);
};

const bits = (prefix: RegExp, otherwise?: string) => {
  const known = family(prefix).filter(([, value]) => value !== 0);
  return (value: number) => {
    if (value === 0) return otherwise;
    let left = value >>> 0;
    const names: string[] = [];
    for (const [name, bit] of known) {
      if ((left & bit) >>> 0 !== bit >>> 0) continue;
      names.push(name);
      left = (left & ~bit) >>> 0;
    }
    if (names.length === 0) return undefined;
    return [...names, ...left === 0 ? [] : [`0x${left.toString(16)}`]].join("|");
  };
};

type Name = (value: number) => string | undefined;

const addressFamily = one(/^AF_(?!.*_)/);
const socketFlags = bits(/^SOCK_(NONBLOCK|CLOEXEC)$/);
const socketKind = one(/^SOCK_(STREAM|DGRAM|RAW|SEQPACKET)$/);
const socketType: Name = (value) =>
  [socketKind(value & 0xf), socketFlags(value & ~0xf)].filter(Boolean).join("|") || undefined;
const messageFlags = bits(/^MSG_/);
const level: Name = (value) => one(/^SOL_/)(value) ?? (value === 0 ? "IPPROTO_IP" : undefined);
const OPTIONS: Record<number, Name> = {
  [constants.SOL_SOCKET]: one(/^SO_/),
  [constants.SOL_PACKET]: one(
    /^PACKET_(?!OUTGOING|MR_|FANOUT_(HASH|CBPF))/,
  ),
  [constants.IPPROTO_IP]: one(/^IP_/),
};
const etherType = one(/^ETH_P_/);
const events = bits(/^POLL/);

/** The names of an argument's values, by function and parameter. */
const NAMES: Record<string, Name> = {
  "socket.domain": addressFamily,
  "socket.type": socketType,
  "socketpair.domain": addressFamily,
  "socketpair.type": socketType,
  "getsockopt.level": level,
  "setsockopt.level": level,
  "shutdown.how": one(/^SHUT_/),
  "fcntl.cmd": one(/^F_(?!SEAL)/),
  "open.flags": bits(/^O_(?!ACCMODE)/, "O_RDONLY"),
  "pipe2.flags": bits(/^O_(?!ACCMODE)/),
  "close_range.flags": bits(/^CLOSE_RANGE_/),
  "memfd_create.flags": bits(/^MFD_/),
  "mmap.prot": bits(/^PROT_/),
  "mmap.flags": bits(/^MAP_/),
  "prctl.op": one(/^PR_/),
  "setrlimit.resource": one(/^RLIMIT_/),
  "clock_gettime.clockid": one(/^CLOCK_/),
  "ioctl.op": one(/^(SIOC|NS_GET)/),
  "unshare.flags": bits(/^CLONE_NEW/),
  "setns.nstype": bits(/^CLONE_NEW/),
  ...Object.fromEntries(
    ["sendto", "recvfrom", "sendmsg", "recvmsg", "recvmmsg"]
      .map((name) => [`${name}.flags`, messageFlags]),
  ),
};

/** The names of a field's values. */
const FIELD_NAMES: Record<string, Name> = {
  "msghdr.msg_flags": messageFlags,
  "cmsghdr.cmsg_level": level,
  "sockaddr_ll.sll_family": addressFamily,
  "sockaddr_ll.sll_protocol": etherType,
  "sockaddr_in.sin_family": addressFamily,
  "pollfd.events": events,
  "pollfd.revents": events,
  "packet_mreq.mr_type": one(/^PACKET_MR_/),
  "io_uring_params.flags": bits(/^IORING_SETUP_/),
};

const KERNEL_NAMES = new Map<number | null, string>(
  Object.entries(SYSCALLS).map(([name, numbers]) => [
    numbers[Deno.build.arch === "x86_64" ? 0 : 1],
    name,
  ]),
);

function bytesOf(value: unknown): Uint8Array<ArrayBuffer> {
  if (!ArrayBuffer.isView(value)) return new Uint8Array(0);
  const { buffer, byteOffset, byteLength } = value;
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
}

const hex = (bytes: Uint8Array) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0"));

/** How many bytes stand in a line, and how many lines of data are shown. */
const ROW = 16, ROWS = 8;

function row(offset: number, bytes: Uint8Array, words: string): string {
  return `${String(offset).padStart(5)}  ${hex(bytes).join(" ").padEnd(3 * 8)}  ${words}`.trimEnd();
}

/** Bytes without a structure that is known, with what can be printed of them beside. */
function dump(bytes: Uint8Array): string[] {
  const shown = bytes.subarray(0, ROW * ROWS);
  const rows = Array.from({ length: Math.ceil(shown.length / ROW) }, (_, i) => {
    const part = shown.subarray(i * ROW, (i + 1) * ROW);
    const text = [...part].map((byte) => byte > 31 && byte < 127 ? String.fromCharCode(byte) : ".");
    const words = hex(part).join(" ").padEnd(3 * ROW);
    return `${String(i * ROW).padStart(5)}  ${words} ${text.join("")}`;
  });
  const left = bytes.length - shown.length;
  return left === 0 ? rows : [...rows, `       … ${left} bytes more`];
}

/** A value by its name, the number behind it. */
function named(name: Name | undefined, value: number, text: string): string {
  const known = name?.(value);
  if (known === undefined) return text;
  return `${known} (${value > 9 && /_\w*\|/.test(known) ? `0x${value.toString(16)}` : text})`;
}

function value(struct: string, field: string, raw: unknown, type: string): string {
  if (raw instanceof Uint8Array) return "";
  const number = raw as number | bigint;
  if (type === "pointer") return number === 0n ? "NULL" : `0x${number.toString(16)}`;
  return named(FIELD_NAMES[`${struct}.${field}`], Number(number), String(number));
}

/** A struct: a line for each field, with its offset, its bytes, its name and its value; what no field covers is padding, or not looked at. */
function structure(struct: Struct<Fields>, bytes: Uint8Array<ArrayBuffer>): string[] {
  const whole = new Uint8Array(Math.max(struct.size, bytes.length));
  whole.set(bytes);
  const view = struct.over(whole) as unknown as Record<string, unknown>;
  const lines: string[] = [];
  let end = 0;
  const fields = Object.entries(struct.fields).sort(([, [one]], [, [other]]) => one - other);
  for (const [field, [offset, type]] of fields) {
    if (offset > end) lines.push(row(end, whole.subarray(end, offset), ""));
    end = offset + sizeOf(type);
    const shown = `${field} ${value(struct.name, field, view[field], type)}`.trimEnd();
    lines.push(row(offset, whole.subarray(offset, end), shown));
  }
  if (end < struct.size) lines.push(row(end, whole.subarray(end, struct.size), ""));
  return lines;
}

const indented = (lines: readonly string[]) => lines.map((line) => `  ${line}`);

function titled(title: string, lines: readonly string[]): string[] {
  return [`${title}:`, ...indented(lines)];
}

function structured(title: string, struct: unknown, bytes: Uint8Array<ArrayBuffer>): string[] {
  const { name, size } = struct as Struct<Fields>;
  return titled(
    `${title}: struct ${name}, ${size} bytes`,
    structure(struct as Struct<Fields>, bytes),
  );
}

function address(title: string, bytes: Uint8Array<ArrayBuffer>): string[] {
  const [kind] = new Uint16Array(bytes.slice(0, 2).buffer);
  if (kind === constants.AF_PACKET) return structured(title, sockaddr_ll, bytes);
  if (kind === constants.AF_INET) return structured(title, sockaddr_in, bytes);
  return titled(`${title}: struct sockaddr, ${bytes.length} bytes`, dump(bytes));
}

/** The control messages: the headers, what they carry, and above all the descriptors. */
function control(title: string, bytes: Uint8Array<ArrayBuffer>): string[] {
  const messages = parseControlMessages(bytes);
  const lines = messages.flatMap((message, i) => {
    const head = structure(
      cmsghdr as unknown as Struct<Fields>,
      bytes.subarray(message.data.byteOffset - bytes.byteOffset - cmsghdr.size),
    );
    const isSocket = message.level === constants.SOL_SOCKET;
    if (isSocket && message.type === constants.SCM_RIGHTS) {
      head[2] = head[2].replace(/\d+$/, "SCM_RIGHTS ($&)");
    }
    if (isSocket && message.type === constants.SCM_TIMESTAMPNS) {
      head[2] = head[2].replace(/\d+$/, "SCM_TIMESTAMPNS ($&)");
    }
    const data = isSocket && message.type === constants.SCM_RIGHTS
      ? rightsIn(message).map((fd, at) =>
        row(cmsghdr.size + 4 * at, message.data.slice(4 * at, 4 * at + 4), `descriptor ${fd}`)
      )
      : isSocket && message.type === constants.SCM_TIMESTAMPNS
      ? structure(
        layouts.timespec as unknown as Struct<Fields>,
        new Uint8Array(message.data),
      ).map((line) => line.replace(/^ *\d+/, (at) => String(Number(at) + cmsghdr.size).padStart(5)))
      : dump(message.data);
    return titled(`cmsghdr[${i}]`, [...head, ...data]);
  });
  return titled(`${title}: ${bytes.length} bytes of control messages`, lines);
}

/** A msghdr with all that it points to: `received` bytes of data. */
function message(
  title: string,
  bytes: Uint8Array<ArrayBuffer>,
  transferred: number,
  read: ReadMemory,
): string[] {
  const lines = structured(title, msghdr, bytes);
  const { msg_name, msg_namelen, msg_iov, msg_iovlen, msg_control, msg_controllen } = msghdr
    .over(bytes);
  if (transferred < 0) transferred = 0;
  if (msg_name !== 0n && msg_namelen > 0) {
    const name = read(msg_name, Math.min(msg_namelen, 128));
    if (name !== undefined) lines.push(...address(`${title}.msg_name`, name));
  }
  for (let i = 0; i < Math.min(msg_iovlen, 8); i++) {
    const head = read(msg_iov + BigInt(i * iovec.size), iovec.size);
    if (head === undefined) break;
    const { iov_base, iov_len } = iovec.over(head);
    lines.push(...structured(`${title}.msg_iov[${i}]`, iovec, head));
    const length = Math.min(iov_len, transferred);
    const data = length > 0 ? read(iov_base, Math.min(length, ROW * ROWS)) : undefined;
    if (data !== undefined) {
      const more = length > data.length ? [`       … ${length - data.length} bytes more`] : [];
      const name = `${title}.msg_iov[${i}].iov_base: ${length} bytes`;
      lines.push(...titled(name, [...dump(data), ...more]));
    }
    transferred -= length;
  }
  const controlBytes = msg_control !== 0n && msg_controllen > 0
    ? read(msg_control, Math.min(msg_controllen, 4096))
    : undefined;
  if (controlBytes !== undefined) lines.push(...control(`${title}.msg_control`, controlBytes));
  return lines;
}

/** How many instructions of a filter are shown. */
const INSTRUCTIONS = 16;

function filter(title: string, bytes: Uint8Array<ArrayBuffer>, read: ReadMemory): string[] {
  const lines = structured(title, layouts.sock_fprog, bytes);
  const { len, filter } = layouts.sock_fprog.over(bytes);
  const program = read(filter, Math.min(len, INSTRUCTIONS) * sock_filter.size);
  if (program === undefined) return lines;
  const rows = Array.from({ length: Math.min(len, INSTRUCTIONS) }, (_, i) => {
    const part = program.subarray(i * sock_filter.size, (i + 1) * sock_filter.size);
    const { code, jt, jf, k } = sock_filter.over(part);
    const words = `code 0x${code.toString(16).padStart(2, "0")} jt ${jt} jf ${jf} k 0x${
      k.toString(16)
    }`;
    return row(i * sock_filter.size, part, words);
  });
  const more = len > INSTRUCTIONS ? [`       … ${len - INSTRUCTIONS} instructions more`] : [];
  return [...lines, ...titled(`${title}.filter: struct sock_filter[${len}]`, [...rows, ...more])];
}

/** What lies behind a `void *optval`: a struct, an int, or bytes. */
function option(level: number, name: number, bytes: Uint8Array<ArrayBuffer>, read: ReadMemory) {
  const is = (aLevel: number, ...names: number[]) => level === aLevel && names.includes(name);
  const { SOL_PACKET, SOL_SOCKET } = constants;
  if (is(SOL_SOCKET, constants.SO_ATTACH_FILTER) && bytes.length === layouts.sock_fprog.size) {
    return filter("optval", bytes, read);
  }
  if (is(SOL_PACKET, constants.PACKET_RX_RING, constants.PACKET_TX_RING)) {
    const ring = bytes.length === layouts.tpacket_req3.size
      ? layouts.tpacket_req3
      : layouts.tpacket_req;
    return structured("optval", ring, bytes);
  }
  if (is(SOL_PACKET, constants.PACKET_STATISTICS)) {
    return structured("optval", layouts.tpacket_stats, bytes);
  }
  if (is(SOL_PACKET, constants.PACKET_ADD_MEMBERSHIP, constants.PACKET_DROP_MEMBERSHIP)) {
    return structured("optval", layouts.packet_mreq, bytes);
  }
  if (is(constants.IPPROTO_IP, constants.IP_ADD_MEMBERSHIP)) {
    return structured("optval", layouts.ip_mreqn, bytes);
  }
  if (bytes.length === 4) {
    const [number] = new Int32Array(bytes.slice().buffer);
    return titled("optval: int", [row(0, bytes, String(number))]);
  }
  return titled(`optval: ${bytes.length} bytes`, dump(bytes));
}

/** A text up to its NUL, in quotes. */
function cText(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return JSON.stringify(new TextDecoder().decode(end === -1 ? bytes : bytes.subarray(0, end)));
}

/** A call in words. It is looked at after it has returned, so what the kernel has written is there. */
export function decodeCall(call: MadeCall, read: ReadMemory): DecodedCall {
  if (call.name === "syscall") return decodeSyscall(call, read);
  const { name, parameters, args, result } = call;
  const byName: Record<string, unknown> = Object.fromEntries(
    parameters.map((parameter, i) => [parameter.name, args[i]]),
  );
  const number = (key: string) => Number(byName[key] ?? 0);
  const details: string[] = [];
  const shown = parameters.map(({ type, name: key }, i) => {
    const arg = args[i];
    if (arg === null || arg === undefined) return `${key}: NULL`;
    if (!ArrayBuffer.isView(arg)) {
      const isOption = key === "optname";
      const known = isOption ? OPTIONS[number("level")] : NAMES[`${name}.${key}`];
      if (typeof arg === "object") return `${key}: a pointer`;
      const isId = /^[ug]id_t$/.test(type) && arg === 0xffffffff; // (uid_t) -1: leave it as it is
      return `${key}: ${isId ? "-1" : named(known, Number(arg), String(arg))}`;
    }
    const bytes = bytesOf(arg);
    const place = `${key}: →`;
    const [, struct] = type.match(/^struct (\w+) \*$/) ?? [];
    if (type === "char *" && key !== "buf") return `${key}: ${cText(bytes)}`;
    if (type === "socklen_t *" || /^[ug]id_t \*$/.test(type) && key !== "list") {
      return `${key}: → ${new Uint32Array(bytes.slice(0, 4).buffer)[0]}`;
    }
    if (type.endsWith("[]") || key === "list") {
      const count = key === "list"
        ? Math.max(0, name === "getgroups" ? result : number("size"))
        : 2;
      const list = new Int32Array(bytes.slice(0, 4 * Math.floor(bytes.length / 4)).buffer);
      return `${key}: [${[...list.subarray(0, count)].join(", ")}]`;
    }
    switch (struct) {
      case "msghdr":
        details.push(
          ...result === -1 && name === "recvmsg" // the kernel has written nothing
            ? structured(key, msghdr, bytes)
            : message(key, bytes, result, read),
        );
        return place;
      case "mmsghdr":
        for (let at = 0; at < Math.min(Math.max(result, 0), 4); at++) {
          const each = bytes.subarray(at * mmsghdr.size, (at + 1) * mmsghdr.size);
          const { msg_hdr, msg_len } = mmsghdr.over(each);
          const header = msg_hdr as Uint8Array<ArrayBuffer>;
          details.push(...message(`${key}[${at}].msg_hdr`, header, msg_len, read));
        }
        return place;
      case "pollfd": {
        const count = Math.min(number("nfds"), 16);
        for (let at = 0; at < count; at++) {
          const each = bytes.subarray(at * pollfd.size, (at + 1) * pollfd.size);
          details.push(...structured(`${key}[${at}]`, pollfd, each));
        }
        return place;
      }
      case "sockaddr": {
        const length = byName.addrlen;
        const size = ArrayBuffer.isView(length)
          ? new Uint32Array(bytesOf(length).slice(0, 4).buffer)[0]
          : Number(length);
        if (result >= 0 || !ArrayBuffer.isView(length)) {
          details.push(...address(key, bytes.subarray(0, size)));
        }
        return place;
      }
    }
    if (key === "optval") {
      const length = ArrayBuffer.isView(byName.optlen)
        ? new Uint32Array(bytesOf(byName.optlen).slice(0, 4).buffer)[0]
        : number("optlen");
      if (result !== -1 || name === "setsockopt") {
        const value = bytes.subarray(0, length);
        details.push(...option(number("level"), number("optname"), value, read));
      }
      return place;
    }
    const known = STRUCTS.get(struct);
    if (known !== undefined && bytes.length >= known.size) {
      details.push(...structured(key, known, bytes));
      return place;
    }
    if (type === "cap_user_header_t") {
      details.push(...structured(key, layouts.__user_cap_header_struct, bytes));
      return place;
    }
    if (type === "cap_user_data_t") {
      for (const at of [0, 1]) {
        const size = layouts.__user_cap_data_struct.size;
        const each = bytes.subarray(at * size, (at + 1) * size);
        details.push(...structured(`${key}[${at}]`, layouts.__user_cap_data_struct, each));
      }
      return place;
    }
    if (name === "readlink") return `${key}: ${cText(bytes.subarray(0, Math.max(0, result)))}`;
    const isResult = /^(read|recv|getdents|readlink)/.test(name);
    const length = Math.min(bytes.length, isResult ? Math.max(0, result) : bytes.length);
    if (length === 0) return place;
    details.push(...titled(`${key}: ${length} bytes`, dump(bytes.subarray(0, length))));
    return place;
  });
  return { args: shown.join(", "), details };
}

/** Six numbers, whose meaning is that of the system call; of an address only what is known to lie there is looked at. */
function decodeSyscall({ parameters, args, result }: MadeCall, read: ReadMemory): DecodedCall {
  const kernelName = KERNEL_NAMES.get(Number(args[0])) ?? "unknown";
  const words = args.map((arg, i) => {
    const number = BigInt(arg as bigint);
    const text = number > 0xffffn ? `0x${number.toString(16)}` : String(number);
    return `${parameters[i].name}: ${i === 0 ? `${kernelName} (${number})` : text}`;
  });
  while (words.length > 1 && words.at(-1)?.endsWith(": 0")) words.pop();
  const details: string[] = [];
  const at = (i: number, length: number) => read(BigInt(args[i] as bigint), length);
  if (kernelName === "io_uring_setup" && result !== -1) {
    const bytes = at(2, layouts.io_uring_params.size);
    if (bytes !== undefined) details.push(...structured("arg2", layouts.io_uring_params, bytes));
  }
  if (kernelName === "seccomp" && args[1] === BigInt(constants.SECCOMP_SET_MODE_FILTER)) {
    const bytes = at(3, layouts.sock_fprog.size);
    if (bytes !== undefined) details.push(...filter("arg3", bytes, read));
  }
  return { args: words.join(", "), details };
}
