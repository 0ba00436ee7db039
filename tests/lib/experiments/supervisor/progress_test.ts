import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  close,
  Errno,
  F_ADD_SEALS,
  F_SEAL_WRITE,
  lastErrno,
  libc,
  MAP_SHARED,
  mapOver,
  PacketRing,
  pages,
  pageSize,
  SystemError,
  unmap,
} from "../../../../ffi/mod.ts";
import type { SupervisedOrders } from "../../../../lib/experiments/supervisor/orders.ts";
import {
  createProgress,
  FOREIGN,
  Progress,
} from "../../../../lib/experiments/supervisor/progress.ts";
import { STEADY_PACKET } from "../../../../lib/experiments/supervisor/stream.ts";
import { fromRing } from "../../../../lib/experiments/supervisor/worker.ts";
import { leavingNothingOpen } from "../../../ffi/descriptors.ts";
import { RingInMemory } from "../../../support/ring_in_memory.ts";

/**
 * Returns a test with the memory of one progress. Each call of `map` maps it once more, as the
 * supervisor and one worker after another do.
 */
function withProgress(capacity: number, test: (map: () => Progress, fd: number) => void) {
  return leavingNothingOpen((scope) => {
    const fd = scope.own(createProgress(capacity));
    const all: Progress[] = [];
    try {
      test(() => {
        all.push(new Progress(fd, capacity));
        return all.at(-1)!;
      }, fd);
    } finally {
      all.forEach((each) => each[Symbol.dispose]());
    }
  });
}

Deno.test(
  "Progress begins with no frame done and no frame held",
  withProgress(10, (map) => {
    const progress = map();
    const { count, sequence, doneInBlock, isInHand } = progress;
    assertEquals({ count, sequence, doneInBlock, isInHand }, {
      count: 0,
      sequence: 0,
      doneInBlock: 0,
      isInHand: false,
    });
    assertEquals([progress.takeLost(), [...progress.journal]], [undefined, []]);
  }),
);

Deno.test(
  "Progress shows the supervisor at once what a worker notes",
  withProgress(10, (map) => {
    const [worker, supervisor] = [map(), map()];
    worker.enter(7);
    for (const what of [3, FOREIGN, 0]) worker.done(what);
    const { count, entries, sequence, doneInBlock } = supervisor;
    assertEquals([count, entries, sequence, doneInBlock], [3, 2, 7, 3]);
    assertEquals([...supervisor.journal], [3, 0], "without those of others");
    worker.enter(8);
    assertEquals([supervisor.sequence, supervisor.doneInBlock], [8, 0]);
  }),
);

Deno.test(
  "Progress.takeLost() returns the frame that a dead worker held, once",
  withProgress(10, (map) => {
    const [worker, supervisor] = [map(), map()];
    worker.take(4);
    assert(supervisor.isInHand);
    assertEquals([supervisor.takeLost(), supervisor.takeLost()], [4, undefined]);
    worker.take(5);
    worker.done(5);
    assertEquals([supervisor.isInHand, supervisor.takeLost()], [false, undefined]);
    worker.take(FOREIGN);
    assertEquals([supervisor.isInHand, supervisor.takeLost()], [false, undefined]);
  }),
);

Deno.test(
  "Progress.done() throws RangeError and changes nothing when the journal is full",
  withProgress(3, (map) => {
    const progress = map();
    for (const what of [1, 2, 3]) progress.done(what);
    assertThrows(() => progress.done(4), RangeError, "The journal of 3 frames is full");
    assertEquals([progress.count, [...progress.journal]], [3, [1, 2, 3]]);
    for (let i = 0; i < 100; i++) progress.done(FOREIGN);
    assertEquals([progress.count, [...progress.journal]], [103, [1, 2, 3]], "others need no room");
  }),
);

Deno.test(
  "Progress holds as many frames as asked for, whether they fill the last page or not",
  () => {
    for (const capacity of [1, 1023, 1024, 1025, 100_000]) {
      const fd = createProgress(capacity);
      using progress = new Progress(fd, capacity);
      close(fd);
      for (let i = 0; i < capacity; i++) progress.done(i);
      assertEquals([progress.journal.length, progress.journal.at(-1)], [capacity, capacity - 1]);
    }
  },
);

Deno.test(
  "Progress that a worker has filled with nonsense is read without harm",
  withProgress(10, (map, fd) => {
    const progress = map();
    // A compromised worker can store anything in the memory.
    const theirs = pages(4096);
    mapOver(theirs, MAP_SHARED, fd);
    theirs.fill(0xff);
    unmap(theirs);
    assertEquals(progress.count, 0xffffffff);
    assertEquals(progress.journal.length, 10);
    assertEquals(progress.takeLost(), undefined);
    assertThrows(() => progress.done(1), RangeError, "is full");
  }),
);

Deno.test(
  "createProgress() creates memory that cannot be shrunk, grown or unsealed",
  leavingNothingOpen((scope) => {
    const fd = scope.own(createProgress(1000));
    const before = Deno.statSync(`/proc/self/fd/${fd}`).size;
    assertEquals(before % pageSize(), 0);
    for (const size of [0, before - 1, before + 1, 2 * before]) {
      assertEquals([libc.ftruncate(fd, BigInt(size)), lastErrno()], [-1, Errno.EPERM], `${size}`);
    }
    assertEquals([libc.fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), lastErrno()], [-1, Errno.EPERM]);
    assertEquals(Deno.statSync(`/proc/self/fd/${fd}`).size, before);
  }),
);

Deno.test("Progress throws SystemError for a descriptor that is not open", () => {
  assertThrows(() => new Progress(9999, 10), SystemError, "EBADF");
});

