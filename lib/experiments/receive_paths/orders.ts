/**
 * The orders of a worker that receives by one receive path.
 *
 * @module
 */

import type { Confinement } from "../../confine/start.ts";
import type { Orders } from "../../harness/orders.ts";
import { asBoolean } from "../../harness/validate.ts";
import { asConfinement, asLinkLayer, asReceivePath } from "../../harness/worker_orders.ts";
import type { LinkLayer } from "../../packets/link_layer.ts";
import type { ReceivePath } from "../../receive/mod.ts";

/** The orders of a worker. */
export interface ReceiverOrders extends Confinement {
  readonly receive: ReceivePath;
  /** Whether the parent has set up the ring of the socket. */
  readonly isRingSetUp: boolean;
  /** The form of the stimulus' frames. */
  readonly layer: LinkLayer;
  /** Whether the worker proves its confinement. */
  readonly prove: boolean;
}

/** The message of {@linkcode ReceiverOrders}. It carries the packet socket. */
export const RECEIVER: Orders<ReceiverOrders> = {
  type: "receiver",
  validate: (fields) => ({
    ...asConfinement(fields),
    receive: asReceivePath(fields.receive),
    isRingSetUp: asBoolean(fields.isRingSetUp, "isRingSetUp"),
    layer: asLinkLayer(fields.layer),
    prove: asBoolean(fields.prove, "prove"),
  }),
};
