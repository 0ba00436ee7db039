/**
 * Turns a receiver of a benchmark into a hardened worker of the unprivileged user.
 *
 * @module
 */

import type { WorkerDescriptors } from "../lib/confine/descriptors.ts";
import { controlChannelPair } from "../lib/harness/channel.ts";
import { ALL_PROTECTIONS } from "../lib/confine/protections.ts";
import { protectSocket } from "../lib/confine/socket_protections.ts";
import { becomeWorker, protectWorker } from "../lib/confine/worker_protections.ts";

const NOBODY = { uid: 65534, gid: 65534 };

// Left out: the process started with all capabilities, and holds the runtime's files. These two
// protections cost nothing while it runs.
const PROTECTIONS = ALL_PROTECTIONS
  .filter((each) => each !== "no-capabilities" && each !== "closed-descriptors");

/**
 * Becomes a hardened worker.
 *
 * @param own The sockets that the process has opened; the packet socket is bound.
 * @param filter The frames that the packet socket accepts from now on.
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
