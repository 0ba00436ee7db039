/**
 * Daemons of Debian work on while they are inspected, and after they were asked: no frame is lost,
 * and no call of theirs changes.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { ETH_P_ALL, MSG_DONTWAIT } from "../../ffi/abi/constants.ts";
import { SystemError } from "../../ffi/abi/errno.ts";
import { recv } from "../../ffi/socket/calls.ts";
import { if_nametoindex } from "../../ffi/mod.ts";
import { pause } from "../../lib/host/pause.ts";
import { askDaemon } from "../../lib/inspect/asking/asking.ts";
import { seeDaemon } from "../../lib/inspect/daemon.ts";
import { seePacketSockets } from "../../lib/inspect/sockets/socket_state.ts";
import { predict } from "../../lib/inspect/prediction/predict.ts";
import { be16, joined, udpOverIpv4 } from "../../lib/packets/build.ts";
import { sendFrame } from "../../lib/packets/send.ts";
import { boundPacketSocket } from "../../lib/packets/socket.ts";
import { startLoad } from "../lib/inspect/under_load.ts";
import { testNeeding } from "../support/needs.ts";
import { ROOT } from "../support/programs.ts";
import {
  DebianDaemon,
  DHCPCD,
  FAR_END,
  INTERFACE,
  LLDPD,
  needing,
  PACKAGES,
  processOf,
  startDhcpcd,
  startLldpd,
  startTcpdump,
  titleOf,
} from "./debian_daemons.ts";
import { inspect } from "./inspecting.ts";
import { childrenOf, Running, uidOf, until } from "./processes.ts";

/** The EtherType of the numbered frames, for experiments (IEEE 802). */
const NUMBERED = "0x88b5";

/** Where a load of datagrams goes. */
const GROUP = "239.255.7.8", PORT = 7878;
const LOAD = ["udp", "port", String(PORT)];

/** Sends datagrams by the far end, and returns how many. */
async function load(seconds: number, rate: number): Promise<number> {
  await using flood = new Running([
    ...[Deno.execPath(), "run", "-A", `${ROOT}/tests/support/flood.ts`, FAR_END],
    ...[seconds, rate, GROUP, PORT].map(String),
  ]);
  const { stdout, stderr, code } = await flood.ended();
  assertEquals(code, 0, stderr);
  return Number(stdout);
}

/** How long tcpdump may keep the last block of its ring, in ms: the timeout is a second. */
const LAST_BLOCK = 2000;

/** The counters of tcpdump, which it prints at its end. */
async function counters(tcpdump: DebianDaemon) {
  const { stderr } = await tcpdump.end("SIGINT");
  const count = (words: string) => Number(stderr.match(new RegExp(`^(\\d+) ${words}`, "m"))?.[1]);
  return {
    captured: count("packets? captured"),
    received: count("packets? received by filter"),
    dropped: count("packets? dropped by kernel"),
  };
}

/** Everything that an inspection reads of a process while it runs. */
function look(pid: number) {
  const daemon = seeDaemon(pid);
  const sockets = seePacketSockets(daemon).states;
  predict({ daemon, sockets, asked: undefined });
  return { daemon, sockets };
}

/** Inspects tcpdump again and again, while it captures 2000 frames a second. */
async function assertNothingLost(times: number, inspectIt: (pid: number) => void): Promise<void> {
  await using tcpdump = await startTcpdump("ether", "proto", NUMBERED);
  const sender = startLoad("send");
  for (let i = 0; i < times; i++) {
    inspectIt(tcpdump.pid);
    await pause(1);
  }
  const sent = await sender.end();
  await pause(LAST_BLOCK);
  assert(sent > times, `${sent} frames`);
  assertEquals(await counters(tcpdump), { captured: sent, received: sent, dropped: 0 });
}

testNeeding(
  needing(PACKAGES.tcpdump),
  "tcpdump loses no frame of 2000 a second during a thousand inspections",
  () => assertNothingLost(1000, (pid) => assertEquals(look(pid).sockets.length, 1)),
);

