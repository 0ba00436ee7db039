import { assertEquals, assertThrows } from "@std/assert";
import { bindAll, bytesAt, cString, libc, libcVersion, textAt } from "../../../ffi/mod.ts";
import { testNeeding } from "../../support/needs.ts";
import { run } from "../programs.ts";

Deno.test("cString() ends with the NUL, in UTF-8", () => {
  assertEquals(cString("lö"), Uint8Array.of(0x6c, 0xc3, 0xb6, 0));
  assertEquals(cString(""), Uint8Array.of(0));
});

Deno.test("textAt() and bytesAt() copy the memory that a pointer of libc points to", () => {
  const pointer = libc.strerror(1)!;
  assertEquals(textAt(pointer), "Operation not permitted");
  assertEquals(bytesAt(pointer, 4), Uint8Array.of(0x4f, 0x70, 0x65, 0x72)); // Oper
  assertEquals(bytesAt(pointer, 0), new Uint8Array(0));
});

Deno.test("textAt() is undefined for NULL", () => {
  assertEquals(textAt(null), undefined);
});

testNeeding(
  { programs: { getconf: "libc-bin" } },
  "libcVersion() agrees with getconf",
  async () => {
    const { stdout } = await run(["getconf", "GNU_LIBC_VERSION"]);
    assertEquals(`glibc ${libcVersion()}`, stdout.trim());
  },
);

Deno.test("bindAll() leaves nothing to bind later", () => {
  bindAll();
  const unbound = Object.entries(Object.getOwnPropertyDescriptors(libc))
    .filter(([, { value }]) => typeof value !== "function").map(([name]) => name);
  assertEquals(unbound, []);
});

Deno.test("cString() refuses text with NUL, at which C would end it", () => {
  assertThrows(() => cString("lo\0x"), RangeError, "NUL");
});
