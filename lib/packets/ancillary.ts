/**
 * The control messages that the kernel delivers beside a frame, if the socket asks for them: the
 * time stamp, and the metadata of PACKET_AUXDATA. Source: packet_recvmsg in net/packet/af_packet.c.
 *
 * @module
 */

import {
  PACKET_AUXDATA,
  SCM_TIMESTAMPNS,
  SOL_PACKET,
  SOL_SOCKET,
  TP_STATUS_CSUMNOTREADY,
  TP_STATUS_VLAN_VALID,
} from "../../ffi/abi/constants.ts";
import { timespec, tpacket_auxdata } from "../../ffi/abi/layouts.ts";
import type { VlanTag } from "../../ffi/packet/vlan_tag.ts";
import { CMSG_SPACE, findControlMessage } from "../../ffi/socket/cmsg.ts";

/** The size of the buffer for the control messages of one frame, in bytes. */
export const ANCILLARY_SPACE = CMSG_SPACE(timespec.size) + CMSG_SPACE(tpacket_auxdata.size);

const STAMP = { level: SOL_SOCKET, type: SCM_TIMESTAMPNS, size: timespec.size };
const METADATA = { level: SOL_PACKET, type: PACKET_AUXDATA, size: tpacket_auxdata.size };

/** A cursor over a buffer of control messages, at those of one frame. */
export class Ancillary {
  readonly #words: Int32Array<ArrayBuffer>;
  #start = 0;
  #end = 0;

  /** @param control The buffer. Its offset and its length are multiples of 8. */
  constructor({ buffer, byteOffset, byteLength }: Uint8Array<ArrayBuffer>) {
    this.#words = new Int32Array(buffer, byteOffset, byteLength / 4);
  }

  /**
   * Moves to the control messages of a frame.
   *
   * @param offset Where they begin, in bytes: a multiple of 8.
   * @param length How many bytes the kernel filled.
   */
  moveTo(offset: number, length: number): void {
    this.#start = offset / 4;
    this.#end = this.#start + (length >> 2);
  }

  /** The kernel's time stamp, in nanoseconds since 1970; `undefined` if there is none. */
  get timestamp(): bigint | undefined {
    const words = this.#words;
    const at = findControlMessage(words, this.#start, this.#end, STAMP);
    if (at === -1) return undefined;
    const seconds = (words[at + SECONDS] >>> 0) + words[at + SECONDS + 1] * 2 ** 32;
    return BigInt(seconds) * 1_000_000_000n + BigInt(words[at + NANOSECONDS]);
  }

  /** The VLAN tag that the kernel has removed from the frame; `undefined` if there is none. */
  get vlan(): VlanTag | undefined {
    const at = findControlMessage(this.#words, this.#start, this.#end, METADATA);
    if (at === -1 || (this.#words[at + STATUS] & TP_STATUS_VLAN_VALID) === 0) return undefined;
    const tag = this.#words[at + TAG];
    return { tpid: tag >>> 16, tci: tag & 0xffff };
  }

  /** Whether the checksum of the packet is not yet computed; false if it is not known. */
  get isChecksumPending(): boolean {
    const at = findControlMessage(this.#words, this.#start, this.#end, METADATA);
    return at !== -1 && (this.#words[at + STATUS] & TP_STATUS_CSUMNOTREADY) !== 0;
  }
}

// Offsets of the fields in 32-bit words. The type of a tag is in the upper half of its word.
const SECONDS = timespec.fields.tv_sec[0] / 4;
const NANOSECONDS = timespec.fields.tv_nsec[0] / 4;
const STATUS = tpacket_auxdata.fields.tp_status[0] / 4;
const TAG = tpacket_auxdata.fields.tp_vlan_tci[0] / 4;
