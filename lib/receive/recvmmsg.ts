/**
 * Receives by recvmmsg(2): up to {@linkcode BATCH} frames for each system call, each with the
 * kernel's time stamp.
 *
 * @module
 */

import { MSG_DONTWAIT, MSG_TRUNC, POLLIN } from "../../ffi/abi/constants.ts";
import type { VlanTag } from "../../ffi/packet/vlan_tag.ts";
import { MessageVector } from "../../ffi/socket/message_vector.ts";
import { Poller } from "../../ffi/socket/poll.ts";
import { Ancillary, ANCILLARY_SPACE } from "../packets/ancillary.ts";
import { FRAME_ROOM } from "../packets/link_layer.ts";
import { offloadHeaderSize } from "../packets/offload_header.ts";
import { BufferSource } from "./buffer_source.ts";
import { BATCH } from "./frame_source.ts";

/** A source of frames by recvmmsg(2). */
export class RecvmmsgSource extends BufferSource {
  readonly #messages = new MessageVector({
    count: BATCH,
    size: FRAME_ROOM,
    controlSpace: ANCILLARY_SPACE,
  });
  readonly #ancillary = new Ancillary(this.#messages.control);
  readonly bytes = this.#messages.bytes;
  #received = 0;
  #current = -1;

  readonly #poller: Poller;

  constructor(readonly fd: number) {
    super(offloadHeaderSize(fd));
    this.#poller = new Poller([fd], POLLIN);
  }

  wait(milliseconds: number): void {
    this.#poller.wait(milliseconds);
  }

  protected step(): boolean {
    if (++this.#current < this.#received) return true;
    this.#current = this.#received = 0;
    this.#received = this.#messages.receive(this.fd, MSG_DONTWAIT | MSG_TRUNC);
    return this.#received > 0;
  }

  get offset(): number {
    return this.#messages.offsetOf(this.#current) + this.header;
  }

  get length(): number {
    return this.#messages.lengthOf(this.#current) - this.header;
  }

  /** Returns what the kernel reports beside the current frame. */
  #beside(): Ancillary {
    const messages = this.#messages, i = this.#current;
    this.#ancillary.moveTo(messages.controlOffsetOf(i), messages.controlLengthOf(i));
    return this.#ancillary;
  }

  override get vlan(): VlanTag | undefined {
    return this.#beside().vlan;
  }

  override get isChecksumPending(): boolean {
    return super.isChecksumPending || this.#beside().isChecksumPending;
  }

  override timestamp(): bigint | undefined {
    return this.#beside().timestamp;
  }

  [Symbol.dispose](): void {}
}
