/**
 * The relay: takes datagrams from a packet socket, sends their payloads by a connected UDP socket,
 * and accounts for every frame.
 *
 * A relay that waits for its output loses its input. So a datagram that the output refuses is sent
 * again for a short while only, and then counted as refused.
 *
 * @module
 */

import { MSG_DONTWAIT } from "../../../ffi/abi/constants.ts";
import { Errno, SystemError } from "../../../ffi/abi/errno.ts";
import { send } from "../../../ffi/socket/calls.ts";
import type { Ipv4Flow } from "../../../ffi/socket/inet.ts";
import { sleep } from "../../../ffi/socket/poll.ts";
import { DatagramReader, datagramsIn, DROP_REASONS, type DropReason } from "./datagrams.ts";
import type { LinkLayer } from "../../packets/link_layer.ts";
import type { FrameSource } from "../../receive/mod.ts";
import type { RelayAccount } from "./account.ts";

/**
 * How often a refused datagram is sent again. The queue of the next processor is full for
 * microseconds only, unless something is wrong.
 */
const RETRIES = 200;

/** After how many retries each further one waits a millisecond. */
const IMMEDIATE_RETRIES = 20;

/**
 * Errors that may be gone the next moment. Any other error is an ICMP error of an earlier datagram,
 * which the kernel reports once: udp(7).
 */
const TRANSIENT: readonly number[] = [Errno.ENOBUFS, Errno.EAGAIN];

/** Relays datagrams from a frame source to a socket. */
export class Relay {
  readonly #source: FrameSource;
  readonly #egressFd: number;
  readonly #reader: DatagramReader;
  readonly #dropped = Object.fromEntries(
    Object.keys(DROP_REASONS).map((reason) => [reason, 0]),
  ) as Record<DropReason, number>;
  #received = 0;
  #relayed = 0;
  #refused = 0;
  #retried = 0;

  /**
   * @param egressFd A connected UDP socket.
   * @param from The group and port whose datagrams are relayed, and their source if only one is.
   * @param layer The form of the frames.
   */
  constructor(source: FrameSource, egressFd: number, from: Ipv4Flow, layer: LinkLayer) {
    this.#source = source;
    this.#egressFd = egressFd;
    this.#reader = new DatagramReader(from, layer);
  }

  /**
   * Handles the frames that have arrived, without waiting.
   *
   * @param most The most frames that it handles.
   * @returns How many it handled.
   */
  turn(most: number): number {
    let frames = 0;
    while (frames < most && this.#source.next()) {
      frames++;
      this.#received++;
      this.#handle();
    }
    return frames;
  }

  /** The account of all frames so far. */
  get account(): RelayAccount {
    return {
      received: this.#received,
      relayed: this.#relayed,
      dropped: { ...this.#dropped, "super-packet": this.#source.inexpressible },
      refused: this.#refused,
      retried: this.#retried,
    };
  }

  #handle(): void {
    const source = this.#source;
    const { bytes, offset, captured } = source;
    const isCut = captured < source.length;
    const { segmentSize } = source;
    // The checksums of joined datagrams were right, or they would not have been joined.
    const isBelieved = segmentSize > 0 || source.isChecksumPending;
    const reason = isCut ? "cut" : this.#reader.read(bytes, offset, captured, isBelieved);
    if (reason !== undefined) {
      this.#dropped[reason]++;
      return;
    }
    const { start, size } = this.#reader;
    if (segmentSize === 0) return this.#relay(bytes.subarray(start, start + size));
    for (const [from, to] of datagramsIn(start, size, segmentSize)) {
      this.#relay(bytes.subarray(from, to));
    }
  }

  #relay(payload: Uint8Array<ArrayBuffer>): void {
    const errno = this.#send(payload);
    if (errno === 0) this.#relayed++;
    else if (errno === Errno.EMSGSIZE) this.#dropped["too big for the output"]++;
    else this.#refused++;
  }

  /** Sends a payload. Returns 0, or the errno with which the kernel refused it in the end. */
  #send(payload: Uint8Array<ArrayBuffer>): number {
    for (let tries = 0;; tries++) {
      try {
        send(this.#egressFd, payload, MSG_DONTWAIT);
        return 0;
      } catch (error) {
        if (!(error instanceof SystemError)) throw error;
        const mayPass = TRANSIENT.includes(error.errno) || tries === 0;
        if (tries === RETRIES || !mayPass) return error.errno;
      }
      this.#retried++;
      if (tries >= IMMEDIATE_RETRIES) sleep(1);
    }
  }
}
