/**
 * recvmmsg(2): many datagrams in one system call.
 *
 * @module
 */

import { CMSG_SPACE } from "./cmsg.ts";
import { Errno, lastErrno, SystemError } from "../abi/errno.ts";
import { iovec, mmsghdr, msghdr } from "../abi/layouts.ts";
import { libc } from "../abi/libc.ts";
import { addressOf } from "../abi/struct.ts";

/** How messages are received. */
export interface MessageVectorOptions {
  /** How many messages one call takes at most. */
  readonly count: number;
  /** The room for each, in bytes. */
  readonly size: number;
  /** The room for the data of one control message of each, in bytes; 0 for none. */
  readonly controlSize?: number;
}

/** Room for many messages, filled again and again without garbage. */
export class MessageVector {
  /** The room of all messages, one after another. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The room of their control messages, one after another. */
  readonly control: Uint8Array<ArrayBuffer>;
  readonly #count: number;
  readonly #size: number;
  readonly #controlSpace: number;
  // SAFETY: the headers point to the vectors, and both to the rooms; all are fields of this object, which lives across the call.
  readonly #headers: Uint8Array<ArrayBuffer>;
  readonly #vectors: Uint8Array<ArrayBuffer>;
  readonly #words: Uint32Array<ArrayBuffer>;

  /** Has room for as many messages as are asked for. */
  constructor({ count, size, controlSize = 0 }: MessageVectorOptions) {
    this.#count = count;
    this.#size = size;
    this.#controlSpace = controlSize === 0 ? 0 : CMSG_SPACE(controlSize);
    this.bytes = new Uint8Array(count * size);
    this.control = new Uint8Array(count * this.#controlSpace);
    this.#headers = new Uint8Array(count * mmsghdr.size);
    this.#vectors = new Uint8Array(count * iovec.size);
    this.#words = new Uint32Array(this.#headers.buffer);
    const [data, vectors, control] = [this.bytes, this.#vectors, this.control].map(addressOf);
    for (let i = 0; i < count; i++) {
      const vector = iovec.over(this.#vectors, i * iovec.size);
      vector.iov_base = data + BigInt(i * size);
      vector.iov_len = size;
      const header = msghdr.over(this.#headers, i * mmsghdr.size);
      header.msg_iov = vectors + BigInt(i * iovec.size);
      header.msg_iovlen = 1;
      header.msg_control = this.#controlSpace === 0 ? 0n : control + BigInt(i * this.#controlSpace);
    }
  }

  /**
   * recvmmsg(2), without a timeout.
   *
   * @param flags Such as `MSG_DONTWAIT | MSG_TRUNC`.
   * @returns How many messages came; 0 if none is there and the call may not wait, or a signal ended the wait.
   * @throws {SystemError} `ENETDOWN`, `EBADF`, …
   */
  receive(fd: number, flags: number): number {
    // The kernel has written over it: how long the control messages are.
    for (let i = 0; i < this.#count; i++) {
      this.#words[i * HEADER_WORDS + CONTROLLEN] = this.#controlSpace;
    }
    const received = libc.recvmmsg(fd, this.#headers, this.#count, flags, null);
    if (received !== -1) return received;
    const errno = lastErrno();
    if (errno === Errno.EAGAIN || errno === Errno.EINTR) return 0;
    throw new SystemError("recvmmsg", errno);
  }

  /** Where a message begins in {@linkcode bytes}. */
  offsetOf(i: number): number {
    return i * this.#size;
  }

  /** How long a message is; with `MSG_TRUNC` asked for, how long it was. */
  lengthOf(i: number): number {
    return this.#words[i * HEADER_WORDS + MSG_LEN];
  }

  /** Its control messages: as `parseControlMessages` takes them. */
  controlOf(i: number): Uint8Array<ArrayBuffer> {
    const start = i * this.#controlSpace;
    return this.control.subarray(start, start + this.#words[i * HEADER_WORDS + CONTROLLEN]);
  }
}

// Where the fields of a header are, as indices of 32-bit words; msg_controllen is of 64 bits, and never needs the upper half.
const HEADER_WORDS = mmsghdr.size / 4;
const MSG_LEN = mmsghdr.fields.msg_len[0] / 4;
const CONTROLLEN = msghdr.fields.msg_controllen[0] / 4;
