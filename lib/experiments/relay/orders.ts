/**
 * The orders of the two children of a relay: the worker that relays, and the receiver at the far
 * end.
 *
 * @module
 */

import { ipv4Bytes, type Ipv4Flow } from "../../../ffi/socket/inet.ts";
import type { Confinement } from "../../confine/start.ts";
import type { Orders } from "../../harness/orders.ts";
import { asInteger, asObject, asOneOf, asText, refuse } from "../../harness/validate.ts";
import { asConfinement, asLinkLayer, asReceivePath } from "../../harness/worker_orders.ts";
import type { LinkLayer } from "../../packets/link_layer.ts";
import type { ReceivePath } from "../../receive/mod.ts";

/** Which of the two programs a child runs. */
export interface RoleOrders {
  readonly role: "worker" | "receiver";
}

/** The orders of the worker. */
export interface RelayOrders extends Confinement {
  readonly receive: ReceivePath;
  /** The group and port whose datagrams are relayed, and their source if only one is. */
  readonly from: Ipv4Flow;
  /** The ifindex of the interface that the packet socket is bound to, for the attempts. */
  readonly ifindex: number;
  /** The form of the frames on that interface. */
  readonly layer: LinkLayer;
}

/** The orders of the receiver. */
export interface ListenOrders {
  /** The name of its interface. */
  readonly interface: string;
  /** The group and port that it listens to, and the source if it must be named. */
  readonly to: Ipv4Flow;
}

/** {@linkcode RoleOrders}: the first message to either child. */
export const ROLE: Orders<RoleOrders> = {
  type: "role",
  validate: ({ role }) => ({ role: asOneOf(role, "role", ["worker", "receiver"]) }),
};

/** {@linkcode RelayOrders}; the packet socket and the connected UDP socket come with them. */
export const RELAY: Orders<RelayOrders> = {
  type: "relay",
  validate: (fields) => ({
    ...asConfinement(fields),
    receive: asReceivePath(fields.receive),
    from: asFlow(fields.from, "from"),
    ifindex: asInteger(fields.ifindex, "ifindex", 1, 2 ** 31 - 1),
    layer: asLinkLayer(fields.layer),
  }),
};

/** {@linkcode ListenOrders}. */
export const LISTEN: Orders<ListenOrders> = {
  type: "listen",
  validate: (fields) => ({
    interface: asText(fields.interface, "interface", 15),
    to: asFlow(fields.to, "to"),
  }),
};

function asFlow(value: unknown, name: string): Ipv4Flow {
  const { address, port, source } = asObject(value, name);
  return {
    address: asAddress(address, `the address of ${name}`),
    port: asInteger(port, `the port of ${name}`, 1, 65535),
    ...source === undefined ? {} : { source: asAddress(source, `the source of ${name}`) },
  };
}

function asAddress(value: unknown, name: string): string {
  const address = asText(value, name, 15);
  if (ipv4Bytes(address) === undefined) refuse(`${name} is not an IPv4 address`);
  return address;
}
