/**
 * The queue of the passed socket, as proof that the child receives by it: the queue rises while the
 * child is stopped, and falls when the child continues.
 *
 * @module
 */

import { sleep } from "../../../ffi/socket/poll.ts";
import type { Finding } from "../../evidence/evidence.ts";
import type { Child } from "../../harness/child.ts";
import type { InterfaceWitness } from "../../harness/interface_witness.ts";
import type { Reception } from "../../harness/reception.ts";
import { judgeQueue, leastQueued, queuedBytes } from "../../inspect/sockets/queue.ts";
import type { ReceivePath } from "../../receive/mod.ts";

/** The receive paths that leave frames in the socket's queue until they are read. */
export const QUEUED: readonly ReceivePath[] = ["recvmsg", "recvfrom", "recvmmsg"];

/** The interval between two looks at the queue, in milliseconds. */
const INTERVAL = 1;

/** The longest wait for a frame to arrive in the queue, and to be read from it, in milliseconds. */
const ARRIVAL_TIME = 50, READING_TIME = 2000;

/** So many frames of others keep a queue from falling. */
const MANY = 50;

/** The socket that {@linkcode observeQueue} watches, and the participants. */
export interface QueueOptions {
  /** The link of the passed socket. */
  readonly passed: string;
  /** Sends the frame. */
  readonly reception: Reception;
  /** Sees whether the frame reached the interface. */
  readonly witness: InterfaceWitness;
}

/**
 * RECV-01: stops the child, sends a frame, lets the child continue, and watches the queue.
 *
 * @returns `undefined` if the frame did not arrive at the interface, or found no room because of
 * other traffic, neither of which shows anything.
 * @throws {CannotLook} If packet sockets cannot be listed.
 */
export async function observeQueue(
  child: Child,
  { passed, reception, witness }: QueueOptions,
): Promise<Finding | undefined> {
  const othersBefore = witness.ambient + witness.lost;
  const memory = { before: queuedBytes(passed), during: queuedBytes(passed) };
  child.look({
    expected: { passed },
    meanwhile: () => {
      memory.before = queuedBytes(passed);
      reception.sendAhead(1);
      for (const deadline = performance.now() + ARRIVAL_TIME; performance.now() < deadline;) {
        memory.during = queuedBytes(passed);
        if (memory.during !== memory.before) break;
        sleep(INTERVAL);
      }
    },
  });
  witness.look();
  const { before = 0, during = 0 } = memory;
  if (witness.recognized === 0 || before > 0 && during <= before) return undefined;
  const after = await leastQueued(passed, performance.now() + READING_TIME);
  witness.look();
  const others = witness.ambient + witness.lost - othersBefore;
  if (after !== undefined && after >= during && others >= MANY) return undefined;
  return judgeQueue(memory.before, memory.during, after);
}
