/**
 * Receives by recvmmsg(2): up to {@linkcode BATCH} frames for each system call, each with the
 * kernel's time stamp.
 *
 * @module
 */

import { MSG_DONTWAIT, MSG_TRUNC, POLLIN } from "../../ffi/abi/constants.ts";
import { timespec } from "../../ffi/abi/layouts.ts";
import { MessageVector } from "../../ffi/socket/message_vector.ts";
import { Poller } from "../../ffi/socket/poll.ts";
import { FRAME_ROOM } from "../packets/link_layer.ts";
import { stampIn } from "../packets/queue.ts";
import { BATCH, type FrameSource } from "./frame_source.ts";

/** A source of frames by recvmmsg(2). */
export class RecvmmsgSource implements FrameSource {
  readonly #messages = new MessageVector({
    count: BATCH,
    size: FRAME_ROOM,
    controlSize: timespec.size,
  });
  readonly bytes = this.#messages.bytes;
  #received = 0;
  #current = -1;

  readonly #poller: Poller;

  constructor(readonly fd: number) {
    this.#poller = new Poller([fd], POLLIN);
  }

  wait(milliseconds: number): void {
    this.#poller.wait(milliseconds);
  }

  next(): boolean {
    if (++this.#current < this.#received) return true;
    this.#current = this.#received = 0;
    this.#received = this.#messages.receive(this.fd, MSG_DONTWAIT | MSG_TRUNC);
    return this.#received > 0;
  }

  get offset(): number {
    return this.#messages.offsetOf(this.#current);
  }

  get captured(): number {
    return Math.min(this.length, FRAME_ROOM);
  }

  get length(): number {
    return this.#messages.lengthOf(this.#current);
  }

  timestamp(): bigint | undefined {
    return stampIn(this.#messages.controlOf(this.#current));
  }

  [Symbol.dispose](): void {}
}
