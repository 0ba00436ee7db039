/**
 * Receives by recvmsg(2): one frame for each system call, with the kernel's time stamp.
 *
 * @module
 */

import { POLLIN } from "../../ffi/abi/constants.ts";
import type { VlanTag } from "../../ffi/packet/vlan_tag.ts";
import { Poller } from "../../ffi/socket/poll.ts";
import { offloadHeaderSize } from "../packets/offload_header.ts";
import { FrameBuffer } from "../packets/queue.ts";
import { BufferSource } from "./buffer_source.ts";

/** A source of frames by recvmsg(2). */
export class RecvmsgSource extends BufferSource {
  readonly #buffer = new FrameBuffer();
  readonly bytes = this.#buffer.bytes;
  readonly offset = this.header;
  length = 0;

  readonly #poller: Poller;

  constructor(readonly fd: number) {
    super(offloadHeaderSize(fd));
    this.#poller = new Poller([fd], POLLIN);
  }

  wait(milliseconds: number): void {
    this.#poller.wait(milliseconds);
  }

  protected step(): boolean {
    if (!this.#buffer.receive(this.fd)) return false;
    this.length = this.#buffer.length - this.header;
    return true;
  }

  override get vlan(): VlanTag | undefined {
    return this.#buffer.ancillary.vlan;
  }

  override get isChecksumPending(): boolean {
    return super.isChecksumPending || this.#buffer.ancillary.isChecksumPending;
  }

  override timestamp(): bigint | undefined {
    return this.#buffer.ancillary.timestamp;
  }

  [Symbol.dispose](): void {}
}
