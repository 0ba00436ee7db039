/**
 * The second part of `io-uring`, with `--harden`: a worker under all protections receives by a
 * restricted ring, and has no other way to receive.
 *
 * @module
 */

import { ETH_P_ALL } from "../../../ffi/abi/constants.ts";
import { launcherFor } from "../../confine/launcher.ts";
import { proveConfinement } from "../../confine/proof.ts";
import { protectSocket } from "../../confine/socket_protections.ts";
import { startWorker } from "../../confine/start.ts";
import type { ChildRun } from "../../harness/child_run.ts";
import { forwardFrames } from "../../harness/forward.ts";
import type { ParentRun } from "../../harness/parent_run.ts";
import type { Reception, ReceptionSources } from "../../harness/reception.ts";
import { SOCKET, type SocketOrders } from "../../harness/worker_orders.ts";
import { stimulusFilter } from "../../packets/filters.ts";
import { boundPacketSocket, countDrops } from "../../packets/socket.ts";
import { drain, type FrameSource, type ReceivePath } from "../../receive/mod.ts";

/** The receive path of the hardened worker. */
export const HARDENED_PATH: ReceivePath = "io-uring";

/**
 * The parent's part: starts the worker, and verifies its confinement and what it receives.
 *
 * @param sources The stimulus, and root's own witness.
 * @param openReception Creates the account of the frames that the worker receives.
 */
export async function hardenedParent(
  run: ParentRun,
  sources: ReceptionSources,
  openReception: (run: ParentRun, ...reception: Parameters<ParentRun["reception"]>) => Reception,
): Promise<void> {
  const { link, identity, count, protections } = run.setting;
  run.step("Starting a hardened worker that receives through a restricted ring...");
  using packetSocket = boundPacketSocket(link.ifindex, ETH_P_ALL);
  protectSocket(packetSocket.fd, protections, stimulusFilter());
  await using worker = run.start({ launcher: launcherFor(identity, protections) });
  const orders = {
    ...{ ...identity, count, protections, receive: HARDENED_PATH },
    stimulus: link.layer,
  };
  worker.order(SOCKET, orders, [packetSocket.fd]);
  await worker.reached("ready");
  run.checkHardened(worker, { packetFd: packetSocket.fd, ioUring: true });
  const drops = countDrops(packetSocket.fd);
  // The answer shows that frames were received. For the operation there is only the child's word.
  await using reception = openReception(run, worker, { ...sources, drops }, {
    wanted: count,
    record: (reception) => run.check("URING-14", reception.judgeOrigin(count), ["answer", "child"]),
  });
  await reception.until(count);
  worker.send({ type: "enough" });
  await worker.reached("done", (frame) => reception.account(frame));
  reception.conclude();
  await worker.ended();
  run.note(`Packets received: ${reception.counted}/${count}`, "URING-14");
}

/**
 * The worker's part.
 *
 * @param openSource Opens the restricted ring.
 */
export async function hardenedChild(
  run: ChildRun,
  packetFd: number,
  orders: SocketOrders,
  openSource: (packetFd: number) => FrameSource,
): Promise<void> {
  const sockets = { packetFd, channelFd: run.channelFd };
  using source = startWorker(run, sockets, orders, () => openSource(packetFd));
  run.checks(await proveConfinement({ ...sockets, sourceFd: source.fd }, orders));
  drain(source);
  run.reached("ready");
  forwardFrames(run, source, orders.stimulus);
  run.receive("enough");
  run.reached("done");
}
