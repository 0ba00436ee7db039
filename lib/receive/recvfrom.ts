/**
 * Receives by recvfrom(2): one frame for each system call, without a time stamp.
 *
 * @module
 */

import { MSG_DONTWAIT, MSG_TRUNC, POLLIN } from "../../ffi/abi/constants.ts";
import { ReceiveBuffer } from "../../ffi/socket/calls.ts";
import { Poller } from "../../ffi/socket/poll.ts";
import { FRAME_ROOM } from "../packets/link_layer.ts";
import { offloadHeaderSize } from "../packets/offload_header.ts";
import { BufferSource } from "./buffer_source.ts";

/** A source of frames by recvfrom(2). */
export class RecvfromSource extends BufferSource {
  readonly #buffer = new ReceiveBuffer(FRAME_ROOM);
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
    const length = this.#buffer.receive(this.fd, MSG_DONTWAIT | MSG_TRUNC);
    if (length === -1) return false;
    this.length = length - this.header;
    return true;
  }

  [Symbol.dispose](): void {}
}
