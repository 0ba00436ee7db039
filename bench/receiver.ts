/**
 * The same program as `bench/c/receiver.c`, with `lib/receive/`: the same options, steps and
 * report.
 *
 *     deno run -A bench/receiver.ts --path NAME --interface NAME [--rcvbuf BYTES]
 *              [--block-size BYTES] [--block-count N] [--retire-timeout MILLISECONDS]
 *              [--harden]
 *
 * With --harden it works under the protections of a worker.
 *
 * @module
 */

// deno-lint-ignore-file no-console -- this program prints

import { cpuUsage } from "node:process";
import { parseArgs } from "@std/cli/parse-args";
import {
  AF_PACKET,
  assemble,
  bpfJumpEqual,
  bpfLoad,
  bpfReturn,
  ETH_P_ALL,
  if_nametoindex,
  PACKET_IGNORE_OUTGOING,
  readTextFile,
  setsockopt,
  SO_RCVBUFFORCE,
  SOCK_CLOEXEC,
  SOCK_RAW,
  socket,
  SOL_PACKET,
  SOL_SOCKET,
} from "../ffi/mod.ts";
import { bindPacketSocket, takeStatistics } from "../lib/packets/socket.ts";
import { type FrameSource, openFrameSource, type ReceivePath } from "../lib/receive/mod.ts";
import { PacketRingSource } from "../lib/receive/tpacket_v3.ts";
import { becomeHardened } from "./hardened.ts";

const WAIT_FOR_FIRST = 10_000, WAIT_FOR_NEXT = 300; // in milliseconds
const ETHERTYPE = 12, SEQUENCE = 14; // offsets in a frame
const EXPERIMENTAL = 0x88b5; // the type of the generator's frames
const WHOLE_FRAME = 0x40000;

const options = parseArgs(Deno.args, {
  string: ["path", "interface", "rcvbuf", "block-size", "block-count", "retire-timeout"],
  boolean: ["harden"],
  default: {
    "rcvbuf": String(8 << 20),
    "block-size": String(256 << 10),
    "block-count": "64",
    "retire-timeout": "8",
  },
});

/** Counts what is received. */
class Tally {
  received = 0;
  foreign = 0;
  disordered = 0;
  #last = -1;

  /** Reads all waiting frames, and checks each. */
  take(source: FrameSource): void {
    const { bytes } = source;
    while (source.next()) {
      const start = source.offset;
      if (bytes[start + ETHERTYPE] !== 0x88 || bytes[start + ETHERTYPE + 1] !== 0xb5) {
        this.foreign++;
        continue;
      }
      const at = start + SEQUENCE;
      const sequence =
        (bytes[at] << 24 | bytes[at + 1] << 16 | bytes[at + 2] << 8 | bytes[at + 3]) >>> 0;
      if (sequence <= this.#last) this.disordered++;
      this.#last = sequence;
      this.received++;
    }
  }
}

function open(packetFd: number): FrameSource {
  if (options.path !== "tpacket-v3") return openFrameSource(options.path as ReceivePath, packetFd);
  return PacketRingSource.setUp(packetFd, {
    blockSize: Number(options["block-size"]),
    blockCount: Number(options["block-count"]),
    retireTimeout: Number(options["retire-timeout"]),
  });
}

const packetFd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
setsockopt(packetFd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
setsockopt(packetFd, SOL_SOCKET, SO_RCVBUFFORCE, Number(options.rcvbuf));
using source = open(packetFd);
bindPacketSocket(packetFd, if_nametoindex(options.interface), ETH_P_ALL);
if (options.harden) {
  const filter = assemble([
    bpfLoad(ETHERTYPE, 2),
    bpfJumpEqual(EXPERIMENTAL, 0, 1),
    bpfReturn(WHOLE_FRAME),
    bpfReturn(0),
  ]);
  becomeHardened({ packetFd, sourceFd: source.fd }, filter);
}

const tally = new Tally();
console.log("ready");
const before = cpuUsage();
let first = 0, last = 0;
for (let now = performance.now(), deadline = now + WAIT_FOR_FIRST; now < deadline;) {
  const { received } = tally;
  source.wait(deadline - now);
  const began = performance.now();
  tally.take(source);
  now = performance.now();
  if (tally.received === received) continue; // the time is up, or the frame is foreign
  if (received === 0) first = began;
  last = now;
  deadline = now + WAIT_FOR_NEXT;
}
const { user, system } = cpuUsage(before);
const { packets, drops } = takeStatistics(packetFd);
const [, peak] = readTextFile("/proc/self/status").match(/^VmHWM:\s+(\d+) kB/m)!;
console.log(JSON.stringify({
  received: tally.received,
  foreign: tally.foreign,
  disordered: tally.disordered,
  seconds: (last - first) / 1000,
  user_us: user,
  system_us: system,
  tp_packets: packets,
  tp_drops: drops,
  max_rss_kib: Number(peak),
}));
