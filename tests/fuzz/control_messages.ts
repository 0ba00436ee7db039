/**
 * The parser of control messages: compared with another one, over bytes that end at a guarded page,
 * and with the kernel, which sends the same bytes.
 *
 * @module
 */

import fc from "fast-check";
import {
  close,
  type ControlMessage,
  DescriptorError,
  dup,
  encodeControlMessages,
  Errno,
  isRights,
  MSG_CMSG_CLOEXEC,
  MSG_CTRUNC,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  parseControlMessages,
  receiveDescriptors,
  recvmsg,
  rightsIn,
  SCM_RIGHTS,
  sendmsg,
  SOL_SOCKET,
  SystemError,
} from "../../ffi/mod.ts";
import { controlChannelPair } from "../../lib/harness/channel.ts";
import { GuardedMemory } from "../support/guarded_memory.ts";
import { nearly } from "./bytes.ts";
import { must, target } from "./target.ts";

const memory = new GuardedMemory(1 << 16);

const message: fc.Arbitrary<ControlMessage> = fc.record({
  level: fc.constantFrom(SOL_SOCKET, SOL_SOCKET, SOL_SOCKET, 0, -1),
  type: fc.constantFrom(SCM_RIGHTS, SCM_RIGHTS, SCM_RIGHTS, 2, 29),
  data: fc.oneof(
    // Descriptors that are open, and some that are not.
    fc.array(fc.constantFrom(0, 0, 1, 2, -1, 9999), { maxLength: 6 })
      .map((fds) => new Uint8Array(Int32Array.from(fds).buffer)),
    fc.uint8Array({ maxLength: 16 }),
  ),
});
const control = fc.array(message, { maxLength: 4 }).map(encodeControlMessages);
const cases = nearly(control);

type Parse = (control: Uint8Array<ArrayBuffer>) => ControlMessage[];

/** Parses as C's macros do, number by number: cmsg(3). */
function reference(bytes: Uint8Array): ControlMessage[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found: ControlMessage[] = [];
  let at = 0n;
  const end = BigInt(bytes.length);
  while (at + 16n <= end) {
    const start = Number(at);
    const length = view.getBigUint64(start, true);
    if (length < 16n || at + length > end) return found;
    const data = bytes.slice(start + 16, start + Number(length));
    found.push({
      level: view.getInt32(start + 8, true),
      type: view.getInt32(start + 12, true),
      data,
    });
    at += (length + 7n) / 8n * 8n;
  }
  return found;
}

const inWords = (messages: readonly ControlMessage[]) =>
  messages.map(({ level, type, data }) => `${level} ${type} ${data.toHex()}`).join("; ");

/** Makes a parser with a mistake. */
function careless({ staysInside = true, aligns = true, leavesPadding = true }): Parse {
  return (bytes) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const found: ControlMessage[] = [];
    for (let at = 0; at + 16 <= bytes.length;) {
      const length = Number(view.getBigUint64(at, true));
      if (length < 16 || staysInside && length > bytes.length - at) break;
      const [level, type] = [view.getInt32(at + 8, true), view.getInt32(at + 12, true)];
      const whole = Math.ceil(length / 8) * 8;
      const end = at + (leavesPadding ? length : whole);
      found.push({ level, type, data: bytes.subarray(at + 16, end) });
      at += aligns ? whole : length;
    }
    return found;
  };
}

/** Fuzzes parseControlMessages() with any bytes. */
export const controlMessages = target<Uint8Array, Parse>({
  claim: "parseControlMessages() finds what cmsg(3) finds, and reads nothing beyond",
  cases,
  subject: parseControlMessages,
  wrong: {
    "believes a length": careless({ staysInside: false }),
    "reads the padding as data": careless({ leavesPadding: false }),
    "does not align": careless({ aligns: false }),
  },
  check(parse, bytes) {
    const placed = memory.place(bytes);
    const found = parse(placed);
    const expected = reference(bytes);
    must(inWords(found) === inWords(expected), `${inWords(found)}, and not ${inWords(expected)}`);
    for (const each of found) {
      const { byteOffset, byteLength } = each.data;
      const inside = byteOffset >= placed.byteOffset &&
        byteOffset + byteLength <= placed.byteOffset + placed.byteLength;
      must(inside, "the data are in the buffer");
      must(rightsIn(each).length === Math.floor(byteLength / 4), "whole ints");
    }
  },
});

