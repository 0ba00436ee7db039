/**
 * What tshark reads in a capture file.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { runProgram } from "./programs.ts";

/** What a test with tshark needs. */
export const TSHARK = { programs: { tshark: "tshark" } } as const;

/** A packet as tshark shows it. */
export interface ShownPacket {
  /** Seconds since 1970, with nine decimals. */
  readonly time: string;
  readonly interface: string;
  readonly comment: string;
  /** The protocols that it finds, such as `raw:ip:udp:data`. */
  readonly protocols: string;
  readonly length: number;
  readonly captured: number;
  /** Its captured bytes, in hexadecimal digits. */
  readonly hex: string;
}

/** A notice that tshark always prints to root. */
const RUNNING_AS_ROOT = /^Running as user "root".*\n/;

async function tshark(path: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runProgram("tshark", ["-n", "-r", path, ...args]);
  assertEquals([code, stderr.replace(RUNNING_AS_ROOT, "")], [0, ""], "tshark has no complaint");
  return stdout;
}

/**
 * Reads fields of each packet in a capture file, such as `vlan.id`. A field that occurs several
 * times has commas in its text.
 */
export async function readFields(path: string, ...fields: string[]): Promise<string[][]> {
  const wanted = fields.flatMap((field) => ["-e", field]);
  const table = await tshark(path, "-T", "fields", "-E", "separator=/t", ...wanted);
  return table.split("\n").slice(0, -1).map((row) => row.split("\t"));
}

/** Reads a capture file by tshark, which must not complain. */
export async function readCapture(path: string): Promise<ShownPacket[]> {
  const fields = ["frame.time_epoch", "frame.interface_name", "frame.comment", "frame.protocols"];
  const rows = await readFields(path, ...fields, "frame.len", "frame.cap_len");
  const bytes = JSON.parse(await tshark(path, "-T", "jsonraw"));
  return rows.map(([time, name, comment, protocols, length, captured], i) => {
    const [hex] = bytes[i]._source.layers.frame_raw;
    return {
      time,
      interface: name,
      comment,
      protocols,
      length: Number(length),
      captured: Number(captured),
      hex,
    };
  });
}
