/**
 * A libc call in words: constants by their names, structs field by field with their bytes.
 *
 * The prototype gives the type of a struct; another argument decides the type behind a `void *`.
 *
 * @module
 */

import { SECCOMP_SET_MODE_FILTER } from "../abi/constants.ts";
import * as layouts from "../abi/layouts.ts";
import { namedArgument, namedOption, syscallName } from "./names.ts";
import type { Parameter } from "./prototype.ts";
import { type AnyStruct, dump, titled, titledStruct } from "./rows.ts";
import { addressRows, filterRows, messageRows, optionRows, type ReadMemory } from "./structures.ts";

export type { ReadMemory };

const { __user_cap_data_struct, __user_cap_header_struct, mmsghdr, msghdr, pollfd } = layouts;

/** A call that has returned. */
export interface MadeCall {
  /** The name of the C function. */
  readonly name: string;
  /** Its parameters, as its prototype has them. */
  readonly parameters: readonly Parameter[];
  /** An argument for each parameter: a number, a buffer, a pointer or `null`. */
  readonly args: readonly unknown[];
  /** The result, as far as a number holds it. */
  readonly result: number;
}

/** A call in words. */
export interface DecodedCall {
  /** The arguments on one line. */
  readonly args: string;
  /** The structures behind them, a line each. */
  readonly details: readonly string[];
}

/** The structs of `ffi/abi/layouts.ts`, by their C names. */
const STRUCTS = new Map<string, AnyStruct>(
  Object.values(layouts).map((each) => [each.name, each]),
);

/** The most entries of an array of structs that are shown. */
const MESSAGES = 4, POLLED = 16;

type Bytes = Uint8Array<ArrayBuffer>;

function bytesOf(value: unknown): Bytes {
  if (!ArrayBuffer.isView(value)) return new Uint8Array(0);
  const { buffer, byteOffset, byteLength } = value;
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
}

const firstWord = (bytes: Bytes) => new Uint32Array(bytes.slice(0, 4).buffer)[0];

/** Text up to its NUL, in quotes. */
function cText(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return JSON.stringify(new TextDecoder().decode(end === -1 ? bytes : bytes.subarray(0, end)));
}

/** A call with its arguments by name. */
class Arguments {
  readonly name: string;
  readonly result: number;
  readonly #byName: Readonly<Record<string, unknown>>;

  constructor({ name, parameters, args, result }: MadeCall, readonly read: ReadMemory) {
    this.name = name;
    this.result = result;
    this.#byName = Object.fromEntries(parameters.map((parameter, i) => [parameter.name, args[i]]));
  }

