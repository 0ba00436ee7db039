/**
 * The queue of a packet socket, seen from outside: how many bytes of memory its frames hold. It is
 * the socket's, whoever holds a descriptor of it. While the child stands still a frame must make it
 * rise, and when the child goes on it must fall.
 *
 * Frames in a ring (`PACKET_RX_RING`) are not in the queue, whose memory stays 0 then.
 *
 * @module
 */

import { type Finding, judged } from "../evidence/evidence.ts";
import { packetSockets } from "./packet_sockets.ts";

/** How often the queue is looked at, in milliseconds. */
const INTERVAL = 1;

/**
 * The memory in a packet socket's queue now, in bytes; `undefined` if this network namespace has no such socket.
 *
 * @param link The socket's, such as `socket:[4711]`.
 * @throws {CannotLook} If packet sockets cannot be listed.
 */
export function queuedBytes(link: string): number | undefined {
  return packetSockets().find((row) => row.link === link)?.queued;
}

/**
 * Waits until the queue of a socket is empty.
 *
 * @param deadline When the wait ends, in milliseconds since 1970.
 * @returns The least memory that was seen in it; `undefined` if the socket is not there.
 * @throws {CannotLook} If packet sockets cannot be listed.
 */
export async function leastQueued(link: string, deadline: number): Promise<number | undefined> {
  for (let least = Infinity;;) {
    const queued = queuedBytes(link);
    if (queued === undefined) return undefined;
    least = Math.min(least, queued);
    if (least === 0 || Date.now() >= deadline) return least;
    await new Promise((resolve) => setTimeout(resolve, INTERVAL));
  }
}

/**
 * Whether the queue shows that the child receives by this socket.
 *
 * @param before The memory in the queue, the child standing still.
 * @param during The same, with one frame more.
 * @param after The least that was seen when the child had gone on: {@linkcode leastQueued}.
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
    `queue ${before} bytes, ${during} with a frame while the child stood still, ` +
      `${after} when it had gone on`,
    evidence,
  );
}
