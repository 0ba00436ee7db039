/**
 * The interface of a run, in words.
 *
 * @module
 */

import type { LinkDescription } from "../evidence/evidence.ts";

const NAMES = { ethernet: "Ethernet", ip: "bare IP packets" } as const;

/** Describes an interface, such as `Ethernet (veth), MTU 1500`. */
export function describeLink({ layer, kind, mtu }: LinkDescription): string {
  return `${NAMES[layer]}${kind === "" ? "" : ` (${kind})`}, MTU ${mtu}`;
}
