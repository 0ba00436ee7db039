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
import type { AskedDaemon, SeenSockets } from "../subject.ts";

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
  const unanswered = asked.threads.find(({ usedRing }) => usedRing === undefined);
  const user = asked.threads.find(({ usedRing }) => usedRing === true);
  if (user !== undefined) return `${may}: thread ${user.tid} has used one`;
  return unanswered === undefined ? undefined : `${may}: thread ${unanswered.tid} cannot be asked`;
}
