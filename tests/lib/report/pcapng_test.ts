import { assertEquals, assertMatch } from "@std/assert";
import type { Evidence, Packet } from "../../../lib/evidence/evidence.ts";
import { privilegeDrop } from "../../../lib/experiments/privilege_drop/experiment.ts";
import { HEAD_LIMIT } from "../../../lib/harness/protocol.ts";
import { ExperimentRecord } from "../../../lib/evidence/record.ts";
import { stimulusFrame } from "../../../lib/packets/stimulus.ts";
import { BARE } from "../../support/link_ends.ts";
import { renderPcapng } from "../../../lib/report/pcapng.ts";
import { environment, evidenceOf } from "../../../lib/harness/run.ts";
import { testNeeding } from "../../support/needs.ts";
import { readCapture, TSHARK } from "../../support/tshark.ts";

const FRAME = Uint8Array.from({ length: 60 }, (_, i) => i);

function packet(change: Partial<Packet> = {}): Packet {
  return {
    bytes: FRAME.length,
    head: FRAME.toBase64(),
    after_drop: true,
    ours: true,
    summary: "EtherType 0x0c0d",
    timestamp_ns: "1795425123498906801",
    stamped_by: "kernel",
    ...change,
  };
}

function evidence(packets: readonly Packet[], name = "veth-fdpass"): Evidence {
  const record = new ExperimentRecord(privilegeDrop);
  packets.forEach((each) => record.packet(each, 1));
  return evidenceOf(environment(name, "nobody"), [record.close(null, null)]);
}

async function shown(evidence: Evidence) {
  const file = await Deno.makeTempFile({ suffix: ".pcapng" });
  try {
    await Deno.writeFile(file, renderPcapng(evidence));
    return await readCapture(file);
  } finally {
    await Deno.remove(file);
  }
}

testNeeding(
  TSHARK,
  "renderPcapng(): tshark finds the packets, their times and their comments",
  async () => {
    const [one, two, ...more] = await shown(evidence([
      packet({ after_drop: false, ours: false, timestamp_ns: "1" }),
      packet({ stamped_by: "child" }),
    ]));
    assertEquals(more, []);
    const of = (i: number) => `privilege-drop: packet ${i} of 2,`;
    assertEquals(one, {
      time: "0.000000001",
      interface: "veth-fdpass",
      comment: `${
        of(1)
      } perhaps received before the drop, not this run's stimulus: EtherType 0x0c0d`,
      protocols: "eth:ethertype:data",
      length: 60,
      captured: 60,
      hex: FRAME.toHex(),
    });
    assertEquals(two, {
      ...one,
      time: "1795425123.498906801",
      comment: `${
        of(2)
      } received after the drop, this run's stimulus, time stamp of the child's clock: EtherType 0x0c0d`,
    });
  },
);

testNeeding(
  TSHARK,
  "renderPcapng() of no packet, and of no experiment, is an empty capture",
  async () => {
    assertEquals(await shown(evidence([])), []);
    assertEquals(await shown(evidenceOf(environment(null, null), [])), []);
  },
);

testNeeding(TSHARK, "renderPcapng() keeps the original length of a truncated frame", async () => {
  const cut = new Uint8Array(HEAD_LIMIT).fill(7);
  const lengths = [0, 1, 13, 14, 15, HEAD_LIMIT - 1, HEAD_LIMIT];
  const packets = await shown(evidence([
    packet({ bytes: 1514, head: cut.toBase64() }),
    ...lengths.map((length) => packet({ bytes: length, head: cut.subarray(0, length).toBase64() })),
  ]));
  assertEquals(packets.map(({ length, captured }) => [length, captured]), [
    [1514, HEAD_LIMIT],
    ...lengths.map((length) => [length, length]),
  ]);
  assertEquals(packets[0].hex, cut.toHex());
});

testNeeding(TSHARK, "renderPcapng() of a link without a header holds bare IP packets", async () => {
  const secret = new Uint8Array(16);
  const bare = [0, 1, 2].map((sequence) => stimulusFrame(sequence, BARE, secret));
  const packets = bare.map((each) => packet({ bytes: each.length, head: each.toBase64() }));
  const whole = evidence(packets, "tun0");
  const link = { name: "tun0", layer: "ip", kind: "tun", mtu: 1500 } as const;
  const read = await shown({ ...whole, environment: { ...whole.environment, link } });
  const protocols = read.map((each) => each.protocols);
  assertMatch(protocols[0], /^raw:ip:udp:/);
  assertMatch(protocols[1], /^raw:ip:igmp/);
  assertMatch(protocols[2], /^raw:ipv6:udp:/);
  assertEquals(read.map(({ captured }) => captured), bare.map(({ length }) => length));
});

testNeeding(
  TSHARK,
  "renderPcapng() makes a valid capture of any values from the child",
  async () => {
    const packets = await shown(evidence([
      packet({ bytes: 10 }), // more captured than there was
      packet({ bytes: 1 << 24 }),
      packet({ timestamp_ns: "99999999999999999999" }), // beyond 64 bits
      packet({ timestamp_ns: "0" }),
      packet({ head: "", bytes: 0 }),
    ]));
    assertEquals(packets.map(({ length, captured }) => [length, captured]), [
      ...[[10, 10], [1 << 24, 60], [60, 60], [60, 60], [0, 0]],
    ]);
    assertEquals(packets.map(({ time }) => time).slice(2, 4), [
      "18446744073.709551615",
      "0.000000000",
    ]);
  },
);

testNeeding(
  TSHARK,
  "renderPcapng() escapes names that would break a line, a terminal or an option",
  async () => {
    const names: [name: string, shown: string][] = [
      ['\x1b[2J\r\nroot# "\u202e<b>', '\\u{1b}[2J\\u{d}\\u{a}root# "\\u{202e}<b>'],
      ["\0", "\\u{0}"],
      ["\ud800 alone", "\ufffd alone"],
      ["ü".repeat(50_000), "ü".repeat(0xfffc / 2)],
      ["€".repeat(50_000), "€".repeat(0xfffc / 3)],
    ];
    for (const [name, expected] of names) {
      const hostile = evidence([packet()], name);
      const [experiment] = hostile.experiments;
      const [first] = await shown({ ...hostile, experiments: [{ ...experiment, name }] });
      const unescaped = (text: string) => text.replaceAll("\\\\", "\\");
      assertEquals(unescaped(first.interface), expected);
      assertEquals(
        unescaped(first.comment).slice(0, 1000),
        `${expected}: packet 1 of 1, received after the drop, this run's stimulus: EtherType 0x0c0d`
          .slice(0, 1000),
      );
    }
  },
);

Deno.test("renderPcapng() of 100,000 packets takes less than 30 s and little more than their bytes", () => {
  const many = evidence(Array.from({ length: 100_000 }, () => packet()));
  const started = performance.now();
  const { length } = renderPcapng(many);
  assertEquals(length < 100_000 * 256, true, `${length} bytes`);
  assertEquals(
    performance.now() - started < 30_000,
    true,
    "30 s",
  );
});
