/**
 * Sends numbered frames to veth-fdpass, or reads them, until standard input ends.
 *
 *     load.ts send     2,000 frames a second; prints how many
 *     load.ts read     prints as JSON how many were read in order, and how many the kernel dropped
 *
 * @module
 */

import { MSG_DONTWAIT, poll, POLLIN, ReceiveBuffer } from "../../../../ffi/mod.ts";
import { pause } from "../../../../lib/host/pause.ts";
import { enlargeReceiveBuffer, takeStatistics } from "../../../../lib/packets/socket.ts";
import { printJson } from "../../../ffi/programs/print_json.ts";
import { nearSocket, NUMBER_OFFSET, numberedFrame, Sender } from "../../../ffi/programs/veth.ts";

const SIZE = 200;

let isOver = false;
const end = Deno.stdin.read(new Uint8Array(1)).then(() => {
  isOver = true;
});

async function send(): Promise<number> {
  using far = new Sender();
  let sent = 0;
  for (const began = performance.now(); !isOver; await pause(1)) {
    const due = 2 * (performance.now() - began);
    while (sent < due) far.send(numberedFrame(sent++, SIZE));
  }
  return sent;
}

async function read(): Promise<{ read: number; dropped: number }> {
  using near = nearSocket();
  enlargeReceiveBuffer(near.fd);
  printJson("ready");
  const buffer = new ReceiveBuffer(4096);
  const view = new DataView(buffer.bytes.buffer);
  let read = 0;
  for (let isLast = false; !isLast; await pause(0)) {
    isLast = isOver; // frames that are queued now are still read
    poll([near.fd], POLLIN, 1);
    while (buffer.receive(near.fd, MSG_DONTWAIT) > 0) {
      if (view.getUint32(NUMBER_OFFSET) === read) read++;
    }
  }
  return { read, dropped: takeStatistics(near.fd).drops };
}

const result = await (Deno.args[0] === "send" ? send() : read());
await end;
printJson(result);
