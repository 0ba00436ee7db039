/**
 * An io_uring that shows nowhere: a thread may register the ring's descriptor
 * (io_uring_register(2), `IORING_REGISTER_RING_FDS`), and close it. Without a mapping
 * (`IORING_SETUP_NO_MMAP`) no file of /proc mentions the ring, and sockets that are registered in
 * it stay open and in use. If no process shows such a socket, the tables of packet sockets give it
 * away; if another one does, only the threads can tell whether they have ever used a ring.
 *
 * @module
 */

import { someOf } from "./hidden_sockets.ts";
import type { AskedDaemon, AskedThread, SeenSockets } from "../subject.ts";

/**
 * Returns why a process may hold a packet socket in a ring that shows nowhere; `undefined` if it
 * cannot.
 *
 * @param asked The answers of its threads; undefined if it was not asked.
 */
export function whyRingWithoutTrace(
  { ofOthers }: Pick<SeenSockets, "ofOthers">,
  asked: Pick<AskedDaemon, "threads"> | undefined,
): string | undefined {
  if (ofOthers.length === 0) return undefined;
  const may = `an io_uring that shows nowhere may use packet sockets of other processes ` +
    `(${someOf(ofOthers)})`;
  if (asked === undefined) return `${may}; --ask tells`;
  const who = whoMayHaveRing(asked.threads);
  return who && `${may}: ${who}`;
}

/** Returns which thread may have a ring that shows nowhere, in words; `undefined` if none can. */
export function whoMayHaveRing(
  threads: readonly Pick<AskedThread, "tid" | "usedRing">[],
): string | undefined {
  const user = threads.find(({ usedRing }) => usedRing === true);
  if (user !== undefined) return `thread ${user.tid} has used one`;
  const unanswered = threads.find(({ usedRing }) => usedRing === undefined);
  return unanswered && `thread ${unanswered.tid} cannot be asked`;
}
