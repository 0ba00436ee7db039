/** The files that a run writes are its owner's alone, whatever the umask. */

import { assertEquals } from "@std/assert";
import { testNeeding } from "../support/needs.ts";
import { inNamespace } from "../support/programs.ts";
import { FDPASS } from "./here.ts";

for (const mask of ["777", "000"]) {
  testNeeding({ root: true }, `With umask ${mask} the views have the mode 0600`, async () => {
    const folder = Deno.makeTempDirSync();
    try {
      const files = ["report", "pcap"].map((option) => `${folder}/run.${option}`);
      const [report, pcap] = files;
      const { code, stdout, stderr } = await inNamespace([
        ...["bash", "-c", `umask ${mask} && exec "$0" "$@"`, ...FDPASS],
        ...["-q", "--report", report, "--pcap", pcap, "veth-fdpass"],
      ]);
      assertEquals([code, stderr], [0, ""], stdout);
      assertEquals(files.map((file) => Deno.statSync(file).mode! & 0o7777), [0o600, 0o600]);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  });
}
