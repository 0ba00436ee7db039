/** The unit file of docs/service.md. */

import { assertEquals } from "@std/assert";
import { NOT_ROOTS } from "../../lib/host/capabilities.ts";
import { testNeeding } from "../support/needs.ts";
import { ROOT, runProgram } from "../support/programs.ts";

const PAGE = Deno.readTextFileSync(`${ROOT}/docs/service.md`);
const UNIT = PAGE.match(/^```ini\n([^]*?)^```$/m)![1];

/** The value of a setting. */
function setting(name: string): string | undefined {
  return UNIT.match(new RegExp(`^${name}=(.*)$`, "m"))?.[1];
}

Deno.test("The unit grants what fdpass asks for", () => {
  assertEquals(setting("AmbientCapabilities"), NOT_ROOTS.join(" "));
  assertEquals(setting("CapabilityBoundingSet"), NOT_ROOTS.join(" "));
});

testNeeding(
  { root: true, programs: { "systemd-analyze": "systemd" } },
  "systemd accepts the unit",
  async () => {
    const folder = await Deno.makeTempDir();
    try {
      const path = `${folder}/fdpass.service`;
      const unit = UNIT.replace("/usr/local/bin/deno", "/usr/bin/env").replace(
        "User=mcr",
        "User=0",
      );
      await Deno.writeTextFile(path, unit);
      const { code, stdout, stderr } = await runProgram("systemd-analyze", ["verify", path]);
      assertEquals([code, stdout, stderr], [0, "", ""]);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);
