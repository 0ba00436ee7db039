/**
 * The program of a supervisor's worker. It receives from the socket that it is passed, goes on
 * where its predecessor stopped or was killed, and answers when it is asked for a sign of life.
 *
 *     supervisor                          worker
 *     socket, memory of progress ───────▶ maps both, drops, protects itself
 *     .                          ◀─────── ready
 *     next ─────────────────────────────▶ receives, and notes each frame that is done
 *     next, again and again ────────────▶ .
 *     .                          ◀─────── alive
 *     enough ───────────────────────────▶ receives the remaining frames
 *     .                          ◀─────── stopped
 *
 * @module
 */

import type { PacketRing } from "../../../ffi/packet/packet_ring.ts";
import { close, OwnedFd } from "../../../ffi/process/descriptor.ts";
import type { ChildRun } from "../../harness/child_run.ts";
import { SUPERVISED, type SupervisedOrders } from "./orders.ts";
import { describePacketSocket } from "../../packets/socket.ts";
import { FOREIGN, Progress } from "./progress.ts";
import { startWorker } from "../../confine/start.ts";
import type { FrameSource } from "../../receive/mod.ts";
import { RecvfromSource } from "../../receive/recvfrom.ts";
import { PacketRingSource } from "../../receive/tpacket_v3.ts";
import { steadySequence } from "./stream.ts";

/** How many frames the worker receives in a row before it looks for a message. */
const FRAMES_IN_A_ROW = 16;

/** The worker's program. */
export function work(run: ChildRun): void {
  const { message, descriptors: [packetFd, progressFd] } = run.receive(SUPERVISED, 2);
  const { capacity } = message;
  using packetSocket = new OwnedFd(packetFd);
  const { channelFd } = run;
  using progress = new Progress(progressFd, capacity);
  close(progressFd); // the mapping stays
  const sockets = { packetFd, channelFd };
  using source = startWorker(run, sockets, message, () => openSource(message, packetFd));

  run.reached("ready", { cookie: describePacketSocket(packetSocket.fd).cookie });
  if (run.word() === "enough") return run.reached("stopped");
  const each = source instanceof PacketRingSource
    ? fromRing(source, progress, message)
    : fromQueue(source, progress, message);
  while (true) {
    for (let frames = 0; source.next();) {
      each();
      if (++frames % FRAMES_IN_A_ROW === 0 && run.hasMessage()) break;
    }
    if (run.readable(source.fd) === "descriptor") continue;
    if (run.word() === "next") {
      run.reached("alive");
      continue;
    }
    while (source.next()) each();
    return run.reached("stopped");
  }
}

function openSource({ ring }: SupervisedOrders, packetFd: number): FrameSource {
  return ring === null ? new RecvfromSource(packetFd) : new PacketRingSource(packetFd, ring);
}

/**
 * Returns the function that handles each frame of a ring. The ring keeps a frame until its block is
 * given back, so a successor finds every frame that is not done.
 */
export function fromRing(
  ring: PacketRing,
  progress: Progress,
  { nonce, work }: SupervisedOrders,
): () => void {
  const secret = Uint8Array.fromBase64(nonce);
  const left = ring.resume(progress.sequence, progress.doneInBlock);
  if (left > 0 && progress.doneInBlock > 0) progress.noteResume();
  return () => {
    if (ring.sequence !== progress.sequence) progress.enter(ring.sequence);
    const frame = steadySequence(ring.bytes, ring.offset, ring.captured, secret) ?? FOREIGN;
    if (frame !== FOREIGN) spin(work);
    progress.done(frame);
  };
}

/**
 * Returns the function that handles each frame of the socket queue. The kernel no longer has the
 * frame, so a kill before it is done loses it.
 */
function fromQueue(
  source: FrameSource,
  progress: Progress,
  { nonce, work }: SupervisedOrders,
): () => void {
  const secret = Uint8Array.fromBase64(nonce);
  return () => {
    const frame = steadySequence(source.bytes, source.offset, source.captured, secret) ?? FOREIGN;
    progress.take(frame);
    if (frame !== FOREIGN) spin(work);
    progress.done(frame);
  };
}

/** Stands for the work on a frame: keeps the processor busy for a number of microseconds. */
function spin(microseconds: number): void {
  const end = performance.now() + microseconds / 1000;
  while (performance.now() < end);
}
