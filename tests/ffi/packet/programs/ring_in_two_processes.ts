/**
 * Sets up a ring that another process maps and reads.
 *
 *     ring_in_two_processes.ts            sets the ring up, sends, and starts the reader
 *     ring_in_two_processes.ts reader FD  reads
 *
 * @module
 */

import { PacketRing, setCloseOnExec, setUpPacketRing } from "../../../../ffi/mod.ts";
import { sharedWithKernel } from "../../mappings.ts";
import { awaitFrame, isAt } from "./ring_walk.ts";
import { printJson } from "../../programs/print_json.ts";
import { nearSocket, numberedFrame, Sender, sizeOf } from "../../programs/veth.ts";

const FRAMES = 100;
const GEOMETRY = { blockSize: 1 << 16, blockCount: 128, retireTimeout: 20 };

function read(packetFd: number): void {
  using ring = new PacketRing(packetFd, GEOMETRY);
  let asSent = 0;
  while (asSent < FRAMES && awaitFrame(ring, packetFd) && isAt(ring, asSent)) asSent++;
  printJson({ asSent, more: ring.next() });
}

function sendAndStartReader(): void {
  using near = nearSocket();
  using sender = new Sender();
  setUpPacketRing(near.fd, GEOMETRY);
  for (let i = 0; i < FRAMES / 2; i++) sender.send(numberedFrame(i, sizeOf(i)));
  setCloseOnExec(near.fd, false);
  const reader = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", import.meta.filename!, "reader", String(near.fd)],
    stdout: "inherit",
  }).spawn();
  for (let i = FRAMES / 2; i < FRAMES; i++) sender.send(numberedFrame(i, sizeOf(i)));
  reader.status.then(({ code }) => Deno.exit(sharedWithKernel().length === 0 ? code : 1));
}

if (Deno.args[0] === "reader") read(Number(Deno.args[1]));
else sendAndStartReader();
