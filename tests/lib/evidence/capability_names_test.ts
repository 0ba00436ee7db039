import { assertEquals } from "@std/assert";
import { CAPABILITY_NAMES, capabilityNames } from "../../../lib/evidence/capability_names.ts";

const HEADER = "/usr/include/linux/capability.h";

function headerOrNothing(): string | undefined {
  try {
    return Deno.readTextFileSync(HEADER);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

const header = headerOrNothing();

Deno.test({
  name: "CAPABILITY_NAMES are those of the kernel's header",
  ignore: header === undefined, // it belongs to linux-libc-dev
  fn() {
    const defined = header!.matchAll(/^#define (CAP_[A-Z_]+)\s+(\d+)$/gm);
    const names = [...defined].map(([, name, number]) => [name, Number(number)] as const);
    assertEquals(names.length >= 41, true);
    for (const [name, number] of names) {
      assertEquals(CAPABILITY_NAMES[number] ?? name, name);
    }
    assertEquals(CAPABILITY_NAMES.every((name) => names.some(([each]) => each === name)), true);
  },
});

Deno.test("capabilityNames() names every bit, also of a capability that is not known here", () => {
  assertEquals(capabilityNames("0000000000000000"), []);
  assertEquals(capabilityNames("0000000000002002"), ["CAP_DAC_OVERRIDE", "CAP_NET_RAW"]);
  assertEquals(capabilityNames("8000000000000000"), ["capability 63"]);
  assertEquals(capabilityNames("000001ffffffffff"), [...CAPABILITY_NAMES]);
});
