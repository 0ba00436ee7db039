/**
 * recvmmsg(2): many datagrams in one system call.
 *
 * @module
 */

import { CMSG_ALIGN } from "./cmsg.ts";
import { Errno, lastErrno, SystemError } from "../abi/errno.ts";
import { iovec, mmsghdr, msghdr } from "../abi/layouts.ts";
import { libc } from "../abi/libc.ts";
import { addressOf } from "../abi/struct.ts";

/** The sizes of a {@linkcode MessageVector}. */
export interface MessageVectorOptions {
  /** The most messages that one call receives. */
  readonly count: number;
  /** The buffer size for each message, in bytes. */
  readonly size: number;
  /**
   * The buffer size for the control messages of each, in bytes: the sum of their `CMSG_SPACE`. 0
   * for none.
   */
  readonly controlSpace?: number;
}

/** Buffers for many messages, filled again and again without allocating. */
export class MessageVector {
  /** The buffers of all messages, one after another. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The buffers of their control messages, one after another. */
  readonly control: Uint8Array<ArrayBuffer>;
  readonly #count: number;
  readonly #size: number;
  readonly #controlSpace: number;
  // SAFETY: the headers point to the vectors, and both to the buffers. All are fields of this
  // object, which lives across the call.
  readonly #headers: Uint8Array<ArrayBuffer>;
  readonly #vectors: Uint8Array<ArrayBuffer>;
  readonly #words: Uint32Array<ArrayBuffer>;

  /** Allocates the buffers. */
  constructor({ count, size, controlSpace = 0 }: MessageVectorOptions) {
    this.#count = count;
    this.#size = size;
    this.#controlSpace = CMSG_ALIGN(controlSpace);
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
   * Receives messages: recvmmsg(2) without a timeout.
   *
   * @param flags Such as `MSG_DONTWAIT | MSG_TRUNC`.
   * @returns The number of messages; 0 if nothing is queued and the call may not wait, or a signal
   * ended the wait.
   * @throws {SystemError} `ENETDOWN`, `EBADF`, …
   */
  receive(fd: number, flags: number): number {
    // The kernel replaces the size of the control buffer by the length that it filled.
    for (let i = 0; i < this.#count; i++) {
      this.#words[i * HEADER_WORDS + CONTROLLEN] = this.#controlSpace;
    }
    const received = libc.recvmmsg(fd, this.#headers, this.#count, flags, null);
    if (received !== -1) return received;
    const errno = lastErrno();
    if (errno === Errno.EAGAIN || errno === Errno.EINTR) return 0;
    throw new SystemError("recvmmsg", errno);
  }

  /** The offset of a message in {@linkcode bytes}. */
  offsetOf(i: number): number {
    return i * this.#size;
  }

  /** The length of a message in bytes; with `MSG_TRUNC` in the flags, of the whole datagram. */
  lengthOf(i: number): number {
    return this.#words[i * HEADER_WORDS + MSG_LEN];
  }

  /** The offset of the control messages of a message in {@linkcode control}. */
  controlOffsetOf(i: number): number {
    return i * this.#controlSpace;
  }

  /** The length of the control messages of a message, in bytes. */
  controlLengthOf(i: number): number {
    return this.#words[i * HEADER_WORDS + CONTROLLEN];
  }
}

// Offsets of the fields in 32-bit words. The upper half of msg_controllen is never needed.
const HEADER_WORDS = mmsghdr.size / 4;
const MSG_LEN = mmsghdr.fields.msg_len[0] / 4;
const CONTROLLEN = msghdr.fields.msg_controllen[0] / 4;
