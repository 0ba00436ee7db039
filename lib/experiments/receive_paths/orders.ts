/**
 * The orders of a worker that receives in one way.
 *
 * @module
 */

import type { Confinement } from "../../confine/start.ts";
import type { Orders } from "../../harness/orders.ts";
import { asBoolean } from "../../harness/validate.ts";
import { asConfinement, asReceivePath } from "../../harness/worker_orders.ts";
import type { ReceivePath } from "../../receive/mod.ts";

/** The orders of a worker. */
export interface ReceiverOrders extends Confinement {
  readonly receive: ReceivePath;
  /** Whether the parent has set the ring of the socket up. */
  readonly isRingSetUp: boolean;
  /** Whether the worker proves its confinement. */
  readonly prove: boolean;
}

/** {@linkcode ReceiverOrders}; the packet socket comes with them. */
export const RECEIVER: Orders<ReceiverOrders> = {
  type: "receiver",
  validate: (fields) => ({
    ...asConfinement(fields),
    receive: asReceivePath(fields.receive),
    isRingSetUp: asBoolean(fields.isRingSetUp, "isRingSetUp"),
    prove: asBoolean(fields.prove, "prove"),
  }),
};
