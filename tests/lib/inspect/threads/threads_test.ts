import { assertEquals, assertThrows } from "@std/assert";
import { parseStatus, threadCredentials } from "../../../../lib/inspect/threads/threads.ts";

const STATUS = `Name:\tdeno
Uid:\t65534\t65534\t65534\t65534
Gid:\t65534\t65534\t65534\t65534
Groups:\t
CapInh:\t0000000000000000
CapPrm:\t0000000000000000
CapEff:\t0000000000000000
CapBnd:\t000001ffffffffff
CapAmb:\t0000000000000000
NoNewPrivs:\t0
Seccomp:\t0
`;
Deno.test("parseStatus() throws when a line is missing", () => {
  for (const key of ["Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapAmb"]) {
    assertThrows(() => parseStatus(1, STATUS.replace(`${key}:`, "Other:")), Error, key);
  }
});

Deno.test("threadCredentials() returns every thread of this process", () => {
  const threads = threadCredentials("self");
  assertEquals(threads.length, [...Deno.readDirSync("/proc/self/task")].length);
  for (const { uids } of threads) assertEquals(uids[1], Deno.uid());
});
