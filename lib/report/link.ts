/**
 * The interface of a run, in words.
 *
 * @module
 */

import type { Environment, LinkDescription } from "../evidence/evidence.ts";

const NAMES = { ethernet: "Ethernet", ip: "bare IP packets" } as const;

/**
 * Describes an interface, such as `Ethernet (veth), MTU 1500`. Its own name comes first if the one
 * that was given is an alternative name.
 */
export function describeLink(
  { name, layer, kind, mtu }: LinkDescription,
  given: Environment["interface"],
): string {
  const own = name === given ? "" : `${name}, `;
  return `${own}${NAMES[layer]}${kind === "" ? "" : ` (${kind})`}, MTU ${mtu}`;
}
