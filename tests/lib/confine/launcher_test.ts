import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { CAP_NET_RAW, CAP_SETGID, CAP_SETUID } from "../../../ffi/mod.ts";
import {
  defaultLauncher,
  launcherFor,
  launcherUnder,
  requireLauncher,
} from "../../../lib/confine/launcher.ts";
import { ALL_PROTECTIONS, type Protection } from "../../../lib/confine/protections.ts";
import { CannotAnswer } from "../../../lib/evidence/errors.ts";
import { testNeeding } from "../../support/needs.ts";
import { runProgram } from "../../support/programs.ts";
import { asService, ENOUGH, SERVICE_DENO } from "../../support/service.ts";

const NOBODY = { uid: 65534, gid: 65533 };

testNeeding(
  { root: true },
  "launcherFor() returns a program with its arguments, and no shell",
  () => {
    const [program, ...args] = launcherFor(NOBODY, ["no-capabilities"]);
    assertMatch(program, /^\/.*\/setpriv$/);
    assertEquals(args.toSorted(), [
      "--",
      ...["--ambient-caps=-all", "--bounding-set=-all", "--clear-groups", "--inh-caps=-all"],
      ...["--no-new-privs", "--rgid=65533", "--ruid=65534"],
    ]);
    assertEquals(args.at(-1), "--", "what follows is the child's command");
  },
);

Deno.test("Without no-capabilities launcherFor() returns the usual launcher, and launcherUnder() returns none", () => {
  const others = ALL_PROTECTIONS.filter((name) => name !== "no-capabilities");
  assertEquals([launcherFor(NOBODY, []), launcherFor(NOBODY, others)], [
    defaultLauncher(),
    defaultLauncher(),
  ]);
  assertEquals([launcherUnder(NOBODY, []), launcherUnder(NOBODY, others)], [[], []]);
});

Deno.test("launcherUnder() applies the chosen protections, and no others", () => {
  const has = (chosen: Protection[]) => launcherUnder(NOBODY, chosen).includes("--no-new-privs");
  assertEquals([has(["no-capabilities"]), has(["no-capabilities", "no-new-privs"])], [false, true]);
  assertEquals(launcherUnder(NOBODY, ALL_PROTECTIONS), launcherFor(NOBODY, ALL_PROTECTIONS));
});

/** Returns the credentials of a program that this launcher starts. */
async function startedBy([program, ...args]: readonly string[]): Promise<string[]> {
  const { stdout } = await new Deno.Command(program, {
    args: [...args, "grep", "-E", "^(Uid|Gid|Groups|Cap|NoNewPrivs)", "/proc/self/status"],
  }).output();
  return new TextDecoder().decode(stdout).trim().split("\n").map((line) => line.trim());
}

testNeeding(
  { root: true, programs: { setpriv: "util-linux" } },
  "launcherFor() leaves effective uid 0, the worker's real ids, no group and no capability",
  async () => {
    assertEquals(await startedBy(launcherFor(NOBODY, ALL_PROTECTIONS)), [
      ...["Uid:\t65534\t0\t0\t0", "Gid:\t65533\t0\t0\t0", "Groups:"],
      ...["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"].map((set) =>
        `${set}:\t0000000000000000`
      ),
      "NoNewPrivs:\t1",
    ]);
  },
);

testNeeding(
  { root: true, programs: { setpriv: "util-linux" } },
  "defaultLauncher() leaves root's ids and groups, three capabilities, and execve gains nothing",
  async () => {
    const lines = await startedBy([
      "/usr/bin/setpriv",
      "--groups=4711",
      "--",
      ...defaultLauncher(),
    ]);
    const three = (1n << BigInt(CAP_SETUID) | 1n << BigInt(CAP_SETGID) | 1n << BigInt(CAP_NET_RAW))
      .toString(16).padStart(16, "0");
    const none = "0".repeat(16);
    assertEquals(lines, [
      ...["Uid:\t0\t0\t0\t0", "Gid:\t0\t0\t0\t0", "Groups:\t4711"],
      ...[`CapInh:\t${none}`, `CapPrm:\t${three}`, `CapEff:\t${three}`, `CapBnd:\t${three}`],
      ...[`CapAmb:\t${none}`, "NoNewPrivs:\t1"],
    ]);
  },
);

testNeeding(
  { root: true, programs: { setpriv: "util-linux" } },
  "The launchers of a service leave its children three capabilities or none, and no way to others",
  async () => {
    const program = [SERVICE_DENO, "run", "-A", "tests/lib/confine/programs/launched.ts"];
    const [first, ...args] = [...asService(ENOUGH), ...program];
    const { code, stdout, stderr } = await runProgram(first, args);
    assertEquals(code, 0, stderr);
    const { usual, usualAsRoot, hardened, bounding } = JSON.parse(stdout);
    const [three, none] = ["00000000000020c0", "0".repeat(16)];
    assertEquals(usual, {
      Uid: "1001\t1001\t1001\t1001",
      ...{ CapInh: three, CapPrm: three, CapEff: three, CapBnd: bounding, CapAmb: three },
      NoNewPrivs: "1",
    });
    // The bounding set is the service's own, and as uid 0 too execve(2) grants nothing of it.
    assert(BigInt(`0x${bounding}`) > BigInt(`0x${three}`));
    assertEquals([usualAsRoot.Uid, usualAsRoot.CapPrm], ["0\t0\t0\t0", three]);
    assertEquals(hardened, {
      Uid: "65534\t1001\t1001\t1001",
      ...{ CapInh: none, CapPrm: none, CapEff: none, CapBnd: bounding, CapAmb: none },
      NoNewPrivs: "1",
    });
  },
);

testNeeding(
  { programs: { setpriv: "util-linux" } },
  "requireLauncher() accepts the setpriv of util-linux, and names the package otherwise",
  () => {
    requireLauncher();
    for (const other of ["/usr/bin/true", "/nowhere/setpriv"]) {
      const error = assertThrows(() => requireLauncher(other), CannotAnswer, `"${other}"`);
      assertMatch(error.remedy, /util-linux/);
    }
  },
);
