/**
 * The orders of a worker that attacks, and of a sibling that is a target.
 *
 * @module
 */

import type { Confinement } from "../../confine/start.ts";
import type { Orders } from "../../harness/orders.ts";
import { asBoolean, asInteger, asObject } from "../../harness/validate.ts";
import { asConfinement, asLinkLayer, asReceivePath } from "../../harness/worker_orders.ts";
import type { LinkLayer } from "../../packets/link_layer.ts";
import type { ReceivePath } from "../../receive/mod.ts";

/** The target of an attack: numbers that the parent knows. */
export interface Target {
  /** The ifindex of the interface that the packet socket is bound to. */
  readonly ifindex: number;
  /** The form of the frames on that interface. */
  readonly layer: LinkLayer;
  /** The ifindex of another interface in the namespace. */
  readonly otherIfindex: number;
  /** Another process of the same uid, which holds a packet socket. */
  readonly sibling: {
    /** Its process id in the PID namespace of the workers. */
    readonly pid: number;
    /** Its process id in /proc, which is that of the parent's PID namespace. */
    readonly pidInProc: number;
    /** The number of its packet socket there. */
    readonly fd: number;
  };
  /** A descriptor that the parent forgot to close: the write end of a pipe. */
  readonly forgottenFd: number;
}

/** The orders of a worker. */
export interface WorkerOrders extends Confinement {
  readonly receive: ReceivePath;
  /** Whether it proves its confinement, and receives after the attack. */
  readonly prove: boolean;
  /** The target of its attacks; `null` for a sibling, which only waits. */
  readonly target: Target | null;
}

/** The highest descriptor and the highest ifindex that orders may name. */
const FD_LIMIT = 1 << 20, IFINDEX_LIMIT = 2 ** 31 - 1;

/** The highest process id. Source: PID_MAX_LIMIT of include/linux/threads.h. */
const PID_LIMIT = 1 << 22;

/** The message of {@linkcode WorkerOrders}. It carries the packet socket. */
export const WORKER: Orders<WorkerOrders> = {
  type: "worker",
  validate: (fields) => ({
    ...asConfinement(fields),
    receive: asReceivePath(fields.receive),
    prove: asBoolean(fields.prove, "prove"),
    target: fields.target === null ? null : asTarget(fields.target),
  }),
};

function asTarget(value: unknown): Target {
  const { ifindex, layer, otherIfindex, sibling, forgottenFd } = asObject(value, "target");
  const { pid, pidInProc, fd } = asObject(sibling, "sibling");
  return {
    ifindex: asInteger(ifindex, "ifindex", 1, IFINDEX_LIMIT),
    layer: asLinkLayer(layer),
    otherIfindex: asInteger(otherIfindex, "otherIfindex", 1, IFINDEX_LIMIT),
    sibling: {
      pid: asInteger(pid, "pid", 1, PID_LIMIT),
      pidInProc: asInteger(pidInProc, "pidInProc", 1, PID_LIMIT),
      fd: asInteger(fd, "fd", 0, FD_LIMIT),
    },
    forgottenFd: asInteger(forgottenFd, "forgottenFd", 0, FD_LIMIT),
  };
}
