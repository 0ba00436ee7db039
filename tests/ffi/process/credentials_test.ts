import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  CAP_DAC_OVERRIDE,
  CAP_DAC_READ_SEARCH,
  capget,
  getgroups,
  getresgid,
  getresuid,
  withoutCapabilities,
} from "../../../ffi/mod.ts";
import { testNeeding } from "../../support/needs.ts";
import { command, resultOf } from "../programs.ts";

/** The words of a line in the status of this thread. */
function status(key: string): string[] {
  const line = Deno.readTextFileSync("/proc/thread-self/status").split("\n")
    .find((line) => line.startsWith(`${key}:`))!;
  return line.slice(key.length + 1).trim().split(/\s+/).filter((word) => word !== "");
}

for (const [get, key] of [[getresuid, "Uid"], [getresgid, "Gid"]] as const) {
  Deno.test(`${get.name}() agrees with /proc`, () => {
    const { real, effective, saved } = get();
    assertEquals([real, effective, saved].map(String), status(key).slice(0, 3));
  });
}

Deno.test("getgroups() agrees with /proc", () => {
  assertEquals(getgroups().map(String).sort(), status("Groups").sort());
});

Deno.test("capget() agrees with /proc", () => {
  const { effective, permitted, inheritable } = capget();
  const shown = [effective, permitted, inheritable].map((set) =>
    set.toString(16).padStart(16, "0")
  );
  assertEquals(shown, ["CapEff", "CapPrm", "CapInh"].flatMap(status));
});

testNeeding(
  { root: true },
  "withoutCapabilities() lets the kernel decide without them, and restores them after an error too",
  () => {
    const before = capget();
    const path = Deno.makeTempFileSync();
    try {
      Deno.chmodSync(path, 0o000);
      Deno.chownSync(path, 54321, 54321);
      const both = [CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH];
      const read = () => Deno.readTextFileSync(path);
      assertEquals(read(), "");
      assertThrows(() => withoutCapabilities(both, read), Deno.errors.PermissionDenied);
      assertEquals([capget(), read()], [before, ""]);
      const { effective, ...others } = withoutCapabilities(both, capget);
      assertEquals(effective, before.effective & ~0b110n);
      assertEquals(others, { permitted: before.permitted, inheritable: before.inheritable });
    } finally {
      Deno.removeSync(path);
    }
  },
);

const NOBODY = { real: 65534, effective: 65534, saved: 65534 };

testNeeding(
  { root: true },
  "dropPrivileges() drops everything, on every thread, for good",
  async () => {
    const seen = await resultOf(command("ffi/process/programs/drop_privileges.ts", ["real"]));

    assertEquals(seen.before, { groups: [7, 42], packetSocket: "created" });
    const none = "0000000000000000";
    const [credentials, ...others] = Object.keys(seen.threads);
    assertEquals(
      credentials,
      "Uid: 65534 65534 65534 65534, Gid: 65534 65534 65534 65534, Groups:, " +
        `CapInh: ${none}, CapPrm: ${none}, CapEff: ${none}, CapAmb: ${none}`,
    );
    assertEquals(others, []);
    assert(seen.threads[credentials] > 1, "with a single thread this shows nothing");

    assertEquals([seen.uid, seen.gid, seen.groups, seen.effective], [NOBODY, NOBODY, [], 0]);
    assertEquals(seen.packetSocket, "EPERM");
    assertEquals(seen.regained, [
      "setresuid(0, 0, 0): EPERM",
      "setresgid(0, 0, 0): EPERM",
      "setgroups([0]): EPERM",
    ]);
  },
);

testNeeding({ root: true }, "dropPrivileges() throws SystemError for a refused call", async () => {
  const { secondDrop } = await resultOf(
    command("ffi/process/programs/drop_privileges.ts", ["real"]),
  );
  assertEquals(secondDrop, "setgroups: Operation not permitted (EPERM)");
});

testNeeding(
  { root: true },
  "tryToRegainRoot() sees through a drop of the effective uid alone",
  async () => {
    const seen = await resultOf(
      command("ffi/process/programs/drop_privileges.ts", ["effective-only"]),
    );
    assertEquals(seen.packetSocket, "EPERM", "a careless check would stop here");
    assertEquals(seen.regained, [
      "setresuid(0, 0, 0): 0",
      "setresgid(0, 0, 0): 0",
      "setgroups([0]): 0",
    ]);
    assertEquals(seen.uid, { real: 0, effective: 0, saved: 0 });
  },
);

Deno.test("dropPrivileges() throws RangeError for an id that drops nothing, and changes nothing", async () => {
  const ids = ["0", "4294967295", "4294967296", "-1", "1.5", "NaN"];
  const refusals = ids.map((id) =>
    `RangeError: Cannot drop privileges to id ${id}: it must be 1 to 4294967294`
  );
  assertEquals(await resultOf(command("ffi/process/programs/refused_identities.ts", ids)), {
    asUid: refusals,
    asGid: refusals,
    uid: getresuid(),
    gid: getresgid(),
  });
});
