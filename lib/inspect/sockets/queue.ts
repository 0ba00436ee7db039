/**
 * The receive queue of a packet socket, seen from outside: the memory that its frames occupy. The
 * queue belongs to the socket, whichever process holds it. While the child is stopped, a frame must
 * make the queue grow; when the child continues, the queue must shrink.
 *
 * Frames in a ring (`PACKET_RX_RING`) are not in the queue, whose memory then stays 0.
 *
 * @module
 */

import { pause } from "../../host/pause.ts";
import { type Finding, judged } from "../../evidence/evidence.ts";
import { packetSockets } from "./packet_sockets.ts";

/** The interval between two looks at the queue, in milliseconds. */
const INTERVAL = 1;

/**
 * Returns the memory in a packet socket's queue, in bytes; `undefined` if this network namespace
 * has no such socket.
 *
 * @param link The link of the socket, such as `socket:[4711]`.
 * @throws {CannotLook} If packet sockets cannot be listed.
 */
export function queuedBytes(link: string): number | undefined {
  return packetSockets().find((row) => row.link === link)?.queued;
}

/**
 * Waits until the queue of a socket is empty, or the deadline has passed.
 *
 * @param deadline By `performance.now()`.
 * @returns The least memory seen in the queue; `undefined` if there is no such socket.
 * @throws {CannotLook} If packet sockets cannot be listed.
 */
export async function leastQueued(link: string, deadline: number): Promise<number | undefined> {
  for (let least = Infinity;;) {
    const queued = queuedBytes(link);
    if (queued === undefined) return undefined;
    least = Math.min(least, queued);
    if (least === 0 || performance.now() >= deadline) return least;
    await pause(INTERVAL);
  }
}

/**
 * RECV-01: the queue shows that the child receives by this socket.
 *
 * @param before The memory in the queue while the child was stopped.
 * @param during The same, with one more frame in the queue.
 * @param after The least memory seen after the child continued: {@linkcode leastQueued}.
 */
export function judgeQueue(
  before: number | undefined,
  during: number | undefined,
  after: number | undefined,
): Finding {
  const evidence = { file: "/proc/net/packet", before, during, after };
  if (before === undefined || during === undefined || after === undefined) {
    return judged(false, "the passed socket is not in /proc/net/packet", evidence);
  }
  return judged(
    during > before && after < during,
    `queue ${before} bytes, ${during} with a frame while the child was stopped, ` +
      `${after} after it continued`,
    evidence,
  );
}
