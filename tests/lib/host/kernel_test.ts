import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import {
  isKernelSince,
  systemSetting,
  whyNoOwnRing,
  whyProcHides,
} from "../../../lib/host/kernel.ts";
import { testNeeding } from "../../support/needs.ts";
import { inNamespace, ROOT, runProgram } from "../../support/programs.ts";

const [MAJOR, MINOR] = Deno.osRelease().split(".").map(Number);

Deno.test("isKernelSince() compares releases by number, not by text", () => {
  const cases: [major: number, minor: number, is: boolean][] = [
    [0, 0, true],
    [2, 6, true],
    [MAJOR - 1, 999, true],
    [MAJOR, 0, true],
    [MAJOR, MINOR, true],
    [MAJOR, MINOR + 1, false],
    [MAJOR, 999, false],
    [MAJOR + 1, 0, false],
  ];
  for (const [major, minor, is] of cases) {
    assertEquals(isKernelSince(major, minor), is, `${major}.${minor}`);
  }
});

Deno.test("systemSetting() returns the setting, or the fallback", () => {
  assertEquals(systemSetting("kernel/osrelease", "none"), Deno.osRelease());
  assertEquals(systemSetting("kernel/no_such_setting", "none"), "none");
});

Deno.test("whyNoOwnRing() is undefined, or names the setting, the release or the call", () => {
  assertMatch(
    whyNoOwnRing() ?? "io_uring_setup",
    /kernel\.io_uring_disabled is|Linux 6\.5 is needed|io_uring_setup/,
  );
});

/** Evaluates an expression where files of /proc/sys/kernel have other contents. */
async function elsewhere(settings: Record<string, string>, expression: string): Promise<string> {
  const mounts = Object.entries(settings).map(([name, text]) =>
    `echo ${text} >/mnt/${name} && mount --bind /mnt/${name} /proc/sys/kernel/${name} &&`
  );
  const program = `import { isKernelSince, whyNoOwnRing } from "${ROOT}/lib/host/kernel.ts";
    console.log(JSON.stringify(${expression} ?? null));`;
  const outcome = await inNamespace([
    ...["sh", "-c", `mount -t tmpfs none /mnt && ${mounts.join(" ")} exec "$0" "$@"`],
    ...[Deno.execPath(), "eval", program],
  ]);
  assertEquals([outcome.code, outcome.stderr], [0, ""]);
  return JSON.parse(outcome.stdout);
}

const root = { root: true, programs: { ip: "iproute2" } };

testNeeding(root, "isKernelSince() reads releases of every format", async () => {
  const cases: [release: string, is: boolean][] = [
    ["6.5.0", true],
    ["6.5", true],
    ["6.10.3-amd64", true],
    ["10.0.0", true],
    ["6.4.99", false],
    ["5.15.0-105-generic", false],
    ["nonsense", false],
  ];
  for (const [osrelease, is] of cases) {
    assertEquals(await elsewhere({ osrelease }, "isKernelSince(6, 5)"), is, osrelease);
  }
});

testNeeding(root, "whyNoOwnRing() names the setting first, then the release", async () => {
  const cases: [settings: Record<string, string>, reason: RegExp][] = [
    [{ io_uring_disabled: "2" }, /^io_uring is disabled \(kernel\.io_uring_disabled is 2\)$/],
    [{ io_uring_disabled: "1" }, /^io_uring is disabled \(kernel\.io_uring_disabled is 1\)$/],
    [{ osrelease: "6.4.0" }, /^Linux 6\.5 is needed .*; this is 6\.4\.0$/],
    [{ osrelease: "6.1.0", io_uring_disabled: "2" }, /^io_uring is disabled/],
  ];
  for (const [settings, reason] of cases) {
    assertMatch(await elsewhere(settings, "whyNoOwnRing()"), reason);
  }
});

Deno.test("whyProcHides() names the option by which /proc hides processes", () => {
  const proc = (options: string) => `sysfs /sys sysfs rw 0 0\nproc /proc proc ${options} 0 0\n`;
  for (const options of ["rw,nosuid", "rw,hidepid=0", "rw,hidepid=off,gid=4"]) {
    assertEquals(whyProcHides(proc(options)), undefined, options);
  }
  for (const option of ["hidepid=1", "hidepid=2", "hidepid=invisible", "hidepid=ptraceable"]) {
    assertStringIncludes(whyProcHides(proc(`rw,${option}`)) ?? "", `(${option};`);
  }
  const above = proc("rw,hidepid=2") + proc("rw");
  assertEquals(whyProcHides(above), undefined, "the mount on top counts");
});

const prlimit = { programs: { prlimit: "util-linux" } };

testNeeding(
  prlimit,
  "whyNoOwnRing() names the limit if too little memory may be locked",
  async () => {
    const program = `import { whyNoOwnRing, whyNoOwnRings } from "${ROOT}/lib/host/kernel.ts";
    console.log(JSON.stringify([whyNoOwnRing(), whyNoOwnRings()]));`;
    const limited = async (bytes: number): Promise<string[]> => {
      const command = [`--memlock=${bytes}:`, Deno.execPath(), "eval", program];
      return JSON.parse((await runProgram("prlimit", command)).stdout);
    };
    const reason = (wanted: number, limit: number) =>
      `${wanted} KiB must be locked in memory, but only ${limit} may be (RLIMIT_MEMLOCK; ulimit -l ${wanted})`;
    assertEquals(await limited(8192), [reason(16, 8), reason(128, 8)]);
    assertEquals(await limited(16384), [null, reason(128, 16)]);
  },
);
