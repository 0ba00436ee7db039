/**
 * Root's own witness of the frames that arrive at the interface under test: a packet socket that
 * receives beside the passed one. If it sees frames that the child does not return, the claim is
 * refuted. If it does not see them either, nothing is shown.
 *
 * @module
 */

import { ETH_P_ALL } from "../../ffi/abi/constants.ts";
import { Errno, SystemError } from "../../ffi/abi/errno.ts";
import { realtime } from "../../ffi/process/clock.ts";
import type { OwnedFd } from "../../ffi/process/descriptor.ts";
import { AwaitedFrames } from "../packets/awaited_frames.ts";
import type { Interface, LinkLayer } from "../packets/link_layer.ts";
import { type Frame, takeFrame } from "../packets/queue.ts";
import { boundPacketSocket, enlargeReceiveBuffer, takeStatistics } from "../packets/socket.ts";
import { holdsStimulus, secretOf } from "../packets/stimulus.ts";
import { HEAD_LIMIT } from "./protocol.ts";

/** How many frames of ambient traffic are kept. The oldest are forgotten. */
const KEPT = 16_384;

/** The most frames that one look takes, so that a flooded interface does not hold up the run. */
const FRAMES_PER_LOOK = 4096;

/** Returns the identity of a frame: its length, and its beginning as the child forwards it. */
const keyOf = (bytes: number, head: string) => `${bytes} ${head}`;

/** Whether the secret of a frame was cut off: its place holds no byte, or zero padding. */
const isCut = (frame: Uint8Array, layer: LinkLayer) => /^0*$/.test(secretOf(frame, layer) ?? "");

/** Receives every frame that arrives. Its owner must call {@linkcode look} often enough. */
export class InterfaceWitness implements Disposable {
  readonly #socket: OwnedFd;
  readonly #layer: LinkLayer;
  readonly #awaited: AwaitedFrames;
  /** Frames of ambient traffic that are not claimed yet, and how often each arrived. */
  readonly #unclaimed = new Map<string, number>();
  #recognized = 0;
  #cut = 0;
  #ambient = 0;
  #lost = 0;
  #isDown = false;
  #since = 0n;

  /**
   * @param link The interface under test.
   * @param filter The filter of the passed socket, so that the witness sees the same frames.
   * @throws {SystemError} If the packet socket cannot be opened or bound there.
   */
  constructor(
    { ifindex, layer }: Pick<Interface, "ifindex" | "layer">,
    filter?: Uint8Array<ArrayBuffer>,
  ) {
    this.#layer = layer;
    this.#awaited = new AwaitedFrames(layer);
    this.#socket = boundPacketSocket(ifindex, ETH_P_ALL, filter);
    try {
      enlargeReceiveBuffer(this.#socket.fd);
    } catch (error) {
      // Outside the initial user namespace the buffer has its default size. Losses are counted.
      if (!(error instanceof SystemError && error.errno === Errno.EPERM)) throw error;
    }
  }

  /** Its packet socket. */
  get fd(): number {
    return this.#socket.fd;
  }

  /** How many of the expected frames arrived with their secrets. */
  get recognized(): number {
    return this.#recognized;
  }

  /** How many packets of a stimulus arrived with the secret cut off. */
  get cut(): number {
    return this.#cut;
  }

  /** How many frames of ambient traffic arrived. */
  get ambient(): number {
    return this.#ambient;
  }

  /** How many frames the kernel dropped for lack of room, or the witness has forgotten. */
  get lost(): number {
    return this.#lost;
  }

  /** Whether the interface has gone down. */
  get isDown(): boolean {
    return this.#isDown;
  }

  /** Expects a frame of the stimulus, which has just been sent, by its secret. */
  expect(secret: string): void {
    this.#awaited.expect(secret);
  }

  /** Receives the frames that have arrived, and accounts for each. */
  look(): void {
    for (let left = FRAMES_PER_LOOK; left > 0; left--) {
      const frame = this.#take();
      if (frame === undefined) break;
      this.#account(frame);
    }
    this.#lost += takeStatistics(this.#socket.fd).drops;
  }

  /** Forgets the frames that have arrived and those that are expected. The counts stay. */
  forget(): void {
    this.look();
    this.#since = realtime();
    this.#awaited.forget();
    this.#unclaimed.clear();
  }

  /**
   * Whether a frame of ambient traffic that the child forwards has arrived here too. Each arrival
   * can be claimed once.
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
    if (holdsStimulus(head, this.#layer) && isCut(head, this.#layer)) this.#cut++;
    // It was queued before the last forget().
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
