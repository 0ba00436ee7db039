/**
 * A relay's worker as in the experiment `relay`, under all protections, with sockets that it opens
 * itself.
 *
 *     deno run -A bench/relay_worker.ts --path NAME --interface NAME --out NAME
 *              --from GROUP:PORT --to GROUP:PORT [--plain]
 *
 * Prints `ready`, and when nothing has come for a while, the account of the frames.
 *
 * @module
 */

// deno-lint-ignore-file no-console -- this program prints

import { cpuUsage } from "node:process";
import { parseArgs } from "@std/cli/parse-args";
import {
  ETH_P_ALL,
  if_nametoindex,
  linkByIndex,
  setsockopt,
  SO_RCVBUFFORCE,
  SOL_SOCKET,
} from "../ffi/mod.ts";
import { openEgress } from "../lib/experiments/relay/egress.ts";
import { parseEndpoint } from "../lib/experiments/relay/options.ts";
import { Relay } from "../lib/experiments/relay/relay.ts";
import { groupFilter } from "../lib/packets/filters.ts";
import { boundPacketSocket, takeStatistics } from "../lib/packets/socket.ts";
import { openFrameSource, type ReceivePath } from "../lib/receive/mod.ts";
import { becomeHardened } from "./hardened.ts";

const WAIT_FOR_FIRST = 10_000, WAIT_FOR_NEXT = 300; // in milliseconds

const options = parseArgs(Deno.args, {
  string: ["path", "interface", "out", "from", "to"],
  boolean: ["plain"],
});
const from = parseEndpoint("--from", options.from!);
const to = parseEndpoint("--to", options.to!);
const linkOf = (name: string) => linkByIndex(if_nametoindex(name));

using packetSocket = boundPacketSocket(linkOf(options.interface!).ifindex, ETH_P_ALL);
setsockopt(packetSocket.fd, SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20);
using egress = openEgress(linkOf(options.out!), to);
using source = openFrameSource(options.path as ReceivePath, packetSocket.fd);
const relay = new Relay(source, egress.fd, from, "ethernet");

const before = cpuUsage();
if (!options.plain) {
  const own = { packetFd: packetSocket.fd, egressFd: egress.fd, sourceFd: source.fd };
  becomeHardened(own, groupFilter(from, "ethernet"));
}
takeStatistics(packetSocket.fd);
console.log("ready");

let first = 0, last = 0;
for (let now = performance.now(), deadline = now + WAIT_FOR_FIRST; now < deadline;) {
  source.wait(deadline - now);
  const began = performance.now();
  let frames = 0;
  for (let some = relay.turn(1024); some > 0; some = relay.turn(1024)) frames += some;
  now = performance.now();
  if (frames === 0) continue;
  if (first === 0) first = began;
  last = now;
  deadline = now + WAIT_FOR_NEXT;
}
const { user, system } = cpuUsage(before);
const { packets, drops } = takeStatistics(packetSocket.fd);
console.log(JSON.stringify({
  ...relay.account,
  tp_packets: packets,
  tp_drops: drops,
  seconds: (last - first) / 1000,
  cpu_us: user + system,
}));
Deno.exit(0); // the open files were opened as root, and are closed with the process
