/**
 * Ends of links, as frames of a test name them, and interfaces by name.
 *
 * @module
 */

import { linkByName } from "../../ffi/mod.ts";
import { asInterface, type Interface, type LinkEnd } from "../../lib/packets/link_layer.ts";

/** A sender on Ethernet. */
export const SENDER: Pick<LinkEnd, "layer" | "address"> = {
  layer: "ethernet",
  address: Uint8Array.of(2, 0, 0, 0, 0, 1),
};

/** A sender on Ethernet without an address, as the loopback is. */
export const NOBODY: Pick<LinkEnd, "layer" | "address"> = {
  layer: "ethernet",
  address: new Uint8Array(6),
};

/** A sender of bare IP packets. */
export const BARE: Pick<LinkEnd, "layer" | "address"> = { layer: "ip", address: new Uint8Array() };

/** Returns the interface of that name in this network namespace. */
export const interfaceByName = (name: string): Interface => asInterface(linkByName(name));
