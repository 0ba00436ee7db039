/**
 * A worker receives millions of frames by a packet ring, as fast as they can be sent, and accounts
 * for each by its number.
 *
 *     receive_soak.ts parent FRAMES PAUSE
 *     receive_soak.ts worker CHANNEL_FD
 *
 * PAUSE is how long the worker pauses after every hundred thousand frames, in milliseconds.
 *
 * @module
 */

import {
  Errno,
  lastErrno,
  libc,
  OwnedFd,
  Poller,
  POLLIN,
  sleep,
  SystemError,
} from "../../ffi/mod.ts";
import { spawnChild } from "../../lib/harness/process.ts";
import { awaitMessage, controlChannelPair, sendMessage } from "../../lib/harness/channel.ts";
import { takeStatistics } from "../../lib/packets/socket.ts";
import { becomeWorker } from "../../lib/confine/worker_protections.ts";
import { openFrameSource } from "../../lib/receive/mod.ts";
import { printJson } from "../ffi/programs/print_json.ts";
import { nearSocket, NUMBER_OFFSET, numberedFrame, Sender } from "../ffi/programs/veth.ts";

const TIMEOUT = 10_000;
const SIZE = 64;
/** The number of frames between two pauses of the worker; a ring holds about as many. */
const PAUSE_EVERY = 100_000;
/** How often a frame is sent that finds a queue full. */
const TRIES = 5000;

const say = (channelFd: number, message: unknown, fds: number[] = []) =>
  sendMessage(channelFd, message, fds, TIMEOUT);
const hear = (channelFd: number) => JSON.parse(awaitMessage(channelFd, 0, TIMEOUT).text);

/** Sends frames with the numbers from 0. */
function sendAll(frames: number): void {
  using sender = new Sender();
  const frame = numberedFrame(0, SIZE);
  const view = new DataView(frame.buffer);
  const size = BigInt(SIZE);
  for (let number = 0, tries = 0; number < frames;) {
    view.setUint32(NUMBER_OFFSET, number);
    if (libc.sendto(sender.fd, frame, size, 0, null, 0) !== -1) {
      number++;
      tries = 0;
      continue;
    }
    const errno = lastErrno();
    if (errno !== Errno.ENOBUFS || ++tries > TRIES) throw new SystemError("sendto", errno);
    sleep(1);
  }
}

async function parent(frames: number, pause: number): Promise<void> {
  using packetSocket = nearSocket();
  const [ours, theirs] = controlChannelPair();
  await using worker = spawnChild({
    module: import.meta.url,
    args: ["worker", String(theirs.fd)],
    inherit: [theirs.fd],
  });
  theirs.close();
  say(ours.fd, { pause }, [packetSocket.fd]);
  hear(ours.fd); // the worker is ready
  const start = performance.now();
  sendAll(frames);
  const seconds = (performance.now() - start) / 1000;
  say(ours.fd, "that is all");
  const seen = hear(ours.fd);
  const { status, output } = await worker.ended();
  printJson({ ...seen, seconds, code: status.code, output });
}

function worker(channelFd: number): void {
  const { text, descriptors: [packetFd] } = awaitMessage(channelFd, 1, TIMEOUT);
  const { pause } = JSON.parse(text);
  using packetSocket = new OwnedFd(packetFd);
  becomeWorker({ uid: 65534, gid: 65534 }, []);
  using source = openFrameSource("tpacket-v3", packetSocket.fd);
  const poller = new Poller([packetSocket.fd, channelFd], POLLIN);
  const view = new DataView(source.bytes.buffer, source.bytes.byteOffset);
  takeStatistics(packetSocket.fd);
  say(channelFd, "ready");

  let received = 0;
  let disordered = 0;
  let wrongSize = 0;
  let last = -1;
  let isEnd = false;
  while (!isEnd) {
    // All frames were sent before the message. Once it is there and no block is due, the ring holds
    // the rest of them.
    poller.wait(TIMEOUT);
    isEnd = poller.revents(1) !== 0;
    if (isEnd) sleep(200);
    while (source.next()) {
      const number = view.getUint32(source.offset + NUMBER_OFFSET);
      if (number <= last) disordered++;
      if (source.length !== SIZE || source.captured !== SIZE) wrongSize++;
      last = number;
      if (++received % PAUSE_EVERY === 0 && pause > 0) sleep(pause);
    }
  }
  const { packets, drops } = takeStatistics(packetSocket.fd);
  say(channelFd, { received, disordered, wrongSize, last, packets, drops });
}

const [role, ...numbers] = Deno.args;
const [first, second] = numbers.map(Number);
if (role === "parent") await parent(first, second);
else worker(first);
