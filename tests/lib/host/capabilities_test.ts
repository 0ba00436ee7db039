import { assertEquals } from "@std/assert";
import { CAP_KILL, CAP_NET_RAW, CAP_SETUID } from "../../../ffi/mod.ts";
import {
  ALWAYS_NEEDED,
  describeMissing,
  missingCapabilities,
} from "../../../lib/host/capabilities.ts";
import { testNeeding } from "../../support/needs.ts";
import { ROOT, runProgram } from "../../support/programs.ts";

const set = (...bits: number[]) => bits.reduce((all, bit) => all | 1n << BigInt(bit), 0n);

Deno.test("missingCapabilities() returns each missing capability once, in order", () => {
  assertEquals(missingCapabilities(ALWAYS_NEEDED, ~0n), []);
  assertEquals(missingCapabilities(ALWAYS_NEEDED, 0n), [...ALWAYS_NEEDED]);
  assertEquals(missingCapabilities(ALWAYS_NEEDED, set(CAP_NET_RAW, CAP_SETUID, CAP_KILL)), [
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SYS_PTRACE",
  ]);
  assertEquals(missingCapabilities(["CAP_NET_ADMIN", "CAP_KILL", "CAP_NET_ADMIN"], 0n), [
    "CAP_NET_ADMIN",
    "CAP_KILL",
  ]);
});

Deno.test("describeMissing() names the missing capabilities and the remedy", () => {
  assertEquals(describeMissing(["CAP_NET_RAW", "CAP_KILL"], 1001), [
    "uid 1001 without CAP_NET_RAW, CAP_KILL",
    "Grant it (in a unit: AmbientCapabilities=CAP_NET_RAW CAP_KILL)",
  ]);
  assertEquals(describeMissing(["CAP_NET_RAW", "CAP_KILL"], 0), [
    "Root without CAP_NET_RAW, CAP_KILL",
    "Grant CAP_NET_RAW, CAP_KILL (in a container: --cap-add)",
  ]);
});

testNeeding(
  { root: true },
  "requireSupervisor() refuses capabilities that a child would not get",
  async () => {
    const program = `${ROOT}/tests/lib/host/programs/not_ambient.ts`;
    const { stdout, stderr } = await runProgram(Deno.execPath(), ["run", "-A", program]);
    assertEquals(stderr, "");
    const three = "CAP_NET_RAW, CAP_SETUID, CAP_SETGID";
    assertEquals(JSON.parse(stdout), [
      `uid 1001 has ${three}, but not as ambient: its child would start without`,
      "setpriv --ambient-caps=+net_raw,+setuid,+setgid (in a unit: AmbientCapabilities=" +
      "CAP_NET_RAW CAP_SETUID CAP_SETGID CAP_SYS_PTRACE CAP_KILL)",
    ]);
  },
);