testNeeding(
  needing(PACKAGES.tcpdump),
  "tcpdump loses no frame of 2000 a second while it is asked a hundred times",
  () => assertNothingLost(100, (pid) => assertEquals(askDaemon(seeDaemon(pid)).threads.length, 1)),
);

testNeeding(
  needing({ ...PACKAGES.tcpdump, strace: "strace" }),
  "Without --ask no call of tcpdump changes",
  async () => {
    const command = (folder: string) => [
      ...["strace", "-f", "-o", `${folder}/trace`, "tcpdump", "-i", INTERFACE, "-Z", "nobody"],
      ...["-U", "-w", `${folder}/frames.pcap`, ...LOAD],
    ];
    const traced = (pid: number) => childrenOf(pid).find((child) => uidOf(child) === 65534);
    await using strace = await DebianDaemon.start(command, ({ pid }) => traced(pid) !== undefined);
    const pid = traced(strace.pid)!;
    const lines = () => Deno.readTextFileSync(`${strace.folder}/trace`).split("\n").slice(0, -1);
    const writes = () => lines().filter((line) => / write\(\d+, .*= \d+$/.test(line)).length;
    const loading = load(12, 200);
    await until("it writes frames", () => writes() > 100, 20_000);
    const before = lines();
    const sinceThen = () => lines().slice(before.length);
    // Its ring hands frames over once a second, so five inspections may fit between two blocks.
    for (let i = 0; i < 5 || (i < 50 && sinceThen().length <= 100); i++) {
      assertEquals((await inspect(pid)).check("INSP-03").status, "pass");
    }
    const during = sinceThen();
    const sent = await loading;
    assert(during.length > 100, `${during.length} calls`);
    const isLoop = (line: string) => / (poll|write|ppoll)\(.* = [1-9]/.test(line);
    assertEquals(during.filter((line) => !isLoop(line)), []);
    await pause(LAST_BLOCK);
    const { stderr } = await strace.end("SIGINT", pid);
    assertMatch(stderr, new RegExp(`^${sent} packets captured$`, "m"));
    assertMatch(stderr, /^0 packets dropped by kernel$/m);
  },
);

/** A packet socket at the far end of the link. */
function farEnd(protocol: number) {
  const socket = boundPacketSocket(if_nametoindex(FAR_END), protocol);
  const buffer = new Uint8Array(2048);
  return {
    send: (frame: Uint8Array<ArrayBuffer>) => sendFrame(socket.fd, frame),
    /** The next frame; undefined if there is none. */
    next(): Uint8Array<ArrayBuffer> | undefined {
      try {
        return buffer.slice(0, recv(socket.fd, buffer, MSG_DONTWAIT));
      } catch (error) {
        if (error instanceof SystemError && error.code === "EAGAIN") return undefined;
        throw error;
      }
    },
    [Symbol.dispose]: () => socket[Symbol.dispose](),
  };
}

/** Source: IEEE 802.1AB. */
const ETH_P_LLDP = 0x88cc;
const LLDP_GROUP = [0x01, 0x80, 0xc2, 0, 0, 0x0e];
const NEIGHBOUR = [0x02, 0, 0, 0, 0, 0x77];

/** An LLDP frame that announces a system. Source: IEEE 802.1AB, 8 and 9. */
function announcement(system: string): Uint8Array<ArrayBuffer> {
  const text = (words: string) => [...new TextEncoder().encode(words)];
  const tlv = (type: number, value: readonly number[]) => [type << 1, value.length, ...value];
  return joined(
    [...LLDP_GROUP, ...NEIGHBOUR, ...be16(ETH_P_LLDP)],
    tlv(1, [4, ...NEIGHBOUR]), // chassis: a MAC address
    tlv(2, [7, ...text("port")]), // port: assigned locally
    tlv(3, be16(120)), // seconds to live
    tlv(5, text(system)),
    tlv(0, []),
  );
}

testNeeding(
  needing(PACKAGES.lldpd),
  "lldpd receives and sends on, after its worker was inspected and asked",
  async () => {
    await using lldpd = await startLldpd();
    const worker = processOf(lldpd, LLDPD.worker);
    for (const [i, options] of [[], ["--ask"], [], ["--ask"]].entries()) {
      const { outcome, text } = await inspect(worker, ...options);
      assertEquals(outcome.code, 0, text);
      using far = farEnd(ETH_P_LLDP); // no earlier: another's packet socket leaves INSP-07 open
      const system = `neighbour-${i}`;
      far.send(announcement(system));
      await until(`it knows ${system}`, () => titleOf(worker).includes(system), 5000);
      if (i === 3) await until("it sends", () => far.next() !== undefined, 35_000);
    }
  },
);

const ETHERNET = 14, IPV4 = 20, UDP = 8;
/** The server's address, and what it offers. RFC 5737: for documentation. */
const SERVER = [192, 0, 2, 1], OFFERED = [192, 0, 2, 77];
const BOOTPS = 67, BOOTPC = 68;
const DISCOVER = 1, OFFER = 2, REQUEST = 3;

/** The BOOTP message of a client in a frame. Source: RFC 2131, 2. */
function messageOf(frame: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> | undefined {
  const port = frame[ETHERNET + IPV4 + 2] << 8 | frame[ETHERNET + IPV4 + 3];
  return frame[ETHERNET + 9] === 17 && port === BOOTPS
    ? frame.slice(ETHERNET + IPV4 + UDP)
    : undefined;
}

/** Its DHCP type, option 53; undefined if it has none. Source: RFC 2132, 9.6. */
function typeOf(message: Uint8Array): number | undefined {
  for (let at = 240; at + 2 < message.length; at += 2 + message[at + 1]) {
    if (message[at] === 53) return message[at + 2];
  }
}

/** The offer that answers a DHCPDISCOVER. */
function offerTo(discover: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const message = discover.slice(0, 240);
  message[0] = 2; // BOOTREPLY
  message.set(OFFERED, 16);
  const options = [53, 1, OFFER, 54, 4, ...SERVER, 51, 4, 0, 0, 2, 88, 255];
  const payload = joined(message, options);
  const client = message.slice(28, 34);
  const packet = udpOverIpv4({
    source: SERVER,
    destination: [255, 255, 255, 255],
    port: BOOTPC,
    payload,
    isSummed: false,
  });
  packet.set(be16(BOOTPS), IPV4);
  return joined(client, NEIGHBOUR, be16(0x0800), packet);
}

/**
 * How long until it sends the next DHCPDISCOVER, in ms: it doubles its pause, up to 64 s and a
 * random second. Source: RFC 2131, 4.1.
 */
const LONGEST_PAUSE = 70_000;

testNeeding(
  needing(PACKAGES.dhcpcd),
  "dhcpcd sends and receives on, after its BPF process was inspected and asked",
  async () => {
    await using dhcpcd = await startDhcpcd();
    const worker = processOf(dhcpcd, DHCPCD.bpf);
    for (const options of [[], ["--ask"], ["--ask"]]) {
      assertEquals((await inspect(worker, ...options)).outcome.code, 0);
    }
    using far = farEnd(ETH_P_ALL);
    const message = (type: number) => {
      for (let frame = far.next(); frame !== undefined; frame = far.next()) {
        const found = messageOf(frame);
        if (found !== undefined && typeOf(found) === type) return found;
      }
    };
    let discover: Uint8Array<ArrayBuffer> | undefined;
    await until("it sends", () => (discover = message(DISCOVER)) !== undefined, LONGEST_PAUSE);
    far.send(offerTo(discover!));
    await until("it takes the offer", () => message(REQUEST) !== undefined, 5000);
    assertEquals(processOf(dhcpcd, DHCPCD.bpf), worker);
  },
);
