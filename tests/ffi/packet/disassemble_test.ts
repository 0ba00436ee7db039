import { assertEquals, assertMatch } from "@std/assert";
import {
  assemble,
  BPF_RET,
  bpfJumpEqual,
  bpfLoad,
  bpfReturn,
  bpfSkip,
  disassemble,
  SKF_AD_OFF,
  SKF_AD_PKTTYPE,
  SKF_NET_OFF,
} from "../../../ffi/mod.ts";
import { testNeeding } from "../../support/needs.ts";
import { runProgram } from "../../support/programs.ts";

/** A line without our remark. */
const plain = (line: string) => line.replace(/ {2,}; .*$/, "").trimEnd();
/** A line of libpcap with spaces in place of tabs. */
const spaced = (line: string) => line.replace("\t", "  ").trimEnd();

const EXPRESSIONS = [
  "",
  "ip",
  "not ip",
  "arp",
  "tcp port 80",
  "udp portrange 5000-5010",
  "port 53 or igmp",
  "igmp and dst 224.0.0.1",
  "net 10.0.0.0/8 and not icmp",
  "ip6 and udp port 546",
  "ether host 01:80:c2:00:00:0e",
  "ether proto 0x88cc",
  "vlan 5 and ip",
  "len > 1000",
  "ip[8] + 2 * 3 > tcp[0] % 7",
  "greater 60 and ip broadcast",
];

/** A filter for Ethernet as tcpdump prints it. */
async function tcpdump(option: "-d" | "-ddd", expression: string): Promise<string[]> {
  const args = [option, "-y", "EN10MB", expression];
  const { code, stdout, stderr } = await runProgram("tcpdump", args);
  assertEquals(code, 0, stderr);
  return stdout.trimEnd().split("\n");
}

testNeeding(
  { programs: { tcpdump: "tcpdump" } },
  "disassemble() prints what tcpdump -d prints, and its remarks",
  async () => {
    for (const expression of EXPRESSIONS) {
      const [, ...numbers] = await tcpdump("-ddd", expression);
      const program = assemble(numbers.map((line) => {
        const [code, jt, jf, k] = line.split(" ").map(Number);
        return { code, jt, jf, k };
      }));
      assertEquals(
        disassemble(program).map(plain),
        (await tcpdump("-d", expression)).map(spaced),
        expression,
      );
    }
  },
);

/** The function of libpcap behind `tcpdump -d`; undefined without the library. */
function libpcap() {
  try {
    return Deno.dlopen("libpcap.so.0.8", {
      bpf_image: { parameters: ["buffer", "i32"], result: "pointer" },
    });
  } catch {
    return undefined;
  }
}

const library = libpcap();
Deno.test({
  name: "disassemble() prints every code as libpcap does" +
    (library === undefined ? " # SKIP needs libpcap: apt-get install libpcap0.8" : ""),
  ignore: library === undefined,
  fn() {
    const image = (instruction: Uint8Array<ArrayBuffer>) =>
      new Deno.UnsafePointerView(library!.symbols.bpf_image(instruction, 0)!).getCString();
    const LDX_LENGTH = 0x81; // which libpcap never has
    const differences: string[] = [];
    const compare = (code: number, k: number) => {
      const bytes = new Uint8Array(8);
      new DataView(bytes.buffer).setUint16(0, code, true);
      new DataView(bytes.buffer).setUint32(4, k, true);
      bytes.set([3, 250], 2);
      const [ours] = disassemble(bytes), theirs = spaced(image(bytes));
      if (plain(ours) !== theirs) differences.push(`${ours}, not ${theirs}`);
    };
    for (let code = 0; code < 0x200; code++) {
      if (code === LDX_LENGTH) continue;
      for (const k of [0, 7, 0x7fffffff, 0x80000000, 0xffffffff]) compare(code, k);
    }
    for (let k = 0; k < 80; k++) compare(0x20, SKF_AD_OFF + k >>> 0);
    assertEquals(differences, []);
    library!.close();
  },
});

/** The remarks of a program, `-` for none. */
const remarks = (program: Uint8Array<ArrayBuffer>, isEthernet?: boolean) =>
  disassemble(program, isEthernet).map((line) => line.match(/ {2,}; (.*)$/)?.[1] ?? "-");

Deno.test("disassemble() names fields and values where they are certain", () => {
  const ipv4 = (...then: ReturnType<typeof bpfLoad>[]) =>
    assemble([bpfLoad(12, 2), bpfJumpEqual(0x800, 0, then.length), ...then, bpfReturn(0)]);
  assertEquals(remarks(ipv4(bpfLoad(23, 1), bpfJumpEqual(17, 0, 0))), [
    "EtherType",
    "IPv4",
    "IPv4 protocol",
    "UDP",
    "drop",
  ]);
  assertEquals(remarks(ipv4(bpfLoad(30), bpfJumpEqual(0xe0000001, 0, 0))).slice(2, 4), [
    "IPv4 destination",
    "224.0.0.1",
  ]);
  // Not an IPv4 frame for certain: the other way leads there too.
  const either = [bpfLoad(12, 2), bpfJumpEqual(0x800, 0, 0), bpfLoad(23, 1), bpfReturn(-1 >>> 0)];
  assertEquals(remarks(assemble(either)), ["EtherType", "IPv4", "-", "keep"]);
  // The accumulator holds the EtherType on one way only.
  const mixed = [
    bpfLoad(12, 2),
    bpfJumpEqual(0x800, 1, 0),
    bpfLoad(0),
    bpfJumpEqual(0x806, 0, 0),
    bpfReturn(0),
  ];
  assertEquals(remarks(assemble(mixed))[3], "-");
});

Deno.test("disassemble() knows metadata, and packets without an Ethernet header", () => {
  const type = assemble([
    bpfLoad(SKF_AD_OFF + SKF_AD_PKTTYPE),
    bpfJumpEqual(4, 0, 0),
    bpfReturn(0),
  ]);
  assertEquals(remarks(type), ["packet type", "PACKET_OUTGOING", "drop"]);
  const network = (offset: number) =>
    assemble([
      bpfLoad(SKF_AD_OFF, 2),
      bpfJumpEqual(0x800, 0, 1),
      bpfLoad(offset, 1),
      bpfReturn(0),
    ]);
  assertEquals(remarks(network(9), false)[2], "IPv4 protocol");
  assertEquals(remarks(network(9), true)[2], "source MAC address, part");
  assertEquals(remarks(network(SKF_NET_OFF + 9))[2], "IPv4 protocol");
  assertEquals(remarks(assemble([bpfLoad(12, 2), bpfReturn(0)]), false)[0], "-");
});

Deno.test("disassemble() prints whatever there is, and no more than a program may have", () => {
  assertEquals(disassemble(new Uint8Array()), []);
  assertEquals(disassemble(Uint8Array.of(1, 2, 3)), ["; 3 more bytes, which are no instruction"]);
  const unreached = assemble([bpfSkip(1), bpfReturn(0), bpfReturn(0)]);
  assertEquals(remarks(unreached), ["-", "never reached", "drop"]);
  const endless = new Uint8Array(8 * 5000).fill(BPF_RET);
  const lines = disassemble(endless);
  assertEquals(lines.length, 4097);
  assertMatch(lines[4095], /^\(4095\) unimp {4}0x606 {2,}; never reached$/);
  assertEquals(lines[4096], "; 7232 more bytes, which are no instruction");
});
