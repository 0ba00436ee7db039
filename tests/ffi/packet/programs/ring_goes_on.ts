/**
 * Reads a ring by one reader after another: each stops at some frame, and the next continues from
 * the recorded position. Prints the number of cases, and those in which the next reader did not get
 * the very next frame.
 *
 *     ring_goes_on.ts STEP  the readers stop at every STEPth frame
 *
 * @module
 */

import { dup, OwnedFd, PacketRing, setUpPacketRing, sleep } from "../../../../ffi/mod.ts";
import { awaitFrame, frameOf } from "./ring_walk.ts";
import { printJson } from "../../programs/print_json.ts";
import { counted, nearSocket, NUMBER_OFFSET, numberedFrame, Sender } from "../../programs/veth.ts";

const IN_A_BLOCK = 3, SIZE = 1000;
const GEOMETRY = { blockSize: 4096, blockCount: 6, retireTimeout: 4 };
/** The most frames in a block; fewer if the block times out before it is full. */
const CAPACITY = IN_A_BLOCK * GEOMETRY.blockCount;

const step = Number(Deno.args[0]);
using sender = new Sender();

/** A socket with a ring, and the position up to which it was read. */
class Place implements Disposable {
  readonly near = nearSocket();
  #sent = 0;
  sequence = 0;
  done = 0;

  constructor() {
    setUpPacketRing(this.near.fd, GEOMETRY);
  }

  /** Sends a number of frames, and waits until all are handed over. */
  send(count: number): void {
    for (const end = this.#sent + count; this.#sent < end; this.#sent++) {
      sender.send(numberedFrame(this.#sent, SIZE));
    }
    sleep(4 * GEOMETRY.retireTimeout);
  }

  /** Reads up to `count` frames by a new descriptor, and returns their numbers. */
  read(count: number, mode: Mode): number[] {
    using copy = new OwnedFd(dup(this.near.fd));
    using ring = new PacketRing(copy.fd, GEOMETRY);
    ring.resume(this.sequence, this.done);
    const numbers: number[] = [];
    while (
      numbers.length < count && (mode === "waits" ? awaitFrame(ring, copy.fd) : ring.next())
    ) {
      const { buffer, byteOffset } = frameOf(ring);
      numbers.push(new DataView(buffer, byteOffset).getUint32(NUMBER_OFFSET));
      if (ring.sequence !== this.sequence) {
        this.sequence = ring.sequence;
        this.done = 0;
      }
      this.done++;
    }
    // A frame that this reader does not finish. The block before it may be given back.
    if (mode === "looks ahead") ring.next();
    return numbers;
  }

  waiting(): number {
    using ring = new PacketRing(this.near.fd, GEOMETRY);
    return ring.waiting;
  }

  [Symbol.dispose](): void {
    this.near.close();
  }
}

/**
 * How a reader reads: without waiting; without waiting, and then one frame further, which it does
 * not finish; or waiting for each frame.
 */
type Mode = "stops" | "looks ahead" | "waits";

const seen = { cases: 0, wrong: [] as unknown[], waiting: [] as number[] };
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

function expect(title: string, numbers: number[], expected: number[]): void {
  seen.cases++;
  if (JSON.stringify(numbers) !== JSON.stringify(expected)) {
    seen.wrong.push({ title, numbers, expected });
  }
}

// Stopped at every frame of every block, before the block is given back and after.
for (const frames of [0, 1, IN_A_BLOCK, 8, 9]) {
  for (let stop = 0; stop <= frames; stop += step) {
    for (const mode of ["stops", "looks ahead"] as const) {
      using place = new Place();
      place.send(frames);
      const title = `${frames} frames, stopped after ${stop}, ${mode}`;
      expect(title, place.read(stop, mode), range(0, stop));
      expect(title, place.read(CAPACITY, "stops"), range(stop, frames));
      place.send(2);
      expect(`${title}, and more`, place.read(2, "waits"), [frames, frames + 1]);
    }
  }
}

// A full ring accepts nothing; later it continues with new frames.
for (let stop = 0; stop <= CAPACITY; stop += step) {
  for (const mode of ["stops", "looks ahead"] as const) {
    using place = new Place();
    place.send(2 * CAPACITY);
    const { queued } = counted(place.near.fd);
    const title = `full, stopped after ${stop}, ${mode}`;
    const taken = Math.min(stop, queued);
    expect(title, place.read(stop, mode), range(0, taken));
    expect(title, place.read(2 * CAPACITY, "stops"), range(taken, queued));
    place.send(5);
    expect(`${title}, and more`, place.read(5, "waits"), range(2 * CAPACITY, 2 * CAPACITY + 5));
  }
}

// Several times round the ring, a few frames for each reader.
for (const each of [1, 2, 3, 4, 5, 7]) {
  using place = new Place();
  const numbers: number[] = [];
  for (let round = 0; round < 6; round++) {
    place.send(2 * IN_A_BLOCK);
    for (let read = 1; read > 0;) {
      const some = place.read(each, numbers.length % 2 === 0 ? "stops" : "looks ahead");
      numbers.push(...some);
      read = some.length;
    }
  }
  expect(`round and round by ${each}`, numbers, range(0, 6 * 2 * IN_A_BLOCK));
}

// The waiting frames are those in blocks not given back, wherever the cursor is.
using place = new Place();
seen.waiting.push(place.waiting());
place.send(8);
seen.waiting.push(place.waiting());
place.read(3, "stops");
seen.waiting.push(place.waiting());
place.read(1, "stops"); // gives the first block back
seen.waiting.push(place.waiting());
place.read(8, "stops");
seen.waiting.push(place.waiting());

printJson(seen);
