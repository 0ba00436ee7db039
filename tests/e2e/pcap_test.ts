/** `--pcap`: tshark reads what the child received. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { FDPASS } from "./here.ts";
import { TestsAhead } from "../support/tests_ahead.ts";
import { evidenceIn, fdpass, inNamespace } from "../support/programs.ts";
import { readCapture, readFields, TSHARK } from "../support/tshark.ts";

const NEEDS = { root: true, ...TSHARK };
const tests = new TestsAhead();

async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

tests.add(
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

tests.add(
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

tests.add(
  NEEDS,
  "--pcap of a run that receives nothing is an empty capture",
  () =>
    inFolder(async (folder) => {
      const path = `${folder}/run.pcapng`;
      // Nothing is sent on the loopback interface of a new namespace.
      const { code } = await fdpass(["--stimulus", "none", "-t", "3", "--pcap", path, "lo"]);
      assertEquals([code, await readCapture(path)], [4, []]);
    }),
);

/** Runs fdpass among frames of others alone. Returns their packets, and the path of the capture. */
async function among(kind: string, folder: string) {
  const path = `${folder}/run.pcapng`;
  const others = ["tests/support/among_others.ts", kind, "veth-fdpass-far"];
  const outcome = await inNamespace([
    ...[Deno.execPath(), "run", "-A", ...others, ...FDPASS],
    ...["--json", "--pcap", path, "--report", `${folder}/run.html`],
    ...["--stimulus", "none", "-n", "10", "-t", "60", "veth-fdpass"],
  ], { timeout: 90_000 });
  assertEquals(outcome.code, 0, outcome.stderr);
  const { experiments: [{ packets }] } = evidenceIn(outcome);
  return { path, packets: packets.filter(({ summary }) => summary.includes("protocol: 17")) };
}

tests.add(
  NEEDS,
  "Packets with VLAN tags, one and two, are shown and captured as they were on the wire",
  () =>
    inFolder(async (folder) => {
      const { path, packets } = await among("tagged", folder);
      const expected = [
        { bytes: 14 + 4 + 20 + 8 + 40, summary: "VLAN 5, IPv4 (protocol: 17)", ids: "5" },
        { bytes: 14 + 8 + 20 + 8 + 40, summary: "VLAN 7, VLAN 6, IPv4 (protocol: 17)", ids: "7,6" },
      ];
      for (const { bytes, summary, ids } of expected) {
        const some = packets.filter((packet) => packet.summary === summary);
        assertEquals([some.length > 0, some.every((packet) => packet.bytes === bytes)], [
          true,
          true,
        ]);
        const rows = await readFields(path, "ieee8021ad.id", "vlan.id", "frame.len", "udp.dstport");
        const decoded = rows.filter(([outer, inner]) =>
          [outer, inner].filter(Boolean).join() === ids
        );
        assertEquals(decoded.length, some.length);
        decoded.forEach((row) => assertEquals(row.slice(2), [String(bytes), "5004"]));
      }
      assertStringIncludes(
        await Deno.readTextFile(`${folder}/run.html`),
        '<dd class="mono">7, priority 0 (0x88a8)</dd>',
      );
    }),
);

tests.add(
  NEEDS,
  "A super-packet is named as several packets in one, in every view",
  () =>
    inFolder(async (folder) => {
      const { path, packets } = await among("joined", folder);
      const [{ bytes, summary }] = packets;
      const name = "IPv4 (protocol: 17), several packets in one (GSO/GRO)";
      assertEquals([bytes, summary], [14 + 20 + 8 + 4 * 1200, name]);
      const shown = (await readCapture(path)).filter(({ comment }) =>
        comment.endsWith(`: ${name}`)
      );
      assertEquals([shown.length, shown[0].length], [packets.length, bytes]);
      assertStringIncludes(await Deno.readTextFile(`${folder}/run.html`), name);
    }),
);
