/**
 * C structs: declared once as a table of offsets and types, and then accessed by field name.
 *
 * Offsets and padding are not computed: they are written in the table, which `tests/abi` compares
 * with a C compiler.
 *
 * @module
 */

import { libc } from "./libc.ts";

/**
 * The type of a field: an integer in the byte order of the machine, one in network byte order
 * (`be16`), an address, or bytes.
 */
export type FieldType =
  | "u8"
  | "u16"
  | "be16"
  | "u32"
  | "i32"
  | "u64"
  | "i64"
  | "usize"
  | "pointer"
  | `u8[${number}]`;

/** The fields of a struct: name → offset in bytes, type. */
export type Fields = Record<string, readonly [offset: number, type: FieldType]>;

/** The TypeScript type of a field. */
export type Value<T extends FieldType> = T extends `u8[${number}]` ? Uint8Array
  : T extends "u64" | "i64" | "pointer" ? bigint
  : number;

/**
 * A struct in memory: the fields by name, over {@linkcode bytes}. Assigning to a field writes the
 * bytes.
 */
export type StructView<F extends Fields> =
  & { readonly bytes: Uint8Array<ArrayBuffer> }
  & { -readonly [K in keyof F]: Value<F[K][1]> };

/** A declared struct. */
export interface Struct<F extends Fields> {
  /** As C names it, without the word `struct`. */
  readonly name: string;
  /** `sizeof`, in bytes. */
  readonly size: number;
  /** The declared fields. */
  readonly fields: F;
  /** Allocates a struct of zeros. */
  alloc(): StructView<F>;
  /**
   * Views a struct in `bytes` at `offset`.
   *
   * @throws {RangeError} If the struct does not fit there.
   */
  over(bytes: Uint8Array<ArrayBuffer>, offset?: number): StructView<F>;
}

interface Memory {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView;
}

const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** The reader and the writer of a field. */
type Accessors = PropertyDescriptor & ThisType<Memory>;

const accessorsOfU8 = (offset: number): Accessors => ({
  get() {
    return this.view.getUint8(offset);
  },
  set(value: number) {
    this.view.setUint8(offset, value);
  },
});

const accessorsOfU16 = (offset: number, littleEndian: boolean): Accessors => ({
  get() {
    return this.view.getUint16(offset, littleEndian);
  },
  set(value: number) {
    this.view.setUint16(offset, value, littleEndian);
  },
});

const accessorsOfU32 = (offset: number): Accessors => ({
  get() {
    return this.view.getUint32(offset, LITTLE_ENDIAN);
  },
  set(value: number) {
    this.view.setUint32(offset, value, LITTLE_ENDIAN);
  },
});

const accessorsOfI32 = (offset: number): Accessors => ({
  get() {
    return this.view.getInt32(offset, LITTLE_ENDIAN);
  },
  set(value: number) {
    this.view.setInt32(offset, value, LITTLE_ENDIAN);
  },
});

/** A length is a number, not a bigint: none here comes near 2^53. */
const accessorsOfLength = (offset: number): Accessors => ({
  get() {
    return Number(this.view.getBigUint64(offset, LITTLE_ENDIAN));
  },
  set(value: number) {
    this.view.setBigUint64(offset, BigInt(value), LITTLE_ENDIAN);
  },
});

const accessorsOfU64 = (offset: number): Accessors => ({
  get() {
    return this.view.getBigUint64(offset, LITTLE_ENDIAN);
  },
  set(value: bigint) {
    this.view.setBigUint64(offset, value, LITTLE_ENDIAN);
  },
});

const accessorsOfI64 = (offset: number): Accessors => ({
  get() {
    return this.view.getBigInt64(offset, LITTLE_ENDIAN);
  },
  set(value: bigint) {
    this.view.setBigInt64(offset, value, LITTLE_ENDIAN);
  },
});

const accessorsOfBytes = (offset: number, length: number): Accessors => ({
  get() {
    return this.bytes.subarray(offset, offset + length);
  },
  set(value: Uint8Array) {
    if (value.length > length) {
      throw new RangeError(`${value.length} bytes do not fit into u8[${length}]`);
    }
    this.bytes.fill(0, offset, offset + length).set(value, offset);
  },
});

function accessors(offset: number, type: FieldType): Accessors {
  switch (type) {
    case "u8":
      return accessorsOfU8(offset);
    case "u16":
      return accessorsOfU16(offset, LITTLE_ENDIAN);
    case "be16":
      return accessorsOfU16(offset, false);
    case "u32":
      return accessorsOfU32(offset);
    case "i32":
      return accessorsOfI32(offset);
    case "usize":
      return accessorsOfLength(offset);
    case "u64":
    case "pointer":
      return accessorsOfU64(offset);
    case "i64":
      return accessorsOfI64(offset);
    default:
      return accessorsOfBytes(offset, sizeOf(type));
  }
}

/** The size of a field, in bytes. */
export function sizeOf(type: FieldType): number {
  switch (type) {
    case "u8":
      return 1;
    case "u16":
    case "be16":
      return 2;
    case "u32":
    case "i32":
      return 4;
    case "u64":
    case "i64":
    case "usize":
    case "pointer":
      return 8;
    default:
      return Number(type.slice(3, -1));
  }
}

/**
 * Declares a C struct.
 *
 * @example
 * ```ts
 * import { struct } from "./struct.ts";
 *
 * // struct timespec { time_t tv_sec; long tv_nsec; };
 * const timespec = struct("timespec", 16, { tv_sec: [0, "i64"], tv_nsec: [8, "i64"] });
 * const time = timespec.alloc();
 * time.tv_sec = 1n;
 * console.assert(time.bytes.length === 16 && time.tv_sec === 1n);
 * ```
 *
 * @param name As C names it, without the word `struct`.
 * @param size `sizeof`, in bytes, trailing padding included.
 * @param fields Name → offset in bytes, type.
 * @throws {RangeError} If a field lies outside the struct.
 */
export function struct<const F extends Fields>(name: string, size: number, fields: F): Struct<F> {
  class View implements Memory {
    readonly view: DataView;
    constructor(readonly bytes: Uint8Array<ArrayBuffer>) {
      this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
  }
  for (const [field, [offset, type]] of Object.entries(fields)) {
    if (offset + sizeOf(type) > size) throw new RangeError(`${name}.${field} lies outside ${name}`);
    Object.defineProperty(View.prototype, field, accessors(offset, type));
  }
  // The accessors were defined from `fields` itself, so the prototype has exactly the properties of
  // the type.
  const over = (bytes: Uint8Array<ArrayBuffer>) => new View(bytes) as unknown as StructView<F>;
  return {
    name,
    size,
    fields,
    alloc: () => over(new Uint8Array(size)),
    over(bytes, offset = 0) {
      if (offset < 0 || offset + size > bytes.length) {
        throw new RangeError(`${name} does not fit into ${bytes.length} bytes at ${offset}`);
      }
      return over(bytes.subarray(offset, offset + size));
    },
  };
}

/**
 * The address of the first byte, for a `pointer` field; 0 (NULL) for an empty array.
 *
 * SAFETY: an address keeps nothing alive. The caller must hold a reference to `bytes` until the
 * last call that follows the address has returned.
 */
export function addressOf(bytes: Uint8Array<ArrayBuffer> | Int32Array<ArrayBuffer>): bigint {
  return bytes.length === 0 ? 0n : libc.memmove(bytes, bytes, 0n);
}
