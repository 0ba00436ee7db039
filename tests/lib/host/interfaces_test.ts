import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../../lib/evidence/errors.ts";
import { findLink, isInterfaceName } from "../../../lib/host/interfaces.ts";

Deno.test("isInterfaceName() accepts the names that the kernel accepts, if they are printable ASCII", () => {
  for (const name of ["lo", "veth-fdpass", "eth0.100", "x".repeat(15), "x".repeat(127)]) {
    assertEquals(isInterfaceName(name), true, name);
  }
  const wrong = ["", ".", "..", "x".repeat(128), "a/b", "a:b", "a b", "a\n", "a\0", "é", "\x1b[m"];
  for (const name of wrong) assertEquals(isInterfaceName(name), false, JSON.stringify(name));
});

Deno.test("findLink() explains why it refuses a name", () => {
  assertThrows(() => findLink("a\0b", "Interface"), UsageError, '"a\\u0000b"');
  assertThrows(
    () => findLink("lo0", "Interface"),
    UsageError,
    'Cannot bind the packet socket to "lo0": if_nametoindex: No such device (ENODEV)',
  );
  assertEquals(findLink("lo", "Interface").loopback, true);
});
