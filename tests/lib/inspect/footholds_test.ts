import { assertEquals } from "@std/assert";
import type {
  DescriptorKind,
  SeenDescriptor,
} from "../../../lib/inspect/descriptors/descriptors.ts";
import { unexpectedDescriptors, unexpectedMappings } from "../../../lib/inspect/footholds.ts";

const EXPECTED = { passed: "socket:[1]", egress: "socket:[2]", ring: false, folder: "/" };

function descriptor(
  kind: DescriptorKind,
  refersTo = `something of the kind ${kind}`,
  inFlight = 0,
): SeenDescriptor {
  return { fd: 5, refersTo, kind, inFlight };
}

Deno.test("unexpectedDescriptors() accepts what the runtime needs and what was passed", () => {
  const usual = (["null", "output", "eventpoll", "eventfd", "channel", "pair"] as const)
    .map((kind) => descriptor(kind));
  const given = [descriptor("packet", "socket:[1]"), descriptor("connected", "socket:[2]")];
  assertEquals(unexpectedDescriptors([...usual, ...given], EXPECTED), []);
});

Deno.test("unexpectedDescriptors() names every other descriptor, and those in flight", () => {
  const others = [
    descriptor("packet", "socket:[3]"),
    descriptor("connected", "socket:[4]"),
    descriptor("io_uring", "anon_inode:[io_uring]"),
    descriptor("unknown", "/etc/shadow"),
    descriptor("pair", "socket:[5]", 1),
  ];
  for (const each of others) assertEquals(unexpectedDescriptors([each], EXPECTED).length, 1);
  assertEquals(unexpectedDescriptors([others[2]], { ...EXPECTED, ring: true }), []);
});

Deno.test("unexpectedMappings() accepts the passed socket's ring, and an io_uring only if one is expected", () => {
  assertEquals(unexpectedMappings(["socket:[1]"], EXPECTED), []);
  assertEquals(unexpectedMappings(["socket:[3]", "/etc/shadow"], EXPECTED).length, 2);
  assertEquals(unexpectedMappings(["anon_inode:[io_uring]"], EXPECTED).length, 1);
  assertEquals(unexpectedMappings(["anon_inode:[io_uring]"], { ...EXPECTED, ring: true }), []);
});
