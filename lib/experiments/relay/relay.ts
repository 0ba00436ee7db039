/**
 * The relay: from a packet socket to a connected UDP socket, datagram after datagram, and an account of every frame.
 *
 * A relay that waited for its output would lose its input. So what the output does not take is tried again for a short while only, and then
 * counted as refused.
 *
 * @module
 */

import { MSG_DONTWAIT, TP_STATUS_CSUMNOTREADY } from "../../../ffi/abi/constants.ts";
import { Errno, SystemError } from "../../../ffi/abi/errno.ts";
import { send } from "../../../ffi/socket/calls.ts";
import type { Ipv4Endpoint } from "../../../ffi/socket/inet.ts";
import { sleep } from "../../../ffi/socket/poll.ts";
import { DatagramReader, DROP_REASONS, type DropReason } from "../../packets/datagrams.ts";
import type { FrameSource } from "../../receive/mod.ts";
import { PacketRingSource } from "../../receive/tpacket_v3.ts";

/** What became of the frames that came. */
export interface RelayAccount {
  /** Frames that came. */
  readonly received: number;
  /** Datagrams that were passed on. */
  readonly relayed: number;
  /** Frames that were not, by reason. */
  readonly dropped: Readonly<Record<DropReason, number>>;
  /** Datagrams that the kernel did not take. */
  readonly refused: number;
  /** How often one was sent again that the kernel did not take at first. */
  readonly retried: number;
}

/** How often a datagram is sent again. The queue of the next processor is full for microseconds, or something is wrong. */
const RETRIES = 200;

/** After how many of them in a row it waits a millisecond each time. */
const HASTY_RETRIES = 20;

/** Errors of a datagram that may be taken the next moment. Any other one is an ICMP error of an earlier datagram, told once: udp(7). */
const TRANSIENT: readonly number[] = [Errno.ENOBUFS, Errno.EAGAIN];

/** Passes datagrams on. */
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
   * @param source Where frames come from.
   * @param egressFd A connected UDP socket.
   * @param from The group and port whose datagrams are passed on.
   */
  constructor(source: FrameSource, egressFd: number, from: Ipv4Endpoint) {
    this.#source = source;
    this.#egressFd = egressFd;
    this.#reader = new DatagramReader(from);
  }

  /**
   * Deals with the frames that are there.
   *
   * @param most So many of them at most.
   * @returns How many it were.
   */
  turn(most: number): number {
    let frames = 0;
    while (frames < most && this.#source.next()) {
      frames++;
      this.#received++;
      this.#deal();
    }
    return frames;
  }

  /** What became of them. */
  get account(): RelayAccount {
    return {
      received: this.#received,
      relayed: this.#relayed,
      dropped: { ...this.#dropped },
      refused: this.#refused,
      retried: this.#retried,
    };
  }

  #deal(): void {
    const source = this.#source;
    const { bytes, offset, captured } = source;
    const reason = this.#reader.read(bytes, offset, captured, isChecksumPending(source));
    if (reason !== undefined) {
      this.#dropped[reason]++;
      return;
    }
    const { start, size } = this.#reader;
    if (this.#send(bytes.subarray(start, start + size))) this.#relayed++;
    else this.#refused++;
  }

  #send(payload: Uint8Array<ArrayBuffer>): boolean {
    for (let tries = 0;; tries++) {
      try {
        send(this.#egressFd, payload, MSG_DONTWAIT);
        return true;
      } catch (error) {
        if (!(error instanceof SystemError)) throw error;
        const mayBeTaken = TRANSIENT.includes(error.errno) || tries === 0;
        if (tries === RETRIES || !mayBeTaken) return false;
      }
      this.#retried++;
      if (tries >= HASTY_RETRIES) sleep(1);
    }
  }
}

/** Whether the checksum of the datagram is still to be computed. Only a ring says so. */
function isChecksumPending(source: FrameSource): boolean {
  return source instanceof PacketRingSource && (source.status & TP_STATUS_CSUMNOTREADY) !== 0;
}
