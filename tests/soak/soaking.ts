/**
 * A hardened worker that works for a long time. It is protected as by `lib/confine/protections.ts`,
 * with one difference: a refusal by the receive-only filter kills the worker here, so that no
 * violation goes unseen.
 *
 *     soaking.ts parent NEAR FAR FRAMES
 *     soaking.ts worker CHANNEL_FD UID GID
 *
 * @module
 */

import {
  compileFilter,
  ETH_P_ALL,
  if_nametoindex,
  installFilter,
  O_CLOEXEC,
  open,
  OwnedFd,
  poll,
  pollAsync,
  POLLIN,
  send,
} from "../../ffi/mod.ts";
import { spawnChild } from "../../lib/harness/process.ts";
import { awaitMessage, controlChannelPair, sendMessage } from "../../lib/harness/channel.ts";
import { multicastFilter } from "../../lib/packets/filters.ts";
import { takeFrame } from "../../lib/packets/queue.ts";
import { bindPacketSocket, openPacketSocket, takeStatistics } from "../../lib/packets/socket.ts";
import { stimulusFrame } from "../../lib/packets/stimulus.ts";
import { launcherFor } from "../../lib/confine/launcher.ts";
import { ALL_PROTECTIONS } from "../../lib/confine/protections.ts";
import { protectSocket } from "../../lib/confine/socket_protections.ts";
import {
  becomeWorker,
  closeUnknownDescriptors,
  protectWorker,
} from "../../lib/confine/worker_protections.ts";
import { prepareForFilter, receiveOnlyPolicy } from "../../lib/confine/policy.ts";
import { drain } from "../../lib/receive/frame_source.ts";
import { RecvmsgSource } from "../../lib/receive/recvmsg.ts";
import { printJson } from "../ffi/programs/print_json.ts";

/** The frames that are sent without waiting: fewer than any receive buffer holds. */
const BURST = 100;
const TIMEOUT = 10_000;
const NONCE = Uint8Array.from("one million times", (letter) => letter.charCodeAt(0)).slice(0, 16);
const FRAME = stimulusFrame(
  0,
  { layer: "ethernet", address: Uint8Array.of(2, 0, 0, 0, 0, 1) },
  NONCE,
);
/** The offset of the sequence number in the frame. */
const SEQUENCE = FRAME.length - NONCE.length - 4;

const identity = { uid: 65534, gid: 65534 };
const say = (channelFd: number, message: unknown) => sendMessage(channelFd, message, [], TIMEOUT);
const hear = (channelFd: number) => JSON.parse(awaitMessage(channelFd, 0, TIMEOUT).text);

async function parent(near: string, far: string, frames: number): Promise<void> {
  using packetSocket = new OwnedFd(openPacketSocket());
  bindPacketSocket(packetSocket.fd, if_nametoindex(near), ETH_P_ALL);
  protectSocket(packetSocket.fd, ALL_PROTECTIONS, multicastFilter("ethernet"));
  using sender = new OwnedFd(openPacketSocket());
  bindPacketSocket(sender.fd, if_nametoindex(far), 0);
  const [ours, theirs] = controlChannelPair();
  await using worker = spawnChild({
    module: import.meta.url,
    args: ["worker", String(theirs.fd)],
    inherit: [theirs.fd],
    launcher: launcherFor(identity, ALL_PROTECTIONS),
  });
  theirs.close();
  sendMessage(ours.fd, { frames }, [packetSocket.fd], TIMEOUT);
  hear(ours.fd); // the worker is ready

  const frame = FRAME.slice();
  const view = new DataView(frame.buffer);
  for (let sent = 0; sent < frames;) {
    for (let i = 0; i < BURST && sent < frames; i++) {
      view.setUint32(SEQUENCE, sent++);
      send(sender.fd, frame, 0);
    }
    hear(ours.fd); // the worker has them
  }
  const seen = hear(ours.fd);
  const { status, output } = await worker.ended();
  printJson({ ...seen, code: status.code, signal: status.signal, output });
}

function isOurs(head: Uint8Array): boolean {
  if (head.length !== FRAME.length) return false;
  for (let i = 0; i < NONCE.length; i++) {
    if (head[SEQUENCE + 4 + i] !== NONCE[i]) return false;
  }
  return true;
}

function hot(n: number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) sum = (sum * 31 + i) | 0;
  return sum;
}

async function worker(channelFd: number): Promise<void> {
  const asynchronous = Deno.dlopen("libc.so.6", {
    read: { parameters: ["i32", "buffer", "usize"], result: "isize", nonblocking: true },
  }).symbols;
  const { text, descriptors: [packetFd] } = awaitMessage(channelFd, 1, TIMEOUT);
  const { frames } = JSON.parse(text);
  const known = { packetFd, channelFd, sourceFd: packetFd };
  closeUnknownDescriptors(known, ALL_PROTECTIONS);
  becomeWorker(identity, ALL_PROTECTIONS);
  prepareForFilter();
  const before = ALL_PROTECTIONS.filter((protection) => protection !== "receive-only");
  protectWorker(known, before);
  const { rules } = receiveOnlyPolicy({ ...known, ioUring: false, pid: Deno.pid });
  installFilter(compileFilter({ rules, otherwise: { action: "kill", reason: "a violation" } }));

  const seen = { received: 0, disordered: 0, drops: 0, reads: 0, waits: 0, timers: 0, hot: 0 };
  setInterval(() => seen.timers++, 1);
  let garbage: number[][] = [];
  drain(new RecvmsgSource(packetFd));
  takeStatistics(packetFd);
  say(channelFd, "ready");
  let next = 0;
  for (let round = 0; round * BURST < frames; round++) {
    const end = Math.min(frames, (round + 1) * BURST);
    while (next < end) {
      const frame = takeFrame(packetFd);
      if (frame === undefined) {
        if (poll([packetFd], POLLIN, TIMEOUT)[0] === 0) break; // the rest of this burst is lost
      } else if (isOurs(frame.head)) {
        const { buffer, byteOffset } = frame.head;
        const sequence = new DataView(buffer, byteOffset).getUint32(SEQUENCE);
        if (sequence !== next) seen.disordered++;
        next = sequence + 1;
        seen.received++;
      }
    }
    next = end;
    garbage.push(new Array(1000).fill(round));
    if (garbage.length === 1000) garbage = [];
    if (round % 50 === 0) {
      using status = new OwnedFd(open("/proc/self/status", O_CLOEXEC));
      const reading = asynchronous.read(status.fd, new Uint8Array(8192), 8192n);
      const waiting = pollAsync([channelFd], POLLIN, 1);
      if (await reading > 0n) seen.reads++;
      await waiting.then(() => seen.waits++);
      hot(1e5);
      seen.hot++;
    }
    say(channelFd, "burst");
  }
  seen.drops = takeStatistics(packetFd).drops;
  say(channelFd, seen);
  Deno.exit();
}

const [role, first, second, frames] = Deno.args;
await (role === "parent" ? parent(first, second, Number(frames)) : worker(Number(first)));
