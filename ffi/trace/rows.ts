/**
 * Bytes as rows of text, for a trace: structs field by field, and other bytes as a hex dump.
 *
 * @module
 */

import { namedField } from "./names.ts";
import { type Fields, sizeOf, type Struct } from "../abi/struct.ts";

/** A struct of any fields, as `ffi/abi/layouts.ts` declares them. */
export type AnyStruct = Pick<Struct<Fields>, "name" | "size" | "fields"> & {
  over(bytes: Uint8Array<ArrayBuffer>, offset?: number): unknown;
};

/** The bytes in a row of a dump. */
const ROW = 16;

/** The most bytes that a dump shows. */
export const DUMP_LIMIT = 8 * ROW;

const hex = (bytes: Uint8Array) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0"));

/** A row: the offset, the bytes, and their meaning in words. */
export function row(offset: number, bytes: Uint8Array, words: string): string {
  return `${String(offset).padStart(5)}  ${hex(bytes).join(" ").padEnd(3 * 8)}  ${words}`.trimEnd();
}

/** A row that counts items left out, such as `… 12 bytes more`. */
export function moreRow(count: number, items: string): string[] {
  return count > 0 ? [`       … ${count} ${items} more`] : [];
}

/** A hex dump with the printable characters beside it, up to {@linkcode DUMP_LIMIT}. */
export function dump(bytes: Uint8Array): string[] {
  const shown = bytes.subarray(0, DUMP_LIMIT);
  const rows = Array.from({ length: Math.ceil(shown.length / ROW) }, (_, i) => {
    const part = shown.subarray(i * ROW, (i + 1) * ROW);
    const text = [...part].map((byte) => byte > 31 && byte < 127 ? String.fromCharCode(byte) : ".");
    const words = hex(part).join(" ").padEnd(3 * ROW);
    return `${String(i * ROW).padStart(5)}  ${words} ${text.join("")}`;
  });
  return [...rows, ...moreRow(bytes.length - shown.length, "bytes")];
}

function fieldValue(struct: string, field: string, raw: unknown, type: string): string {
  if (raw instanceof Uint8Array) return "";
  const number = raw as number | bigint;
  if (type === "pointer") return number === 0n ? "NULL" : `0x${number.toString(16)}`;
  return namedField(struct, field, number);
}

/**
 * A struct, a row for each field. Bytes that no declared field covers (padding, or a field that
 * this project does not use) have a row without a name.
 */
export function structRows(struct: AnyStruct, bytes: Uint8Array<ArrayBuffer>): string[] {
  const whole = new Uint8Array(Math.max(struct.size, bytes.length));
  whole.set(bytes);
  const view = struct.over(whole) as Record<string, unknown>;
  const lines: string[] = [];
  let end = 0;
  const fields = Object.entries(struct.fields).sort(([, [one]], [, [other]]) => one - other);
  for (const [field, [offset, type]] of fields) {
    if (offset > end) lines.push(row(end, whole.subarray(end, offset), ""));
    end = offset + sizeOf(type);
    const shown = `${field} ${fieldValue(struct.name, field, view[field], type)}`.trimEnd();
    lines.push(row(offset, whole.subarray(offset, end), shown));
  }
  if (end < struct.size) lines.push(row(end, whole.subarray(end, struct.size), ""));
  return lines;
}

/** Rows below a title, indented. */
export function titled(title: string, rows: readonly string[]): string[] {
  return [`${title}:`, ...rows.map((line) => `  ${line}`)];
}

/** A struct below its title, which names its type and size. */
export function titledStruct(
  title: string,
  struct: AnyStruct,
  bytes: Uint8Array<ArrayBuffer>,
): string[] {
  const { name, size } = struct;
  return titled(`${title}: struct ${name}, ${size} bytes`, structRows(struct, bytes));
}
