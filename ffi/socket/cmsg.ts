/**
 * Control messages: the data that travel beside the bytes of a sendmsg(2). Pure functions on bytes.
 *
 * A control buffer is a sequence of messages, each a `cmsghdr` followed by its data, and each
 * aligned to `sizeof(size_t)`. Source: cmsg(3).
 *
 * @module
 */

import { SCM_RIGHTS, SOL_SOCKET } from "../abi/constants.ts";
import { cmsghdr } from "../abi/layouts.ts";

const ALIGNMENT = 8; // sizeof(size_t)
const FD_SIZE = 4; // sizeof(int)

/** One control message. */
export interface ControlMessage {
  /** `cmsg_level`, such as `SOL_SOCKET`. */
  readonly level: number;
  /** `cmsg_type`, such as `SCM_RIGHTS`. */
  readonly type: number;
  /** The data after the header, without padding. */
  readonly data: Uint8Array;
}

/** `#define CMSG_ALIGN(len) (((len) + sizeof (size_t) - 1) & ~(sizeof (size_t) - 1))` */
export function CMSG_ALIGN(length: number): number {
  return (length + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
}

/**
 * `#define CMSG_LEN(len) (CMSG_ALIGN (sizeof (struct cmsghdr)) + (len))`: the `cmsg_len` of a
 * message with `length` bytes of data.
 */
export function CMSG_LEN(length: number): number {
  return CMSG_ALIGN(cmsghdr.size) + length;
}

/**
 * `#define CMSG_SPACE(len) (CMSG_ALIGN (len) + CMSG_ALIGN (sizeof (struct cmsghdr)))`: the size of
 * a message with `length` bytes of data, padding included.
 *
 * The padding can hold data: a buffer of `CMSG_SPACE(4)` takes two descriptors without
 * `MSG_CTRUNC`.
 */
export function CMSG_SPACE(length: number): number {
  return CMSG_ALIGN(length) + CMSG_ALIGN(cmsghdr.size);
}

/**
 * Lays out control messages one after another.
 *
 * @example
 * ```ts
 * import { encodeControlMessages, parseControlMessages, rightsMessage } from "./cmsg.ts";
 *
 * const control = encodeControlMessages([rightsMessage([7])]);
 * console.assert(control.length === 24 && parseControlMessages(control)[0].data.length === 4);
 * ```
 */
export function encodeControlMessages(
  messages: readonly ControlMessage[],
): Uint8Array<ArrayBuffer> {
  const size = messages.reduce((sum, { data }) => sum + CMSG_SPACE(data.length), 0);
  const control = new Uint8Array(size);
  let offset = 0;
  for (const { level, type, data } of messages) {
    const header = cmsghdr.over(control, offset);
    header.cmsg_len = CMSG_LEN(data.length);
    header.cmsg_level = level;
    header.cmsg_type = type;
    control.set(data, offset + CMSG_LEN(0));
    offset += CMSG_SPACE(data.length);
  }
  return control;
}

/**
 * Parses a control buffer, as CMSG_FIRSTHDR and CMSG_NXTHDR do.
 *
 * @param control The `msg_controllen` bytes that recvmsg(2) filled.
 * @returns The messages; their data are views of `control`. A `cmsg_len` below the size of the
 * header, or beyond the end, ends the list.
 */
export function parseControlMessages(control: Uint8Array<ArrayBuffer>): ControlMessage[] {
  const messages: ControlMessage[] = [];
  for (let offset = 0; offset + cmsghdr.size <= control.length;) {
    const { cmsg_len, cmsg_level, cmsg_type } = cmsghdr.over(control, offset);
    if (cmsg_len < cmsghdr.size || cmsg_len > control.length - offset) break;
    const data = control.subarray(offset + CMSG_LEN(0), offset + cmsg_len);
    messages.push({ level: cmsg_level, type: cmsg_type, data });
    offset += CMSG_ALIGN(cmsg_len);
  }
  return messages;
}

/** The control message that {@linkcode findControlMessage} looks for. */
export interface WantedMessage {
  /** `cmsg_level`, such as `SOL_SOCKET`. */
  readonly level: number;
  /** `cmsg_type`, such as `SCM_TIMESTAMPNS`. */
  readonly type: number;
  /** The least length of its data, in bytes. */
  readonly size: number;
}

/**
 * Finds a control message as {@linkcode parseControlMessages} does, without allocating.
 *
 * @param words A control buffer, as 32-bit words.
 * @param start The index of the first word of its messages.
 * @param end The index behind the last word.
 * @returns The index of the first word of the data; -1 if there is no such message.
 */
export function findControlMessage(
  words: Int32Array<ArrayBuffer>,
  start: number,
  end: number,
  { level, type, size }: WantedMessage,
): number {
  for (let at = start; at + HEADER_WORDS <= end;) {
    const length = words[at + LEN];
    if (words[at + LEN + 1] !== 0 || length < cmsghdr.size || length > (end - at) * 4) break;
    const isWanted = words[at + LEVEL] === level && words[at + TYPE] === type;
    if (isWanted && length >= cmsghdr.size + size) return at + HEADER_WORDS;
    at += CMSG_ALIGN(length) / 4;
  }
  return -1;
}

// Offsets of the fields in 32-bit words.
const HEADER_WORDS = cmsghdr.size / 4;
const LEN = cmsghdr.fields.cmsg_len[0] / 4;
const LEVEL = cmsghdr.fields.cmsg_level[0] / 4;
const TYPE = cmsghdr.fields.cmsg_type[0] / 4;

/** Whether a control message carries descriptors. */
export function isRights({ level, type }: ControlMessage): boolean {
  return level === SOL_SOCKET && type === SCM_RIGHTS;
}

/** The `SCM_RIGHTS` message that carries `descriptors`. Source: unix(7). */
export function rightsMessage(descriptors: readonly number[]): ControlMessage {
  const data = new Uint8Array(Int32Array.from(descriptors).buffer);
  return { level: SOL_SOCKET, type: SCM_RIGHTS, data };
}

/**
 * The descriptors in an `SCM_RIGHTS` message: whole ints only; the rest of a truncated message
 * holds none.
 */
export function rightsIn({ data }: ControlMessage): number[] {
  const whole = data.slice(0, data.length - data.length % FD_SIZE);
  return [...new Int32Array(whole.buffer)];
}
