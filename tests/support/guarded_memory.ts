/**
 * Memory before a guard page: reading one byte too far, in JavaScript or by a pointer, ends the
 * process by SIGSEGV.
 *
 * It is not part of the heap, because the heap would touch the page when it gets the memory back.
 * It lasts as long as the process.
 *
 * @module
 */

import {
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  pageSize,
  PROT_NONE,
  PROT_READ,
  PROT_WRITE,
} from "../../ffi/mod.ts";

const { symbols: libc } = Deno.dlopen("libc.so.6", {
  mmap: { parameters: ["usize", "usize", "i32", "i32", "i32", "i64"], result: "pointer" },
  mprotect: { parameters: ["usize", "usize", "i32"], result: "i32" },
});

/** Memory before a guard page. */
export class GuardedMemory {
  readonly #room: Uint8Array<ArrayBuffer>;
  /** The memory and its guard page, for functions that take a memory and an offset. */
  readonly whole: Uint8Array<ArrayBuffer>;

  /** @param size In bytes: whole pages. */
  constructor(size: number) {
    const page = pageSize();
    const flags = MAP_PRIVATE | MAP_ANONYMOUS;
    const place = libc.mmap(0n, BigInt(size + page), PROT_READ | PROT_WRITE, flags, -1, 0n);
    if (place === null) throw new Error("No memory to guard");
    const guard = Deno.UnsafePointer.value(place) + BigInt(size);
    if (libc.mprotect(guard, BigInt(page), PROT_NONE) !== 0) throw new Error("No guard");
    this.whole = new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(place, size + page));
    this.#room = this.whole.subarray(0, size);
  }

  /** The last `length` bytes before the guard. */
  last(length: number): Uint8Array<ArrayBuffer> {
    return this.#room.subarray(this.#room.length - length);
  }

  /** Copies bytes so that they end at the guard. */
  place(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
    const placed = this.last(bytes.length);
    placed.set(bytes);
    return placed;
  }
}
