/**
 * The worker of a supervisor: it receives by the socket that it is handed, goes on where its predecessor has stopped or was killed, and
 * answers when it is asked whether it is there.
 *
 *     supervisor                          worker
 *     socket, memory of progress ───────▶ maps both, drops, protects itself
 *     .                          ◀─────── ready
 *     go ───────────────────────────────▶ receives; writes down each frame that is done
 *     are you there? ───────────────────▶ .
 *     .                          ◀─────── alive
 *     enough ───────────────────────────▶ takes what is there
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

/** After how many frames in a row it looks whether the supervisor has said something. */
const FRAMES_IN_A_ROW = 16;

/** The worker's program. */
export function work(run: ChildRun): void {
  const { message, descriptors: [packetFd, progressFd] } = run.receive(SUPERVISED, 2);
  const { capacity } = message;
  using packetSocket = new OwnedFd(packetFd);
  const { channelFd } = run;
  using progress = new Progress(progressFd, capacity);
  close(progressFd); // the mapping is enough
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
      if (++frames % FRAMES_IN_A_ROW === 0 && run.hasParentSpoken()) break;
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

/** Each frame of a ring stays there until its block is given back: done is done, and what is not is found again. */
export function fromRing(
  ring: PacketRing,
  progress: Progress,
  { nonce, work }: SupervisedOrders,
): () => void {
  const mark = Uint8Array.fromBase64(nonce);
  const left = ring.resume(progress.sequence, progress.doneInBlock);
  if (left > 0 && progress.doneInBlock > 0) progress.noteResume();
  return () => {
    if (ring.sequence !== progress.sequence) progress.enter(ring.sequence);
    const what = steadySequence(ring.bytes, ring.offset, ring.captured, mark) ?? FOREIGN;
    spin(work);
    progress.done(what);
  };
}

/** A frame of the queue is gone from the kernel once it is here: killed now, it is lost. */
function fromQueue(
  source: FrameSource,
  progress: Progress,
  { nonce, work }: SupervisedOrders,
): () => void {
  const mark = Uint8Array.fromBase64(nonce);
  return () => {
    const what = steadySequence(source.bytes, source.offset, source.captured, mark) ?? FOREIGN;
    progress.take(what);
    spin(work);
    progress.done(what);
  };
}

/** The work on a frame. */
function spin(microseconds: number): void {
  const end = performance.now() + microseconds / 1000;
  while (performance.now() < end);
}