// ── Killed at every store. ──

const NONCE = Uint8Array.from({ length: 16 }, (_, i) => 100 + i);
const ORDERS = { nonce: NONCE.toBase64(), work: 0 } as SupervisedOrders;
const FRAMES = 22, IN_A_BLOCK = [3, 1, 4]; // more than two rounds of the ring

function steadyFrame(number: number): Uint8Array {
  const frame = new Uint8Array(STEADY_PACKET);
  frame.set(NONCE, STEADY_PACKET - 20);
  new DataView(frame.buffer).setUint32(STEADY_PACKET - 4, number);
  return frame;
}

class Killed extends Error {}

/**
 * Runs a part, and kills it before its `n`th atomic store. Returns the number of stores if it was
 * not killed.
 */
function killedBefore(n: number, part: () => void): number | undefined {
  const { store } = Atomics;
  let stores = 0;
  Atomics.store = ((...args: Parameters<typeof store>) => {
    if (++stores === n) throw new Killed();
    return store(...args);
  }) as typeof store;
  try {
    part();
    return stores;
  } catch (error) {
    if (!(error instanceof Killed)) throw error;
    return undefined;
  } finally {
    Atomics.store = store;
  }
}

/** Acts as a worker: maps ring and progress, resumes, and finishes every frame in the ring. */
function live(ring: RingInMemory, map: () => Progress): void {
  using source = new PacketRing(ring.memory.fd, ring.geometry);
  const progress = map();
  const each = fromRing(source, progress, ORDERS);
  while (source.next()) each();
}

/**
 * Runs one worker after another, each killed before the store that `kills` names for it. Returns
 * the journal at the end.
 */
function livesOf(kills: readonly number[], map: () => Progress): number[] {
  using ring = new RingInMemory({ blockSize: 4096, blockCount: 3, retireTimeout: 1 });
  let number = 0, blocks = 0;
  const refill = () => {
    while (number < FRAMES) {
      const count = Math.min(FRAMES - number, IN_A_BLOCK[blocks % IN_A_BLOCK.length]);
      if (!ring.fill(Array.from({ length: count }, (_, i) => steadyFrame(number + i)))) return;
      number += count;
      blocks++;
    }
  };
  for (const kill of kills) {
    refill();
    killedBefore(kill, () => live(ring, map));
  }
  for (let round = 0; round < FRAMES; round++) {
    refill();
    live(ring, map);
  }
  return [...map().journal];
}

const ALL = Array.from({ length: FRAMES }, (_, i) => i);

Deno.test("A worker is killed before any one store, and every frame is done exactly once", () => {
  let points = 0;
  withFreshProgress((map) => {
    using ring = new RingInMemory({ blockSize: 1 << 16, blockCount: 1, retireTimeout: 1 });
    ring.fill(ALL.map(steadyFrame));
    points = killedBefore(0, () => live(ring, map))!;
  });
  assert(points > 3 * FRAMES, `${points} stores`);
  for (let kill = 1; kill <= points + 2; kill++) {
    withFreshProgress((map) => assertEquals(livesOf([kill], map), ALL, `killed before ${kill}`));
  }
});

Deno.test("Workers are killed before any two, or many, stores, and every frame is done exactly once", () => {
  for (let first = 1; first <= 30; first++) {
    for (let second = 1; second <= 30; second++) {
      withFreshProgress((map) =>
        assertEquals(livesOf([first, second], map), ALL, `killed before ${first}, ${second}`)
      );
    }
  }
  for (let kill = 4; kill < 12; kill++) {
    withFreshProgress((map) =>
      assertEquals(livesOf(new Array(60).fill(kill), map), ALL, `each killed before ${kill}`)
    );
  }
});

Deno.test("Without progress the same workers do frames twice", () => {
  withFreshProgress((map) => {
    const forgetful = () => {
      const progress = map();
      Object.defineProperty(progress, "doneInBlock", { value: 0 });
      return progress;
    };
    const journal = livesOf([9], forgetful);
    assert(journal.length > FRAMES, `${journal.length} done`);
    assertEquals([...new Set(journal)], ALL);
  });
});

Deno.test("A worker counts as resumed in mid-block if its predecessor did part of the block", () => {
  const resumes = (frames: number, done: number) => {
    let count = 0;
    withFreshProgress((map) => {
      using ring = new RingInMemory({ blockSize: 4096, blockCount: 3, retireTimeout: 1 });
      ring.fill(ALL.slice(0, frames).map(steadyFrame));
      {
        using source = new PacketRing(ring.memory.fd, ring.geometry);
        const each = fromRing(source, map(), ORDERS);
        for (let i = 0; i < done && source.next(); i++) each();
      }
      ring.fill([steadyFrame(frames)]);
      live(ring, map);
      const { journal, resumedInBlock } = map();
      assertEquals([...journal], ALL.slice(0, frames + 1));
      count = resumedInBlock;
    });
    return count;
  };
  assertEquals([0, 1, 2].map((done) => resumes(3, done)), [0, 1, 1]);
  assertEquals(resumes(3, 3), 0, "all are done");
  assertEquals(resumes(3, 4), 0, "the block is given back");
});

function withFreshProgress(test: (map: () => Progress) => void): void {
  const fd = createProgress(4 * FRAMES);
  const all: Progress[] = [];
  try {
    test(() => {
      all.push(new Progress(fd, 4 * FRAMES));
      return all.at(-1)!;
    });
  } finally {
    all.forEach((each) => each[Symbol.dispose]());
    close(fd);
  }
}
