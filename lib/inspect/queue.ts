/**
 * The queue of a packet socket, seen from outside: how many bytes of memory its frames hold. It is
 * the socket's, whoever holds a descriptor of it. While the child stands still a frame must make it
 * rise, and when the child goes on it must fall.
 *
 * Frames in a ring (`PACKET_RX_RING`) are not in the queue, whose memory stays 0 then.
 *
 * @module
 */

import { readTextFile } from "../../ffi/mod.ts";
import { type Finding, judged } from "../evidence.ts";

/** How often the queue is looked at, in milliseconds. */
const INTERVAL = 1;

/**
 * The memory in a packet socket's queue, in bytes; `undefined` if the socket is not in the table.
 *
 * @param table The text of /proc/net/packet, whose columns are named in its first line.
 * @param inode The socket's, as in `socket:[4711]`.
 */
export function receiveMemory(table: string, inode: string): number | undefined {
  const [head = [], ...rows] = table.trim().split("\n").map((line) => line.trim().split(/\s+/));
  const [inodes, memory] = [head.indexOf("Inode"), head.indexOf("Rmem")];
  const row = rows.find((columns) => columns[inodes] === inode);
  return row === undefined ? undefined : Number(row[memory]);
}

/**
 * {@linkcode receiveMemory} of a socket of this network namespace, now.
 *
 * @throws {SystemError} If /proc/net/packet cannot be read.
 */
export function queuedBytes(inode: string): number | undefined {
  return receiveMemory(readTextFile("/proc/net/packet"), inode);
}

/**
 * Waits until the queue of a socket is empty.
 *
 * @param deadline When the wait ends, in milliseconds since 1970.
 * @returns The least memory that was seen in it; `undefined` if the socket is not there.
 * @throws {SystemError} If /proc/net/packet cannot be read.
 */
export async function leastQueued(inode: string, deadline: number): Promise<number | undefined> {
  for (let least = Infinity;;) {
    const queued = queuedBytes(inode);
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
