/**
 * Numbered frames of several flows and kinds, to deal out in a fanout group.
 *
 * @module
 */

/** The source address of all frames. */
export const OURS = [0x02, 0, 0, 0, 0, 0xfa];
const GROUP = [0x01, 0x00, 0x5e, 0x7f, 0x46, 0x44];

/** What tells flows apart: the lowest byte of both addresses, and the ports. */
export interface Flow {
  readonly from: number;
  readonly to: number;
  readonly port: number;
}

function frame(type: number, network: number, number: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(14 + network + 4);
  bytes.set([...GROUP, ...OURS]);
  const view = new DataView(bytes.buffer);
  view.setUint16(12, type);
  view.setUint32(bytes.length - 4, number); // the frame's number is at its end
  return bytes;
}

/** UDP over IPv4, with or without options. */
export function ipv4({ from, to, port }: Flow, number: number, options = 0) {
  const bytes = frame(0x0800, 20 + options + 8, number);
  const view = new DataView(bytes.buffer);
  bytes[14] = 0x45 + options / 4;
  bytes[14 + 9] = 17;
  bytes.set([10, 0, 0, from, 239, 1, 2, to], 14 + 12);
  bytes.fill(1, 14 + 20, 14 + 20 + options); // no operation: RFC 791
  view.setUint16(14 + 20 + options, port);
  view.setUint16(14 + 20 + options + 2, 5004);
  return bytes;
}

/** UDP over IPv6. */
export function ipv6({ from, to, port }: Flow, number: number) {
  const bytes = frame(0x86dd, 40 + 8, number);
  const view = new DataView(bytes.buffer);
  bytes.set([0x60, 0, 0, 0, 0, 12, 17, 1], 14);
  bytes.set([0xfe, 0x80], 14 + 8);
  bytes[14 + 23] = from;
  bytes.set([0xff, 0x05], 14 + 24);
  bytes[14 + 39] = to;
  view.setUint16(14 + 40, port);
  view.setUint16(14 + 42, 5004);
  return bytes;
}

/** ARP, or any other type that is not IP. */
export function other(type: number, number: number) {
  return frame(type, 28, number);
}

/** A frame that ends before the fields that identify its flow. */
export function short(type: number, length: number): Uint8Array<ArrayBuffer> {
  return frame(type, 60, 0).slice(0, 14 + length);
}

/** The number of a frame. */
export function numberOf(frame: Uint8Array): number {
  return new DataView(frame.buffer, frame.byteOffset).getUint32(frame.length - 4);
}
