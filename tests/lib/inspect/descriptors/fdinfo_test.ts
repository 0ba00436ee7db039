import { assertEquals } from "@std/assert";
import { accessIn, inFlightIn } from "../../../../lib/inspect/descriptors/fdinfo.ts";

Deno.test("accessIn() reads the flags of fdinfo", () => {
  const access = (flags: string) => accessIn(`pos:\t0\nflags:\t${flags}\nmnt_id:\t1\n`);
  assertEquals(["02000000", "01", "0100002", "012000000", "03"].map(access), [
    "read",
    "write",
    "read and write",
    "path",
    null,
  ]);
  assertEquals(accessIn(""), null);
});

Deno.test("inFlightIn() reads the number of descriptors in flight, where the kernel shows it", () => {
  assertEquals(inFlightIn("flags:\t02\nscm_fds: 3\n"), 3);
  assertEquals(inFlightIn("flags:\t02\nscm_fds: 0\n"), 0);
  assertEquals(inFlightIn("flags:\t02\n"), undefined);
});
