/** `--pcap`: tshark reads what the child received. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { testNeeding } from "../support/needs.ts";
import { evidenceIn, fdpass } from "../support/programs.ts";
import { readCapture, TSHARK } from "../support/tshark.ts";

const NEEDS = { root: true, ...TSHARK };

async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

testNeeding(
  NEEDS,
  "--pcap has the packets of the evidence, in order, to the nanosecond",
  () =>
    inFolder(async (folder) => {
      const path = `${folder}/run.pcapng`;
      const outcome = await fdpass([
        ...["--json", "--pcap", path, "-e", "privilege-drop", "-e", "receive-paths", "veth-fdpass"],
      ], { timeout: 60_000 });
      assertEquals(outcome.code, 0, outcome.stderr);
      const { experiments } = evidenceIn(outcome);
      const packets = experiments.flatMap(({ name, packets }) =>
        packets.map((packet, i) => ({ ...packet, comment: `${name}: packet ${i + 1} of ` }))
      );
      const shown = await readCapture(path);
      assertEquals(
        shown.map(({ time, length, hex }) => [time.replace(".", ""), length, hex]),
        packets.map(({ timestamp_ns, bytes, head }) => [
          timestamp_ns,
          bytes,
          Uint8Array.fromBase64(head).toHex(),
        ]),
      );
      shown.forEach(({ interface: name, comment }, i) => {
        assertEquals(name, "veth-fdpass");
        assertStringIncludes(comment, packets[i].comment);
        const when = packets[i].after_drop
          ? "received after the drop"
          : "perhaps received before the drop";
        const whose = packets[i].ours ? " this run's stimulus" : " not this run's stimulus";
        assertMatch(comment, new RegExp(`${when},${whose}: ${RegExp.escape(packets[i].summary)}$`));
      });
      assertEquals(packets.some(({ ours }) => ours), true);
      assertEquals((await Deno.stat(path)).mode! & 0o777, 0o600, "packets are for root to read");
    }),
);

testNeeding(
  NEEDS,
  "--pcap overwrites nothing without --force, and says so before the run",
  () =>
    inFolder(async (folder) => {
      const path = `${folder}/run.pcapng`;
      await Deno.writeTextFile(path, "precious");
      const refused = await fdpass(["--pcap", path, "veth-fdpass"]);
      assertEquals([refused.code, refused.stdout], [2, ""]);
      assertMatch(refused.stderr, /run\.pcapng": it exists; --force replaces it/);
      assertEquals(await Deno.readTextFile(path), "precious");
      assertEquals((await fdpass(["--pcap", path, "--force", "veth-fdpass"])).code, 0);
      assertEquals((await readCapture(path)).length >= 5, true);
      assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["run.pcapng"]);
    }),
);

testNeeding(
  NEEDS,
  "--pcap of a run that receives nothing is an empty capture",
  () =>
    inFolder(async (folder) => {
      const path = `${folder}/run.pcapng`;
      // Nothing is sent on the loopback interface of a new namespace.
      const { code } = await fdpass(["--stimulus", "none", "-t", "5", "--pcap", path, "lo"]);
      assertEquals([code, await readCapture(path)], [4, []]);
    }),
);
