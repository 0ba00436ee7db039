/**
 * The parsers of frames: the relay's reader, compared with a simple one after the RFCs, and the
 * functions that describe a frame in words.
 *
 * @module
 */

import fc from "fast-check";
import { invalidFrames } from "../../lib/experiments/relay/invalid_frames.ts";
import { datagramFrame, internetChecksum } from "../../lib/packets/build.ts";
import { DatagramReader, DROP_REASONS } from "../../lib/experiments/relay/datagrams.ts";
import { summarize } from "../../lib/packets/frames.ts";
import { holdsStimulus, secretOf, stimulusFrame } from "../../lib/packets/stimulus.ts";
import { decodeFrame, hexDump } from "../../lib/report/html/packets.ts";
import { steadySequence } from "../../lib/experiments/supervisor/stream.ts";
import { GuardedMemory } from "../support/guarded_memory.ts";
import { nearly } from "./bytes.ts";
import { must, target } from "./target.ts";
import { SENDER } from "../support/link_ends.ts";

const TO = { address: "239.255.70.68", port: 5004 };
const NONCE = Uint8Array.from({ length: 16 }, (_, i) => 200 + i);

const memory = new GuardedMemory(1 << 18);

const datagramOf = (minLength: number) =>
  fc.record({
    payload: fc.uint8Array({ minLength, maxLength: 40 }),
    options: fc.constantFrom([], [1, 1, 1, 0], [0x94, 4, 0, 0]),
    isSummed: fc.boolean(),
  }).map((how) => datagramFrame({ sender: SENDER, to: TO, ...how }));
const datagram = datagramOf(0);

const invalid = fc.tuple(datagramOf(20), fc.constantFrom(...invalidFrames("ethernet")))
  .map(([frame, { alter }]) => alter(frame.slice(), TO));

/** The same frames with valid header checksums, so that the other changes are reached. */
const sealed = nearly(datagram).map((frame) => {
  const size = frame.length < 15 ? 0 : (frame[14] & 15) * 4;
  if (size < 20 || frame.length < 14 + size) return frame;
  const copy = frame.slice();
  copy.set([0, 0], 24);
  const sum = internetChecksum(copy.subarray(14, 14 + size));
  copy.set([sum >> 8, sum & 0xff], 24);
  return copy;
});

/** A frame, and whether its checksum is still to be computed. */
interface Frame {
  readonly frame: Uint8Array;
  readonly isChecksumPending: boolean;
}

const cases: fc.Arbitrary<Frame> = fc.record({
  frame: fc.oneof(nearly(datagram), sealed, invalid),
  isChecksumPending: fc.boolean(),
});

/** Returns the payload of a datagram to relay, or `undefined`. */
type Take = (frame: Uint8Array, isChecksumPending: boolean) => Uint8Array | undefined;

const groupAddress = [239, 255, 70, 68], groupHardware = [1, 0, 0x5e, 0x7f, 70, 68];
const same = (bytes: Uint8Array, expected: readonly number[]) =>
  expected.every((byte, i) => bytes[i] === byte);

/** Follows RFC 791 and RFC 768, step by step. */
const reference: Take = (frame, isChecksumPending) => {
  if (frame.length < 34 || frame[12] !== 8 || frame[13] !== 0) return undefined;
  const packet = frame.slice(14);
  const headerSize = (packet[0] & 15) * 4;
  if (packet[0] >> 4 !== 4 || headerSize < 20 || packet.length < headerSize) return undefined;
  if (internetChecksum(packet.slice(0, headerSize)) !== 0) return undefined;
  const total = packet[2] * 256 + packet[3];
  if (total < headerSize || total > packet.length) return undefined;
  if (!same(packet.slice(16, 20), groupAddress) || !same(frame, groupHardware)) return undefined;
  const fragment = (packet[6] * 256 + packet[7]) & 0x3fff;
  if (packet[9] !== 17 || fragment !== 0) return undefined;
  const udp = packet.slice(headerSize, total);
  if (udp.length < 8) return undefined;
  const size = udp[4] * 256 + udp[5];
  if (size < 8 || size > udp.length || udp[2] * 256 + udp[3] !== TO.port) return undefined;
  const whole = udp.slice(0, size);
  const hasChecksum = whole[6] !== 0 || whole[7] !== 0;
  if (hasChecksum && !isChecksumPending) {
    const pseudo = [...packet.slice(12, 20), 0, 17, size >> 8, size & 0xff];
    if (internetChecksum(Uint8Array.from([...pseudo, ...whole])) !== 0) return undefined;
  }
  return whole.slice(8);
};

const reader = new DatagramReader(TO, "ethernet");

const take: Take = (frame, isChecksumPending) => {
  const placed = memory.place(frame);
  const { byteOffset } = placed;
  const all = memory.whole;
  const reason = reader.read(all, byteOffset, frame.length, isChecksumPending);
  if (reason !== undefined) {
    must(Object.hasOwn(DROP_REASONS, reason), `no reason: ${reason}`);
    return undefined;
  }
  const { start, size } = reader;
  const inside = start >= byteOffset && size >= 0 && start + size <= byteOffset + frame.length;
  must(inside, `payload at ${start - byteOffset}, ${size} bytes of ${frame.length}`);
  return all.slice(start, start + size);
};

/** Fuzzes DatagramReader with any frame. */
export const datagrams = target<Frame, Take>({
  claim:
    "DatagramReader accepts exactly the datagrams that the RFCs allow, and reads nothing beyond",
  cases,
  subject: take,
  wrong: {
    "never checks the checksum": (frame) => take(frame, true),
    "reads the padding as payload": (frame, isPending) => {
      const payload = take(frame, isPending);
      return payload && frame.slice(frame.length - payload.length);
    },
    "forgets that there are options": (frame, isPending) => {
      const payload = take(frame, isPending);
      return frame[14] === 0x45 ? payload : undefined;
    },
  },
  check(take, { frame, isChecksumPending }) {
    const payload = take(frame, isChecksumPending)?.toHex();
    const expected = reference(frame, isChecksumPending)?.toHex();
    must(payload === expected, `${payload}, and not ${expected}`);
  },
});

/** Describes a frame. */
type Describe = (frame: Uint8Array<ArrayBuffer>) => string;

const describe: Describe = (frame) =>
  [
    summarize(frame, "ethernet"),
    ...decodeFrame(frame, "ethernet").map((field) => field.join(" ")),
    hexDump(frame),
    secretOf(frame, "ethernet") ?? "no secret",
    holdsStimulus(frame, "ethernet"),
    steadySequence(frame, 0, frame.length, NONCE),
  ].join("\n");

const stimulus = fc.nat(1000).map((sequence) => stimulusFrame(sequence, SENDER, NONCE));

/** Fuzzes the descriptions with any frame. */
export const frames = target<Uint8Array, Describe>({
  claim:
    "A frame is described without an exception, in printable words, and nothing is read beyond it",
  cases: fc.oneof(nearly(stimulus), nearly(datagram)),
  subject: describe,
  wrong: {
    "reads a field that is not there": (frame) => `${describe(frame)} ${frame[14].toString(16)}`,
    "prints bytes unescaped": (frame) => describe(frame) + String.fromCharCode(...frame),
  },
  check(describe, frame) {
    const words = describe(memory.place(frame));
    must(/^[\n -~→]*$/.test(words), `not printable: ${JSON.stringify(words)}`);
    must(!/undefined|NaN/.test(words), words);
  },
});
