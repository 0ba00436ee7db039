/**
 * Root's own witness of what arrives at the interface under test: a packet socket that receives
 * beside the passed one. If it sees frames that the child does not return, the child is refuted;
 * if it does not see them either, nothing is shown.
 *
 * @module
 */

import { ETH_P_ALL } from "../../ffi/abi/constants.ts";
import { Errno, SystemError } from "../../ffi/abi/errno.ts";
import { realtime } from "../../ffi/process/clock.ts";
import type { OwnedFd } from "../../ffi/process/descriptor.ts";
import { AwaitedFrames } from "../packets/awaited_frames.ts";
import { HEAD_LIMIT } from "./protocol.ts";
import {
  boundPacketSocket,
  enlargeReceiveBuffer,
  type Frame,
  takeFrame,
  takeStatistics,
} from "../packets/socket.ts";
import { holdsStimulus, secretOf } from "../packets/stimulus.ts";

/** How many frames of others are kept: the oldest are forgotten. */
const KEPT = 16_384;

/** The most frames that are taken in a row, so that a flooded interface does not hold the run up. */
const FRAMES_IN_A_ROW = 4096;

/** A frame by which it is known again: its length, and the beginning as the child hands it on. */
const keyOf = (bytes: number, head: string) => `${bytes} ${head}`;

/** Whether nothing stands in the place of a secret: no byte, or an interface's padding. */
const isCut = (frame: Uint8Array) => /^0*$/.test(secretOf(frame) ?? "");

/** Sees each frame that arrives; it must be asked to {@linkcode look} often enough. */
export class InterfaceWitness implements Disposable {
  readonly #socket: OwnedFd;
  readonly #awaited = new AwaitedFrames();
  /** Frames of others that nobody has claimed, and how often each came. */
  readonly #unclaimed = new Map<string, number>();
  #recognized = 0;
  #cut = 0;
  #ambient = 0;
  #lost = 0;
  #isDown = false;
  #since = 0n;

  /**
   * @param ifindex The interface under test.
   * @throws {SystemError} If the packet socket cannot be opened or bound there.
   */
  constructor(ifindex: number) {
    this.#socket = boundPacketSocket(ifindex, ETH_P_ALL);
    try {
      enlargeReceiveBuffer(this.#socket.fd);
    } catch (error) {
      // Outside the first user namespace it has the usual room; what it loses is counted.
      if (!(error instanceof SystemError && error.errno === Errno.EPERM)) throw error;
    }
  }

  /** Its packet socket. */
  get fd(): number {
    return this.#socket.fd;
  }

  /** How many of the expected frames arrived, with their secrets. */
  get recognized(): number {
    return this.#recognized;
  }

  /** How many packets of a stimulus arrived without what was sent behind them. */
  get cut(): number {
    return this.#cut;
  }

  /** How many frames of others arrived. */
  get ambient(): number {
    return this.#ambient;
  }

  /** How many frames it had no room for, or has forgotten. */
  get lost(): number {
    return this.#lost;
  }

  /** Whether the interface has gone down. */
  get isDown(): boolean {
    return this.#isDown;
  }

  /** Expects a frame of the stimulus that has just been sent. */
  expect(frame: Uint8Array): void {
    this.#awaited.expect(frame);
  }

  /** Takes into account what has arrived. */
  look(): void {
    for (let left = FRAMES_IN_A_ROW; left > 0; left--) {
      const frame = this.#take();
      if (frame === undefined) break;
      this.#account(frame);
    }
    this.#lost += takeStatistics(this.#socket.fd).drops;
  }

  /** Begins anew: what has arrived so far, and what is expected, is forgotten. The counts go on. */
  forget(): void {
    this.look();
    this.#since = realtime();
    this.#awaited.forget();
    this.#unclaimed.clear();
  }

  /**
   * Whether a frame of others that the child hands on has arrived here as well. Each that arrived
   * is claimed once.
   *
   * @param bytes Its length on the wire.
   * @param head Its beginning, in base64.
   */
  claim(bytes: number, head: string): boolean {
    const key = keyOf(bytes, head);
    const times = this.#unclaimed.get(key);
    if (times === undefined) return false;
    if (times > 1) this.#unclaimed.set(key, times - 1);
    else this.#unclaimed.delete(key);
    return true;
  }

  #take(): Frame | undefined {
    try {
      return takeFrame(this.#socket.fd);
    } catch (error) {
      if (!(error instanceof SystemError && error.errno === Errno.ENETDOWN)) throw error;
      this.#isDown = true;
      return undefined;
    }
  }

  #account({ bytes, head, timestamp }: Frame): void {
    if (this.#awaited.take(head) !== undefined) {
      this.#recognized++;
      return;
    }
    if (holdsStimulus(head) && isCut(head)) this.#cut++;
    // What was queued before it began anew came before.
    if (timestamp < this.#since) return;
    this.#ambient++;
    const key = keyOf(bytes, head.subarray(0, HEAD_LIMIT).toBase64());
    this.#unclaimed.set(key, (this.#unclaimed.get(key) ?? 0) + 1);
    if (this.#unclaimed.size > KEPT) this.#forgetOldest();
  }

  #forgetOldest(): void {
    const [key, times] = this.#unclaimed.entries().next().value!;
    this.#unclaimed.delete(key);
    this.#lost += times;
  }

  /** Closes its socket. */
  [Symbol.dispose](): void {
    this.#socket.close();
  }
}
