/**
 * The orders of a supervised worker.
 *
 * @module
 */

import type { PacketRingGeometry } from "../../../ffi/packet/packet_ring.ts";
import type { Confinement } from "../../confine/start.ts";
import type { Orders } from "../../harness/orders.ts";
import { asBase64, asInteger, asObject } from "../../harness/validate.ts";
import { asConfinement } from "../../harness/worker_orders.ts";

/** The orders of a worker. */
export interface SupervisedOrders extends Confinement {
  /** The ring by which it receives; `null` for recvfrom(2). */
  readonly ring: PacketRingGeometry | null;
  /** How many frames the journal of its progress holds. */
  readonly capacity: number;
  /** The mark of the stimulus' frames, in base64. */
  readonly nonce: string;
  /** How long it works on each frame, in microseconds. */
  readonly work: number;
}

/** The most that an unsigned int holds. */
const UINT_LIMIT = 2 ** 32 - 1;

/**
 * {@linkcode SupervisedOrders}; the packet socket and the memory of its progress come with them.
 */
export const SUPERVISED: Orders<SupervisedOrders> = {
  type: "supervised",
  validate: (fields) => ({
    ...asConfinement(fields),
    ring: fields.ring === null ? null : asGeometry(fields.ring),
    capacity: asInteger(fields.capacity, "capacity", 0, UINT_LIMIT),
    nonce: asBase64(fields.nonce, "nonce", 64),
    work: asInteger(fields.work, "work", 0, UINT_LIMIT),
  }),
};

function asGeometry(value: unknown): PacketRingGeometry {
  const { blockSize, blockCount, retireTimeout } = asObject(value, "ring");
  return {
    blockSize: asInteger(blockSize, "blockSize", 1, UINT_LIMIT),
    blockCount: asInteger(blockCount, "blockCount", 1, UINT_LIMIT),
    retireTimeout: asInteger(retireTimeout, "retireTimeout", 0, UINT_LIMIT),
  };
}
