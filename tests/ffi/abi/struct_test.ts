import { assertEquals, assertThrows } from "@std/assert";
import { addressOf, sizeOf, struct } from "../../../ffi/mod.ts";

const every = struct("every", 56, {
  a: [0, "u8"],
  b: [2, "u16"],
  c: [4, "be16"],
  d: [8, "u32"],
  e: [12, "i32"],
  f: [16, "u64"],
  g: [24, "i64"],
  h: [32, "usize"],
  i: [40, "pointer"],
  j: [48, "u8[6]"],
});

const WRITTEN: [
  field: keyof typeof every.fields,
  value: number | bigint | Uint8Array,
  bytes: number[],
][] = [
  ["a", 0xff, [0xff]],
  ["b", 0x0102, [2, 1]],
  ["c", 0x0102, [1, 2]],
  ["d", 0xfffefdfc, [0xfc, 0xfd, 0xfe, 0xff]],
  ["e", -2, [0xfe, 0xff, 0xff, 0xff]],
  ["f", 2n ** 64n - 2n, [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]],
  ["g", -2n, [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]],
  ["h", 0x0102030405, [5, 4, 3, 2, 1, 0, 0, 0]],
  ["i", 0x7fff_0000_0001n, [1, 0, 0, 0, 0xff, 0x7f, 0, 0]],
  ["j", Uint8Array.of(1, 2, 3, 4, 5, 6), [1, 2, 3, 4, 5, 6]],
];

for (const [field, value, bytes] of WRITTEN) {
  const [offset, type] = every.fields[field];
  Deno.test(`struct() writes ${type} as C does, and nothing beside it`, () => {
    const view = every.alloc();
    view.bytes.fill(0xaa);
    const expected = view.bytes.slice();
    expected.set(bytes, offset);

    Object.assign(view, { [field]: value });

    assertEquals(view.bytes, expected);
    assertEquals(view[field], value);
    assertEquals(sizeOf(type), bytes.length);
  });
}

Deno.test("struct() fills bytes that are shorter than their field with zeros", () => {
  const view = every.alloc();
  view.j = Uint8Array.of(1, 2, 3, 4, 5, 6);
  view.j = Uint8Array.of(7);
  assertEquals(view.j, Uint8Array.of(7, 0, 0, 0, 0, 0));
});

Deno.test("struct() refuses bytes that are longer than their field", () => {
  const view = every.alloc();
  assertThrows(() => view.j = new Uint8Array(7), RangeError, "7 bytes do not fit into u8[6]");
});

Deno.test("struct() refuses a field that lies outside the struct", () => {
  struct("fits", 8, { last: [4, "u32"] });
  assertThrows(
    () => struct("tight", 8, { last: [5, "u32"] }),
    RangeError,
    "tight.last lies outside tight",
  );
});

Deno.test("alloc() returns new zeroed memory each time", () => {
  const first = every.alloc();
  first.a = 1;
  assertEquals(every.alloc().bytes, new Uint8Array(56));
});

Deno.test("over() reads and writes the memory that it is given", () => {
  const pair = struct("pair", 4, { one: [0, "u16"], two: [2, "u16"] });
  const memory = Uint8Array.of(9, 9, 9, 1, 0, 2, 0, 9, 9).subarray(1);
  const view = pair.over(memory, 2);
  assertEquals([view.one, view.two], [1, 2]);
  view.two = 0x0403;
  assertEquals(memory, Uint8Array.of(9, 9, 1, 0, 3, 4, 9, 9));
});

for (const offset of [-1, 5, 9, 2 ** 31]) {
  Deno.test(`over() refuses a struct of 4 bytes at ${offset} of 8`, () => {
    const four = struct("four", 4, { all: [0, "u32"] });
    assertThrows(() => four.over(new Uint8Array(8), offset), RangeError, "does not fit");
  });
}

Deno.test("addressOf() is NULL for an empty array, and for an empty part of another", () => {
  assertEquals(addressOf(new Uint8Array(0)), 0n);
  assertEquals(addressOf(new Uint8Array(8).subarray(4, 4)), 0n);
});

Deno.test("addressOf() of a part points to its first byte", () => {
  const memory = new Uint8Array(64);
  assertEquals(addressOf(memory.subarray(24)) - addressOf(memory), 24n);
  assertEquals(addressOf(memory), BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(memory))));
});
