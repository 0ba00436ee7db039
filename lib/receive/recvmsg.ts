/**
 * Receives by recvmsg(2): one frame for each system call, with the kernel's time stamp.
 *
 * @module
 */

import { POLLIN } from "../../ffi/abi/constants.ts";
import { Poller } from "../../ffi/socket/poll.ts";
import { type Frame, takeFrame } from "../packets/queue.ts";
import type { FrameSource } from "./frame_source.ts";

/** A source of frames by recvmsg(2). */
export class RecvmsgSource implements FrameSource {
  #frame: Frame = { bytes: 0, head: new Uint8Array(0), timestamp: 0n };

  readonly #poller: Poller;

  constructor(readonly fd: number) {
    this.#poller = new Poller([fd], POLLIN);
  }

  wait(milliseconds: number): void {
    this.#poller.wait(milliseconds);
  }

  next(): boolean {
    const frame = takeFrame(this.fd);
    if (frame === undefined) return false;
    this.#frame = frame;
    return true;
  }

  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#frame.head;
  }

  readonly offset = 0;

  get captured(): number {
    return this.#frame.head.length;
  }

  get length(): number {
    return this.#frame.bytes;
  }

  timestamp(): bigint {
    return this.#frame.timestamp;
  }

  [Symbol.dispose](): void {}
}
