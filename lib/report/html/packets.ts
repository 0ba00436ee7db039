/**
 * The frames that were received, decoded as far as the kept bytes reach.
 *
 * @module
 */

import type { LinkDescription, Packet } from "../../evidence/evidence.ts";
import { html, lines, type Markup, NOTHING } from "./markup.ts";

/** The most packets that are shown. The JSON has all. */
const MOST_PACKETS = 100;

/** A field of a frame, with its value as text. */
export type Field = readonly [name: string, value: string];

const hex = (bytes: Uint8Array, separator = "") =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(separator);

/** The form of a frame. */
type LinkLayer = LinkDescription["layer"];

/**
 * Decodes Ethernet with its VLAN tags, IPv4 or IPv6, and UDP. Reads nothing beyond the end of
 * `frame`.
 */
export function decodeFrame(frame: Uint8Array, layer: LinkLayer): Field[] {
  return layer === "ip" ? decodePacket(frame) : decodeEthernet(frame);
}

function decodeEthernet(frame: Uint8Array): Field[] {
  if (frame.length < 14) return [];
  const word = (offset: number) => frame[offset] << 8 | frame[offset + 1];
  const tags: Field[] = [];
  let start = 14;
  for (; TAGS.includes(word(start - 2)) && frame.length >= start + 4; start += 4) {
    const tag = word(start);
    tags.push(["VLAN", `${tag & 0x0fff}, priority ${tag >> 13} (${inHex(word(start - 2))})`]);
  }
  return [
    ["to", hex(frame.subarray(0, 6), ":")],
    ["from", hex(frame.subarray(6, 12), ":")],
    ...tags,
    ["EtherType", inHex(word(start - 2))],
    ...IP_TYPES.includes(word(start - 2)) ? decodePacket(frame.subarray(start)) : [],
  ];
}

/** The EtherTypes of VLAN tags, and of IP. */
const TAGS = [0x8100, 0x88a8], IP_TYPES = [0x0800, 0x86dd];

const inHex = (etherType: number) => `0x${etherType.toString(16).padStart(4, "0")}`;

function decodePacket(packet: Uint8Array): Field[] {
  const fields: Field[] = [];
  if (packet.length >= 20 && packet[0] >> 4 === 4) {
    const headerLength = (packet[0] & 15) * 4;
    fields.push(
      ["IPv4", `${packet.subarray(12, 16).join(".")} → ${packet.subarray(16, 20).join(".")}`],
      ["protocol", String(packet[9])],
      ["TTL", String(packet[8])],
      ["total length", String(packet[2] << 8 | packet[3])],
    );
    return packet[9] === 17 ? [...fields, ...udp(packet.subarray(headerLength))] : fields;
  }
  if (packet.length >= 40 && packet[0] >> 4 === 6) {
    fields.push(
      ["IPv6", `${inGroups(packet.subarray(8, 24))} → ${inGroups(packet.subarray(24, 40))}`],
      ["next header", String(packet[6])],
      ["hop limit", String(packet[7])],
      ["payload length", String(packet[4] << 8 | packet[5])],
    );
    return packet[6] === 17 ? [...fields, ...udp(packet.subarray(40))] : fields;
  }
  return fields;
}

function udp(datagram: Uint8Array): Field[] {
  if (datagram.length < 8) return [];
  const port = (offset: number) => datagram[offset] << 8 | datagram[offset + 1];
  return [["UDP", `port ${port(0)} → ${port(2)}, length ${port(4)}`]];
}

/** Formats an IPv6 address as in RFC 5952, but without abbreviating runs of zeros. */
function inGroups(address: Uint8Array): string {
  return Array.from(
    { length: 8 },
    (_, i) => (address[2 * i] << 8 | address[2 * i + 1]).toString(16),
  ).join(":");
}

/** Formats bytes in rows of sixteen, with their text beside them. */
export function hexDump(bytes: Uint8Array): string {
  const rows: string[] = [];
  for (let offset = 0; offset < bytes.length; offset += 16) {
    const row = bytes.subarray(offset, offset + 16);
    const text = Array.from(
      row,
      (byte) => byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".",
    ).join("");
    rows.push(`${offset.toString(16).padStart(4, "0")}  ${hex(row, " ").padEnd(47)}  ${text}`);
  }
  return rows.join("\n");
}

/** Formats a time stamp as UTC time of day with nanoseconds. Returns any other text unchanged. */
export function inClockTime(timestamp: string): string {
  if (!/^\d{10,19}$/.test(timestamp)) return timestamp;
  const nanoseconds = BigInt(timestamp);
  const date = new Date(Number(nanoseconds / 1_000_000n)).toISOString();
  return `${date.slice(11, 19)}.${String(nanoseconds % 1_000_000_000n).padStart(9, "0")}`;
}

/** Renders the table of packets. */
export function renderPackets(packets: readonly Packet[], layer: LinkLayer): Markup {
  if (packets.length === 0) return NOTHING;
  const shown = packets.slice(0, MOST_PACKETS);
  const rest = packets.length - shown.length;
  return html`
    <h3>Packets</h3>
    <div class="scroll" tabindex="0" role="group" aria-label="Packets">
      <table class="packets">
        <caption>The packets that the child forwarded, in order${rest > 0
          ? `: the first ${shown.length} of ${packets.length}; --json and --pcap have all of them`
          : ""}. Times are UTC.</caption>
        <thead>
          <tr>
            <th scope="col" class="number">No.</th>
            <th scope="col">Received</th>
            <th scope="col" class="number">Bytes</th>
            <th scope="col">Phase</th>
            <th scope="col">Origin</th>
            <th scope="col">Contents</th>
          </tr>
        </thead>
        <tbody>
    ${shown.map((packet, i) => renderPacket(packet, i, layer))}</tbody>
      </table>
    </div>
  `;
}

function renderPacket(packet: Packet, index: number, layer: LinkLayer): Markup {
  const { bytes, after_drop, ours, summary, timestamp_ns, stamped_by, head } = packet;
  const frame = Uint8Array.fromBase64(head);
  const fields = decodeFrame(frame, layer).map(([name, value]) =>
    html`
      <dt>${name}</dt>
      <dd class="mono">${value}</dd>
    `
  );
  const kept = frame.length < bytes
    ? html`<p class="quiet">The first ${frame.length} bytes.</p>`
    : NOTHING;
  return html`
    <tr>
      <th scope="row" class="number">${index + 1}</th>
      <td class="mono">${inClockTime(timestamp_ns)}${stamped_by === "kernel"
        ? ""
        : " (child’s clock)"}</td>
      <td class="number">${bytes}</td>
      <td>${after_drop ? "after the drop" : "not known"}</td>
      <td>${ours ? "this run’s" : "ambient"}</td>
      <td>${summary}
    <details><summary>Bytes</summary><dl>${fields}</dl><pre>${lines(
      hexDump(frame),
    )}</pre>${kept}</details></td>
    </tr>
  `;
}
