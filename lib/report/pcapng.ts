/**
 * The packets as a capture file, for tshark and the like: pcapng, draft-ietf-opsawg-pcapng.
 *
 * The file has a section header, one interface, and a block for each packet. Every block begins and
 * ends with its length. An option is a code, a length and a value. Blocks and options are padded to
 * 32 bits. All numbers are little-endian, as the section header declares.
 *
 * @module
 */

import type { Evidence, ExperimentEvidence, Packet } from "../evidence/evidence.ts";
import { escapeText } from "../evidence/escape.ts";

const SECTION_HEADER = 0x0a0d0d0a, INTERFACE_DESCRIPTION = 1, ENHANCED_PACKET = 6;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const UNKNOWN_LENGTH = 0xffffffffffffffffn;
/** The link types of a capture. Source: www.tcpdump.org/linktypes.html. */
const LINKTYPES = { ethernet: 1, ip: 101 } as const;
const NANOSECONDS = 9; // if_tsresol: 10^-9 seconds

const OPT_ENDOFOPT = 0, OPT_COMMENT = 1;
const SHB_HARDWARE = 2, SHB_OS = 3, SHB_USERAPPL = 4;
const IF_NAME = 2, IF_TSRESOL = 9;

/** The longest value of an option whose padded length still fits into 16 bits. */
const OPTION_LIMIT = 0xfffc;

const MOST_U32 = 0xffffffff, MOST_U64 = 0xffffffffffffffffn;

const u16 = (value: number) => new Uint8Array([value, value >> 8]);
const u32 = (value: number) => new Uint8Array([value, value >> 8, value >> 16, value >> 24]);
const u64 = (value: bigint) =>
  joined([u32(Number(value & 0xffffffffn)), u32(Number(value >> 32n))]);

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

const encoder = new TextEncoder();

const padding = (length: number) => new Uint8Array(-length & 3);

function block(type: number, ...body: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const length = u32(12 + body.reduce((size, part) => size + part.length, 0));
  return joined([u32(type), length, ...body, length]);
}

function option(code: number, value: Uint8Array): Uint8Array {
  return joined([u16(code), u16(value.length), value, padding(value.length)]);
}

/** Makes an option of a text, on one line and harmless on a terminal. */
function textOption(code: number, text: string): Uint8Array {
  const bytes = encoder.encode(escapeText(text));
  if (bytes.length <= OPTION_LIMIT) return option(code, bytes);
  // encodeInto() writes whole characters only.
  const { written } = encoder.encodeInto(escapeText(text), bytes.subarray(0, OPTION_LIMIT));
  return option(code, bytes.subarray(0, written));
}

const END_OF_OPTIONS = option(OPT_ENDOFOPT, new Uint8Array(0));

/**
 * Returns a pcapng file with the packets that the child received in all experiments. Without
 * packets it is a valid, empty capture.
 *
 * Each packet has a comment: its experiment, its number there, whether it came after the drop,
 * whether it is this run's stimulus, and its summary. Of a long frame only the beginning was kept;
 * its block has the original length.
 */
export function renderPcapng(evidence: Evidence): Uint8Array<ArrayBuffer> {
  const { environment, experiments, version } = evidence;
  const section = block(
    SECTION_HEADER,
    u32(BYTE_ORDER_MAGIC),
    u16(1), // version 1.0
    u16(0),
    u64(UNKNOWN_LENGTH),
    textOption(SHB_HARDWARE, environment.arch),
    textOption(SHB_OS, `Linux ${environment.kernel}`),
    textOption(SHB_USERAPPL, `fdpass ${version} (Deno ${environment.deno})`),
    END_OF_OPTIONS,
  );
  const description = block(
    INTERFACE_DESCRIPTION,
    u16(LINKTYPES[environment.link?.layer ?? "ethernet"]),
    u16(0),
    u32(0), // snaplen: no limit
    textOption(IF_NAME, environment.link?.name ?? environment.interface ?? "unknown"),
    option(IF_TSRESOL, Uint8Array.of(NANOSECONDS)),
    END_OF_OPTIONS,
  );
  const packets = experiments.flatMap((experiment) =>
    experiment.packets.map((packet, i) => packetBlock(packet, describe(experiment, i)))
  );
  return joined([section, description, ...packets]);
}

function packetBlock({ bytes, head, timestamp_ns }: Packet, comment: string): Uint8Array {
  const length = Math.min(bytes, MOST_U32);
  // Both come from the child. A reader refuses a block with more bytes than the frame had.
  const captured = Uint8Array.fromBase64(head).subarray(0, length);
  const stamp = BigInt(timestamp_ns);
  const time = stamp > MOST_U64 ? MOST_U64 : stamp;
  return block(
    ENHANCED_PACKET,
    u32(0), // the only interface
    u32(Number(time >> 32n)), // the upper half first, in either byte order
    u32(Number(time & 0xffffffffn)),
    u32(captured.length),
    u32(length),
    captured,
    padding(captured.length),
    textOption(OPT_COMMENT, comment),
    END_OF_OPTIONS,
  );
}

/** Returns the comment of a packet. */
function describe({ name, packets }: ExperimentEvidence, i: number): string {
  const { after_drop, ours, stamped_by, summary } = packets[i];
  const when = after_drop ? "received after the drop" : "perhaps received before the drop";
  const whose = ours ? "this run's stimulus" : "not this run's stimulus";
  const clock = stamped_by === "kernel" ? "" : ", time stamp of the child's clock";
  return `${name}: packet ${i + 1} of ${packets.length}, ${when}, ${whose}${clock}: ${summary}`;
}
