/** Versions of kernels, as distributions and kernel.org write them. */

import { assertEquals, assertMatch } from "@std/assert";
import {
  compareSeries,
  describeVersion,
  parseKernel,
  parseVersion,
} from "../../../../lib/inspect/holes/kernel_version.ts";

/** uname -r, uname -v, the version that it is built from, and the distribution. */
const KERNELS: readonly [release: string, build: string, version: string, name: string][] = [
  ["6.18.44", "#1 SMP PREEMPT_DYNAMIC", "6.18.44", ""],
  ["6.18.44-fc-v595", "#1 SMP PREEMPT_DYNAMIC @0", "6.18.44", ""],
  ["7.2.0-rc3", "#1 SMP", "7.2-rc", ""],
  ["7.2.0-rc3-next-20260801+", "#1 SMP", "7.2-rc", ""],
  ["6.7.4-arch1-1", "#1 SMP PREEMPT_DYNAMIC Mon, 05 Feb 2024", "6.7.4", ""],
  ["6.6.14-0-lts", "#1-Alpine SMP PREEMPT_DYNAMIC", "6.6.14", ""],
  ["5.15.153.1-microsoft-standard-WSL2", "#1 SMP", "5.15.153", ""],
  ["2.6.32.27", "#1 SMP", "2.6.32.27", ""],
  [
    "6.1.0-18-amd64",
    "#1 SMP PREEMPT_DYNAMIC Debian 6.1.76-1 (2024-02-01)",
    "6.1.76",
    "Debian",
  ],
  ["6.12.48+deb13-amd64", "#1 SMP PREEMPT_DYNAMIC Debian 6.12.48-1", "6.12.48", "Debian"],
  ["6.12.48+deb13-amd64", "", "6.12.48", "Debian"],
  ["4.9.0-8-amd64", "#1 SMP Debian 4.9.144-3.1 (2019-02-19)", "4.9.144", "Debian"],
  ["6.6.20+rpt-rpi-v8", "#1 SMP PREEMPT Debian 1:6.6.20-1+rpt1", "6.6.20", "Debian"],
  ["6.5.11-8-pve", "#1 SMP PREEMPT_DYNAMIC PMX 6.5.11-8", "6.5.11", "Proxmox"],
  ["5.15.0-91-generic", "#101-Ubuntu SMP Tue Nov 14", "5.15", "Ubuntu"],
  ["5.15.0-91-generic", "#101~20.04.1-Ubuntu SMP", "5.15", "Ubuntu"],
  ["5.15.0-1056-azure", "#64 SMP", "5.15", "Ubuntu"],
  ["5.14.0-427.el9.x86_64", "#1 SMP PREEMPT_DYNAMIC", "5.14", "Red Hat or a relative"],
  ["5.15.0-200.131.27.el9uek.x86_64", "#2 SMP", "5.15", "Red Hat or a relative"],
  ["6.6.8-200.fc39.x86_64", "#1 SMP", "6.6.8", "Red Hat or a relative"],
  ["6.1.79-99.164.amzn2023.x86_64", "#1 SMP", "6.1.79", "Red Hat or a relative"],
  ["2.6.32-754.el6.x86_64", "#1 SMP", "2.6.32", "Red Hat or a relative"],
  ["5.14.21-150500.55.39-default", "#1 SMP", "5.14.21", "SUSE"],
  ["5.10.198-android13-4-00050-g1234567-ab12345", "#1 SMP", "5.10.198", "Android"],
];

Deno.test("parseKernel() reads the version that a kernel is built from, and who adds fixes", () => {
  for (const [release, build, version, name] of KERNELS) {
    const kernel = parseKernel(release, build);
    const found = [describeVersion(kernel.version!), kernel.distribution?.name ?? ""];
    assertEquals(found, [version, name], release);
    if (name !== "") assertMatch(kernel.distribution!.howToFindOut, /^see /);
  }
});

Deno.test("A kernel of kernel.org that was compiled on Debian is none of Debian's", () => {
  // The compiler is named in /proc/version only, and that is not read.
  assertEquals(parseKernel("6.1.76", "#1 SMP Thu Feb 1 10:00:00 UTC 2024").distribution, undefined);
});

Deno.test("parseVersion() refuses what does not begin with a version", () => {
  for (const text of ["", "linux", "6", "2.4.37", "v6.1.2", "-6.1", "six.one"]) {
    assertEquals(parseVersion(text), undefined, text);
  }
});

Deno.test("compareSeries() compares numbers, and not text", () => {
  const sorted = ["2.6.12", "2.6.32", "3.1", "4.9", "4.10", "5.4", "6.9", "6.18", "7.0"];
  assertEquals([...sorted].reverse().sort(compareSeries), sorted);
  assertEquals(compareSeries("6.1", "6.1"), 0);
});
