/**
 * The VLAN tag of a frame, which the kernel removes from the frame and reports beside it. Pure
 * functions on bytes.
 *
 * @module
 */

import { ETH_ALEN } from "../abi/constants.ts";

/** A VLAN tag. Source: IEEE 802.1Q, 9.3. */
export interface VlanTag {
  /** Its type, such as `ETH_P_8021Q`. */
  readonly tpid: number;
  /** Its tag control information: 3 bits of priority, 1 bit drop eligible, 12 bits of VLAN. */
  readonly tci: number;
}

/** The size of a VLAN tag in bytes: its type and its tag control information. */
export const VLAN_TAG_SIZE = 4;

/** The offset of a VLAN tag in a frame, in bytes: behind the two addresses. */
const TAG_OFFSET = 2 * ETH_ALEN;

/**
 * Returns a frame as it was on the wire: with its VLAN tag behind the addresses.
 *
 * @param frame An Ethernet frame; its beginning is enough. If it ends within the addresses, it is
 *   returned as it is.
 * @param tag The tag that the kernel has removed; `undefined` for none.
 */
export function restoreVlanTag(
  frame: Uint8Array<ArrayBuffer>,
  tag: VlanTag | undefined,
): Uint8Array<ArrayBuffer> {
  if (tag === undefined || frame.length < TAG_OFFSET) return frame;
  const { tpid, tci } = tag;
  const whole = new Uint8Array(frame.length + VLAN_TAG_SIZE);
  whole.set(frame.subarray(0, TAG_OFFSET));
  whole.set([tpid >> 8, tpid, tci >> 8, tci], TAG_OFFSET);
  whole.set(frame.subarray(TAG_OFFSET), TAG_OFFSET + VLAN_TAG_SIZE);
  return whole;
}
