/**
 * Everything that a program leaves behind is found. Without this test, finding nothing would mean
 * nothing.
 */

import { assertEquals, assertMatch } from "@std/assert";
import type { LeavingReport } from "./report_left_behind.ts";
import { testNeeding } from "./needs.ts";
import { inNamespace } from "./programs.ts";

/** Leaves a background process with a Unix socket, an interface, and a file. */
const LITTERING = String.raw`
  printf %s 'Deno.listen({ transport: "unix", path: "\0litter" }); setInterval(() => {}, 1000)' > "$TMPDIR/stays.js"
  "$0" run -A "$TMPDIR/stays.js" >/dev/null 2>&1 &
  ip link add litter type veth peer name bin
  until grep -q litter /proc/net/unix; do sleep 0.01; done`;

async function leaving(folder: string, script: string): Promise<LeavingReport["left"]> {
  const program = [Deno.execPath(), "run", "-A", "tests/support/report_left_behind.ts"];
  const command = ["sh", "-c", script, Deno.execPath()];
  const { code, stderr } = await inNamespace([...program, `${folder}/report`, ...command], {
    env: { TMPDIR: `${folder}/place`, TIME_TO_GO: "500" },
  });
  assertEquals([code, stderr], [0, ""]);
  return JSON.parse(await Deno.readTextFile(`${folder}/report`)).left;
}

testNeeding(
  { root: true, programs: { ip: "iproute2" } },
  "What a program leaves behind is found: a process, an interface, a file, a socket",
  async () => {
    const folder = await Deno.makeTempDir();
    try {
      await Deno.mkdir(`${folder}/place`);
      const nothing = { processes: [], interfaces: [], files: [], sockets: [] };
      assertEquals(await leaving(folder, "true"), nothing);
      const { processes, interfaces, files, sockets } = await leaving(folder, LITTERING);
      assertMatch(processes.join(), /^[^,]* run -A [^,]*stays\.js$/);
      assertEquals(interfaces.toSorted(), ["bin", "litter"]);
      assertEquals(files, [`${folder}/place/stays.js`]);
      assertMatch(sockets.join(), /litter/);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);
