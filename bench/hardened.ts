/**
 * A receiver of a benchmark as a worker: under protections, as the unprivileged user.
 *
 * @module
 */

import type { WorkerDescriptors } from "../lib/confine/descriptors.ts";
import { controlChannelPair } from "../lib/harness/channel.ts";
import { ALL_PROTECTIONS } from "../lib/confine/protections.ts";
import { protectSocket } from "../lib/confine/socket_protections.ts";
import { becomeWorker, protectWorker } from "../lib/confine/worker_protections.ts";

const NOBODY = { uid: 65534, gid: 65534 };

// It was not born without capabilities, and holds the runtime's files: what these two do costs nothing later.
const PROTECTIONS = ALL_PROTECTIONS
  .filter((each) => each !== "no-capabilities" && each !== "closed-descriptors");

/**
 * Becomes a hardened worker.
 *
 * @param own The sockets that it opened itself; the packet socket is bound.
 * @param filter Which frames the packet socket is for, for good.
 */
export function becomeHardened(
  own: Omit<WorkerDescriptors, "channelFd">,
  filter: Uint8Array<ArrayBuffer>,
): void {
  const [channel] = controlChannelPair();
  protectSocket(own.packetFd, PROTECTIONS, filter);
  becomeWorker(NOBODY, []);
  protectWorker({ ...own, channelFd: channel.fd }, PROTECTIONS);
}
