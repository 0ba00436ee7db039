import { assertEquals } from "@std/assert";
import { compileFilter } from "../../../ffi/mod.ts";
import { ALLOW_EVERYTHING, receiveOnlyPolicy } from "../../../lib/confine/policy.ts";
import { judgeFilter } from "../../../lib/confine/judge.ts";

const policy = { packetFd: 5, channelFd: 3, ioUring: false, pid: 4711 };
const expected = compileFilter(receiveOnlyPolicy(policy));
const nothing = compileFilter(ALLOW_EVERYTHING);

function status(...found: Uint8Array<ArrayBuffer>[]): string {
  return judgeFilter({ found, expected }).status;
}

Deno.test("judgeFilter() finds the filter among others", () => {
  assertEquals(status(expected), "pass");
  assertEquals(status(nothing, expected), "pass");
  assertEquals(status(expected, nothing), "pass");
});

Deno.test("judgeFilter() accepts neither no filter nor another one", () => {
  assertEquals(status(), "fail");
  assertEquals(status(nothing, nothing), "fail");
  assertEquals(status(expected.subarray(8)), "fail");
});

Deno.test("judgeFilter() notices each byte that differs", () => {
  for (let at = 0; at < expected.length; at++) {
    const other = expected.slice();
    other[at] ^= 1;
    assertEquals(status(other), "fail", `byte ${at}`);
  }
});

Deno.test("judgeFilter() notices a filter for other descriptors", () => {
  assertEquals(status(compileFilter(receiveOnlyPolicy({ ...policy, packetFd: 6 }))), "fail");
  assertEquals(status(compileFilter(receiveOnlyPolicy({ ...policy, ioUring: true }))), "fail");
});
