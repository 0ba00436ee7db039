/**
 * Sources of frames with a defect, for the refutations of several experiments.
 *
 * @module
 */

import { sleep, type VlanTag } from "../../ffi/mod.ts";
import type { FrameSource } from "../../lib/receive/mod.ts";

/** A source that passes everything on to another one, for a subclass to change some of it. */
export class AlteredSource implements FrameSource {
  constructor(protected readonly source: FrameSource) {}

  get fd(): number {
    return this.source.fd;
  }

  next(): boolean {
    return this.source.next();
  }

  wait(milliseconds: number): void {
    this.source.wait(milliseconds);
  }

  get bytes(): Uint8Array<ArrayBuffer> {
    return this.source.bytes;
  }

  get offset(): number {
    return this.source.offset;
  }

  get captured(): number {
    return this.source.captured;
  }

  get length(): number {
    return this.source.length;
  }

  get vlan(): VlanTag | undefined {
    return this.source.vlan;
  }

  get segmentSize(): number {
    return this.source.segmentSize;
  }

  get isChecksumPending(): boolean {
    return this.source.isChecksumPending;
  }

  get inexpressible(): number {
    return this.source.inexpressible;
  }

  timestamp(): bigint | undefined {
    return this.source.timestamp();
  }

  [Symbol.dispose](): void {
    this.source[Symbol.dispose]();
  }
}

/** The number of the frame that a source mistreats. */
export const MISTREATED = 500;

/** A source that counts its frames, from 1. */
export class CountingSource extends AlteredSource {
  protected count = 0;

  override next(): boolean {
    if (!super.next()) return false;
    this.count++;
    return true;
  }
}

/** Leaves out one frame. */
export class SkippingSource extends CountingSource {
  override next(): boolean {
    return super.next() && (this.count !== MISTREATED || super.next());
  }
}

/** How many frames are doubled: of one alone, nobody would know whether it was another sender's. */
const DOUBLED = 20;

/** Returns some frames twice. */
export class DoublingSource extends CountingSource {
  #isAgain = false;

  override next(): boolean {
    const isMeant = this.count >= MISTREATED && this.count < MISTREATED + DOUBLED;
    this.#isAgain = !this.#isAgain && isMeant;
    return this.#isAgain || super.next();
  }
}

/** Sleeps once, while the first frames come, so that the kernel has to drop some. */
export class SleepingSource extends AlteredSource {
  #isAsleep = false;
  #isDone = false;

  override next(): boolean {
    if (this.#isAsleep && !this.#isDone) {
      sleep(300);
      this.#isDone = true;
    }
    const isThere = super.next();
    this.#isAsleep ||= !isThere; // after the frames that were queued before the drop
    return isThere;
  }
}