  number(parameter: string): number {
    return Number(this.#byName[parameter] ?? 0);
  }

  isBuffer(parameter: string): boolean {
    return ArrayBuffer.isView(this.#byName[parameter]);
  }

  /** A length that is an argument, or that an argument points to. */
  length(parameter: string): number {
    const value = this.#byName[parameter];
    return ArrayBuffer.isView(value) ? firstWord(bytesOf(value)) : this.number(parameter);
  }
}

/**
 * Decodes a call.
 *
 * @param call A call that has returned, so that its buffers hold what the kernel wrote.
 * @param read Reads the memory that its structures point to.
 */
export function decodeCall(call: MadeCall, read: ReadMemory): DecodedCall {
  if (call.name === "syscall") return decodeSyscall(call, read);
  const all = new Arguments(call, read);
  const details: string[] = [];
  const words = call.parameters.map((parameter, i) => {
    const arg = call.args[i];
    if (arg === null || arg === undefined) return `${parameter.name}: NULL`;
    if (!ArrayBuffer.isView(arg)) return `${parameter.name}: ${scalar(all, parameter, arg)}`;
    const bytes = bytesOf(arg);
    const text = shortText(all, parameter, bytes);
    if (text !== undefined) return `${parameter.name}: ${text}`;
    details.push(...rowsBehind(all, parameter, bytes));
    return `${parameter.name}: →`;
  });
  return { args: words.join(", "), details };
}

function scalar(all: Arguments, { type, name }: Parameter, arg: unknown): string {
  if (typeof arg === "object") return "a pointer";
  const value = arg as number | bigint;
  if (/^[ug]id_t$/.test(type) && value === 0xffffffff) return "-1"; // leaves that id unchanged
  if (name === "optname") return namedOption(all.name, all.number("level"), Number(value));
  return namedArgument(all.name, name, value);
}

/** A buffer that fits on the line of the call: text, one number, or a list of numbers. */
function shortText(all: Arguments, { type, name }: Parameter, bytes: Bytes): string | undefined {
  if (all.name === "readlink" && name === "buf") {
    return cText(bytes.subarray(0, Math.max(0, all.result)));
  }
  if (type === "char *" && name !== "buf") return cText(bytes);
  if (type.endsWith("[]") || name === "list") {
    const list = new Int32Array(bytes.slice(0, 4 * Math.floor(bytes.length / 4)).buffer);
    return `[${[...list.subarray(0, listLength(all, name))].join(", ")}]`;
  }
  if (type === "socklen_t *" || /^[ug]id_t \*$/.test(type)) return `→ ${firstWord(bytes)}`;
}

/** `sv[2]` and `pipefd[2]` have two entries; a list of groups has a count. */
function listLength(all: Arguments, name: string): number {
  if (name !== "list") return 2;
  return Math.max(0, all.name === "getgroups" ? all.result : all.number("size"));
}

/** The rows of a buffer, by the type of the parameter. */
function rowsBehind(all: Arguments, { type, name }: Parameter, bytes: Bytes): string[] {
  if (name === "optval") return optionValueRows(all, bytes);
  switch (type) {
    case "struct msghdr *":
      // A failed recvmsg(2) has written nothing.
      return all.result === -1 && all.name === "recvmsg"
        ? titledStruct(name, msghdr, bytes)
        : messageRows(name, bytes, all.result, all.read);
    case "struct mmsghdr *":
      return messagesRows(all, name, bytes);
    case "struct pollfd *":
      return arrayRows(name, pollfd, bytes, Math.min(all.number("nfds"), POLLED));
    case "struct sockaddr *":
      // The kernel writes an address, and its length, only if the call succeeds.
      return all.result >= 0 || !all.isBuffer("addrlen")
        ? addressRows(name, bytes.subarray(0, all.length("addrlen")))
        : [];
    case "cap_user_header_t":
      return titledStruct(name, __user_cap_header_struct, bytes);
    case "cap_user_data_t":
      return arrayRows(name, __user_cap_data_struct, bytes, 2);
  }
  const struct = STRUCTS.get(type.match(/^struct (\w+) \*$/)?.[1] ?? "");
  if (struct !== undefined && bytes.length >= struct.size) return titledStruct(name, struct, bytes);
  const isResult = /^(read|recv|getdents)/.test(all.name);
  const length = Math.min(bytes.length, isResult ? Math.max(0, all.result) : bytes.length);
  if (length === 0) return [];
  return titled(`${name}: ${length} bytes`, dump(bytes.subarray(0, length)));
}

function optionValueRows(all: Arguments, bytes: Bytes): string[] {
  if (all.result === -1 && all.name === "getsockopt") return [];
  const [level, option, length] = [
    all.number("level"),
    all.number("optname"),
    all.length("optlen"),
  ];
  return optionRows(all.name, level, option, bytes, length, all.read);
}

function messagesRows(all: Arguments, name: string, bytes: Bytes): string[] {
  const count = Math.min(Math.max(all.result, 0), MESSAGES);
  return Array.from({ length: count }, (_, i) => {
    const { msg_hdr, msg_len } = mmsghdr.over(bytes, i * mmsghdr.size);
    return messageRows(`${name}[${i}].msg_hdr`, msg_hdr as Bytes, msg_len, all.read);
  }).flat();
}

function arrayRows(name: string, struct: AnyStruct, bytes: Bytes, count: number): string[] {
  return Array.from({ length: count }, (_, i) => {
    const entry = bytes.subarray(i * struct.size, (i + 1) * struct.size);
    return titledStruct(`${name}[${i}]`, struct, entry);
  }).flat();
}

/**
 * syscall(2): numbers whose meaning depends on the system call. Of addresses, only those known to
 * hold a structure are followed.
 */
function decodeSyscall({ parameters, args, result }: MadeCall, read: ReadMemory): DecodedCall {
  const name = syscallName(Number(args[0]));
  const words = args.map((arg, i) => {
    const number = BigInt(arg as bigint);
    const text = number > 0xffffn ? `0x${number.toString(16)}` : String(number);
    return `${parameters[i].name}: ${i === 0 ? `${name} (${number})` : text}`;
  });
  while (words.length > 1 && words.at(-1)?.endsWith(": 0")) words.pop();
  return { args: words.join(", "), details: syscallRows(name, args, result, read) };
}

function syscallRows(
  name: string,
  args: readonly unknown[],
  result: number,
  read: ReadMemory,
): string[] {
  const behind = (i: number, { size }: AnyStruct) => read(BigInt(args[i] as bigint), size);
  if (name === "io_uring_setup" && result !== -1) {
    const bytes = behind(2, layouts.io_uring_params);
    if (bytes !== undefined) return titledStruct("arg2", layouts.io_uring_params, bytes);
  }
  if (name === "seccomp" && args[1] === BigInt(SECCOMP_SET_MODE_FILTER)) {
    const bytes = behind(3, layouts.sock_fprog);
    if (bytes !== undefined) return filterRows("arg3", bytes, read);
  }
  return [];
}
