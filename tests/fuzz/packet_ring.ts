/**
 * The cursor of the packet ring: it returns every frame of its blocks unchanged. A worker that
 * resumes where its predecessor claims to have stopped comes to an end, inside the ring, whatever
 * the claim.
 *
 * @module
 */

import fc from "fast-check";
import { PacketRing, TP_STATUS_KERNEL } from "../../ffi/mod.ts";
import { RingInMemory } from "../support/ring_in_memory.ts";
import { must, target } from "./target.ts";

const GEOMETRY = { blockSize: 4096, blockCount: 4, retireTimeout: 1 };

const memory = new RingInMemory(GEOMETRY);
const ring = new PacketRing(memory.memory.fd, GEOMETRY);
const status = new Uint32Array(ring.bytes.buffer, ring.bytes.byteOffset);
// in a block, as a number of 32-bit words: tpacket_block_desc.hdr.bh1.block_status
const STATUS = 2;

/** The block that was filled last; the kernel counts from 1. */
let sequence = 0;

/** The contents of the ring, and where the predecessor claims to have stopped. */
interface Handed {
  readonly blocks: readonly (readonly Uint8Array[])[];
  /** The claimed block: one of those in the ring, counted from the first, or any number. */
  readonly block: number;
  readonly isAny: boolean;
  readonly done: number;
}

const frame = fc.uint8Array({ maxLength: 120 });
const EDGES = [0, 1, 3, 0x7fffffff, 0x80000000, 0xffffffff, -1, NaN];

const cases: fc.Arbitrary<Handed> = fc.record({
  blocks: fc.array(fc.array(frame, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 3 }),
  block: fc.oneof(fc.nat(4), fc.constantFrom(...EDGES.slice(0, 6))),
  isAny: fc.boolean(),
  done: fc.oneof(fc.nat(9), fc.constantFrom(...EDGES)),
});

/** Resumes, and reads what is there. */
type Resume = (ring: PacketRing, sequence: number, done: number) => string[];

function rest(ring: PacketRing): string[] {
  const found: string[] = [];
  while (ring.next()) {
    const { bytes, offset, captured, length } = ring;
    must(offset >= 0 && offset + captured <= bytes.length, `${offset} is outside of the ring`);
    must(captured === length, "the frame is whole");
    found.push(bytes.subarray(offset, offset + captured).toHex());
    must(found.length <= 100, "it comes to no end");
  }
  return found;
}

const resume: Resume = (ring, sequence, done) => {
  ring.resume(sequence, done);
  return rest(ring);
};

/** Releases every block, whatever its state. */
function clear(): void {
  for (let block = 0; block < GEOMETRY.blockCount; block++) {
    status[block * GEOMETRY.blockSize / 4 + STATUS] = TP_STATUS_KERNEL;
  }
  ring.resume(sequence, 0);
}

/** Fuzzes PacketRing.resume() with true and false claims. */
export const packetRing = target<Handed, Resume>({
  claim: "PacketRing resumes with each frame once, and stays in the ring whatever position it gets",
  cases,
  subject: resume,
  wrong: {
    "starts the block from the beginning": (ring, sequence) => resume(ring, sequence, 0),
    "skips the last frame": (ring, sequence, done) => resume(ring, sequence, done).slice(0, -1),
  },
  check(resume, { blocks, block, isAny, done }) {
    clear();
    const first = sequence + 1;
    for (const each of blocks) {
      must(memory.fill(each), "the ring is empty");
      sequence++;
    }
    const isHere = !isAny && block < blocks.length;
    const found = resume(ring, isAny ? block : first + block, done);
    const all = blocks.map((each) => each.map((bytes) => bytes.toHex()));
    if (!isHere) {
      const known = new Set(all.flat());
      must(found.every((each) => known.has(each)), "frames that are there");
      return;
    }
    const skipped = done > 0 ? Math.min(done, all[block].length) : 0;
    const expected = [...all[block].slice(skipped), ...all.slice(block + 1).flat()];
    must(found.join() === expected.join(), `${found.join()}, and not ${expected.join()}`);
  },
});