const [ours, theirs] = controlChannelPair();
const room = memory.last(4096);

/** The lowest free descriptor: one that stays open takes it. */
function lowestFree(): number {
  const fd = dup(0);
  close(fd);
  return fd;
}

/** The errnos with which sendmsg(2) may refuse bytes that are not valid control messages. */
const REFUSALS: readonly number[] = [
  Errno.EINVAL,
  Errno.EBADF,
  Errno.EPERM,
  Errno.ESRCH, // credentials of a process that does not exist
];

/**
 * Sends bytes as control messages. Returns the number of descriptors in flight, or `undefined` if
 * the kernel refuses.
 */
function deliver(bytes: Uint8Array<ArrayBuffer>): number | undefined {
  try {
    sendmsg(ours.fd, Uint8Array.of(1), memory.place(bytes), MSG_DONTWAIT | MSG_NOSIGNAL);
  } catch (error) {
    must(error instanceof SystemError, `${error}`);
    must(REFUSALS.includes(error.errno), error.message);
    return undefined;
  }
  return reference(bytes).filter(isRights).flatMap(rightsIn).length;
}

/** Receives through the kernel, and parses what it wrote. */
type Receive = (room: Uint8Array<ArrayBuffer>) => number[];

const receive: Receive = (room) => {
  const { controlMessages, flags } = recvmsg(
    theirs.fd,
    new Uint8Array(1),
    room,
    MSG_DONTWAIT | MSG_CMSG_CLOEXEC,
  );
  must((flags & MSG_CTRUNC) === 0, "there is room for all");
  arrived = controlMessages.filter(isRights).flatMap(rightsIn);
  return [...arrived];
};

/**
 * The descriptors of the last case. A mistake may leave them open, and the next case must start
 * clean.
 */
let arrived: number[] = [];

function closeArrived(): void {
  for (const fd of arrived) {
    try {
      close(fd);
    } catch {
      // It was closed, as it should be.
    }
  }
  arrived = [];
}

/** Fuzzes the kernel's own view of control messages. */
export const kernelMessages = target<Uint8Array<ArrayBuffer>, Receive>({
  claim: "The kernel and the parser agree about descriptors: all arrive, and none stays open",
  cases: cases as fc.Arbitrary<Uint8Array<ArrayBuffer>>,
  subject: receive,
  wrong: {
    "loses the last one": (room) => receive(room).slice(0, -1),
    "adds one": (room) => [...receive(room), 0],
  },
  check(receive, bytes) {
    const free = lowestFree();
    const sent = deliver(bytes);
    if (sent === undefined) return;
    const received = receive(room);
    closeArrived();
    must(received.length === sent, `${received.length} came, ${sent} were sent`);
    must(lowestFree() === free, "a descriptor stays open");
  },
});

/** A message, and the number of descriptors that the receiver expects. */
interface Expected {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly expected: number;
}

type StrictReceive = (expected: number) => number[];

const strictly: StrictReceive = (expected) =>
  receiveDescriptors(theirs.fd, { expected, flags: MSG_DONTWAIT }).descriptors;

/** Fuzzes receiveDescriptors() with whatever the kernel delivers. */
export const strictReceive = target<Expected, StrictReceive>({
  claim:
    "receiveDescriptors() returns the expected descriptors, or throws DescriptorError and leaves none open",
  cases: fc.record({
    bytes: cases as fc.Arbitrary<Uint8Array<ArrayBuffer>>,
    expected: fc.nat(4),
  }),
  subject: strictly,
  wrong: {
    "accepts anything": () => receive(room),
    "leaves refused descriptors open": (expected) => {
      const descriptors = receive(room);
      if (descriptors.length === expected) return descriptors;
      throw new DescriptorError("others were agreed", expected, descriptors.length);
    },
  },
  check(receive, { bytes, expected }) {
    const free = lowestFree();
    const sent = deliver(bytes);
    if (sent === undefined) return;
    try {
      const descriptors = receive(expected);
      descriptors.forEach(close);
      must(descriptors.length === expected, `${descriptors.length} came, ${expected} agreed`);
    } catch (error) {
      must(error instanceof DescriptorError, `${error}`);
    }
    const isClean = lowestFree() === free;
    closeArrived();
    must(isClean, "a descriptor stays open");
  },
});
