import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  addressOf,
  AT_FDCWD,
  close,
  cString,
  Errno,
  errnoOf,
  IORING_OP_NOP,
  IORING_OP_OPENAT,
  IORING_OP_READ,
  IORING_OP_RECV,
  IORING_REGISTER_SYNC_CANCEL,
  IORING_RESTRICTION_REGISTER_OP,
  IORING_RESTRICTION_SQE_FLAGS_REQUIRED,
  IORING_RESTRICTION_SQE_OP,
  IORING_SETUP_R_DISABLED,
  IORING_SETUP_SQPOLL,
  IOSQE_FIXED_FILE,
  IoUring,
  MSG_DONTWAIT,
  poll,
  POLLIN,
  readLink,
  recv,
  type Restriction,
  send,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  type Submission,
  SystemError,
} from "../../../ffi/mod.ts";
import { leavingNothingOpen, type Scope } from "../descriptors.ts";
import { assertIsolatesLive } from "../isolates.ts";
import { command, resultOf } from "../programs.ts";
import { ringTest } from "./rings.ts";

/** The longest wait for an expected event, in milliseconds. */
const TIMEOUT = 10_000;

const nop = (userData: number): Submission => ({
  opcode: IORING_OP_NOP,
  user_data: BigInt(userData),
});

// SAFETY: submissions point to these; as bindings of this module they live as long as any ring.
const devNull = cString("/dev/null");
const missing = cString("/does/not/exist");
const buffer = new Uint8Array(64);

const opening = (path: Uint8Array<ArrayBuffer>, personality = 0): Submission => ({
  opcode: IORING_OP_OPENAT,
  fd: AT_FDCWD,
  addr: addressOf(path),
  personality,
});

const receiving = (fd: number, flags = 0): Submission => ({
  opcode: IORING_OP_RECV,
  flags,
  fd,
  addr: addressOf(buffer),
  len: buffer.length,
});

/** Submits one operation and returns its result. */
function completionOf(ring: IoUring, submission: Submission): number {
  ring.submit(submission);
  ring.enter(1, TIMEOUT);
  assert(ring.nextCompletion(), "no completion");
  return ring.result;
}

/** The `user_data` of every available completion. */
function completions(ring: IoUring): number[] {
  const all: number[] = [];
  while (ring.nextCompletion()) all.push(ring.userData);
  return all;
}

/** Checks that a result is a descriptor of /dev/null, and closes it. */
function closeNull(fd: number): void {
  assert(fd >= 0, `No descriptor: ${fd}`);
  assertEquals(readLink(`/proc/self/fd/${fd}`), "/dev/null");
  close(fd);
}

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);

for (const entries of [1, 4, 64]) {
  ringTest(
    `IoUring with ${entries} entries goes round its queues`,
    leavingNothingOpen(() => {
      using ring = new IoUring({ entries });
      assertEquals(ring.entries, entries);
      const rounds = 5;
      // Not a divisor, so that a batch lies across the end of the queue.
      const batch = Math.ceil(entries * 3 / 4);
      for (let round = 0; round < rounds * 4; round++) {
        const expected = upTo(batch).map((i) => round * batch + i);
        expected.forEach((each) => ring.submit(nop(each)));
        ring.enter(batch, TIMEOUT);
        assertEquals(completions(ring), expected);
      }
      assertEquals(ring.overflow, 0);
    }),
  );
}

ringTest(
  "IoUring.submit() throws RangeError while the queue is full",
  leavingNothingOpen(() => {
    using ring = new IoUring({ entries: 4 });
    upTo(4).forEach((i) => ring.submit(nop(i)));
    assertThrows(() => ring.submit(nop(4)), RangeError, "The queue of 4 submissions is full");
    ring.enter(4, TIMEOUT);
    assertEquals(completions(ring), [0, 1, 2, 3]);
    assertEquals(completionOf(ring, nop(5)), 0);
    assertEquals(ring.userData, 5);
  }),
);

ringTest(
  "IoUring.submitAgain() repeats the last submissions",
  leavingNothingOpen(() => {
    using ring = new IoUring({ entries: 4 });
    [7, 8, 9, 10].forEach((each) => ring.submit(nop(each)));
    ring.enter(4, TIMEOUT);
    assertEquals(completions(ring), [7, 8, 9, 10]);
    for (let round = 0; round < 10; round++) {
      ring.submitAgain(4);
      ring.enter(4, TIMEOUT);
      assertEquals(completions(ring), [7, 8, 9, 10]);
    }
  }),
);

ringTest(
  "IoUring.submit() clears the entry of an earlier submission",
  leavingNothingOpen(() => {
    using ring = new IoUring({ entries: 1 });
    assertEquals(completionOf(ring, opening(missing, 0)), -Errno.ENOENT);
    // A NOP with a stale length, address or flags would be refused, or have the old number.
    assertEquals([completionOf(ring, { opcode: IORING_OP_NOP }), ring.userData], [0, 0]);
  }),
);

ringTest(
  "IoUring.result is the result of the call: a descriptor, or a negative errno",
  leavingNothingOpen(() => {
    using ring = new IoUring();
    closeNull(completionOf(ring, opening(devNull)));
    assertEquals(completionOf(ring, opening(missing)), -Errno.ENOENT);
    assertEquals(completionOf(ring, { opcode: 255 }), -Errno.EINVAL);
  }),
);

ringTest(
  "The next IoUring.enter() takes the submissions behind a refused one",
  leavingNothingOpen(() => {
    using ring = new IoUring({ entries: 4 });
    ring.submit(nop(1));
    ring.submit({ opcode: 255, user_data: 2n });
    ring.submit(nop(3));
    const seen: number[] = [];
    for (let i = 0; i < 2; i++) {
      ring.enter();
      seen.push(...completions(ring));
    }
    assertEquals(seen, [1, 2, 3]);
  }),
);

ringTest(
  "IoUring loses no completion that did not fit into the queue",
  leavingNothingOpen(() => {
    using ring = new IoUring({ entries: 8, completions: 8 });
    const count = 800;
    const expected = upTo(count);
    for (let first = 0; first < count; first += 8) {
      expected.slice(first, first + 8).forEach((each) => ring.submit(nop(each)));
      ring.enter();
    }
    assertEquals(completions(ring), expected);
    assertEquals(ring.overflow, 0);
    assertEquals(completionOf(ring, nop(count)), 0);
  }),
);

ringTest(
  "IoUring.enter() returns without a completion after the timeout",
  leavingNothingOpen((scope) => {
    const [silent] = scope.pair();
    using ring = new IoUring();
    ring.submit(receiving(silent));
    for (const timeout of [30, 0, 1.5]) {
      const start = performance.now();
      ring.enter(1, timeout);
      assert(performance.now() - start >= timeout, `${timeout} ms`);
      assertEquals(ring.nextCompletion(), false);
    }
  }),
);

ringTest(
  "IoUring.enter() waits for more completions than the submission queue has entries",
  leavingNothingOpen((scope) => {
    using ring = new IoUring({ entries: 1, completions: 4 });
    const pairs = upTo(3).map(() => scope.pair());
    for (const [, there] of pairs) {
      ring.submit(receiving(there));
      ring.enter();
    }
    for (const [here] of pairs.slice(1)) send(here, Uint8Array.of(1), 0);
    const start = performance.now();
    ring.enter(3, 30);
    assert(performance.now() - start >= 30, "two were enough");
    send(pairs[0][0], Uint8Array.of(1), 0);
    ring.enter(3, TIMEOUT);
    assertEquals(completions(ring).length, 3);
  }),
);

ringTest(
  "poll(2) reports IoUring.fd readable while there is a completion",
  leavingNothingOpen(() => {
    using ring = new IoUring();
    assertEquals(poll([ring.fd], POLLIN, 0), [0]);
    ring.submit(nop(0));
    ring.enter();
    assertEquals(poll([ring.fd], POLLIN, 0), [POLLIN]);
    completions(ring);
    assertEquals(poll([ring.fd], POLLIN, 0), [0]);
  }),
);

ringTest("A signal ends IoUring.enter(), and no submission or completion is lost", async () => {
  assertEquals(await resultOf(command("ffi/io_uring/programs/interrupted_ring.ts")), {
    returnedEarly: true,
    nothingCame: true,
    result: 5,
    text: "hello",
    rounds: 200,
    missing: 0,
  });
});

/** Performs operations one by one on a ring with IORING_SETUP_SQPOLL. */
function doneByThread(ring: IoUring, count: number): void {
  for (let i = 0; i < count; i++) {
    ring.submit(nop(i));
    // Woken after the submission: a thread that finds work does not fall asleep again.
    if (i === 0) ring.wake();
    assert(ring.awaitCompletion(TIMEOUT), `completion ${i}`);
    assertEquals([ring.userData, ring.result], [i, 0]);
  }
}

ringTest(
  "IoUring with IORING_SETUP_SQPOLL needs no system call once it is awake",
  leavingNothingOpen(() => {
    using ring = new IoUring({ flags: IORING_SETUP_SQPOLL, idle: 60_000 });
    doneByThread(ring, 20);
    assertEquals(ring.awaitCompletion(5), false);
  }),
);

ringTest(
  "IoUring.enter() works on a ring with IORING_SETUP_SQPOLL that has done more operations than it has entries",
  leavingNothingOpen(() => {
    using ring = new IoUring({ flags: IORING_SETUP_SQPOLL, idle: 60_000 });
    doneByThread(ring, 20);
    ring.submit(nop(20));
    ring.enter(1, TIMEOUT);
    assertEquals(completions(ring), [20]);
  }),
);

ringTest(
  "IoUring.registerPersonality() returns an id of the credentials, and a wrong id is refused",
  leavingNothingOpen(() => {
    using ring = new IoUring();
    const personality = ring.registerPersonality();
    closeNull(completionOf(ring, opening(devNull, personality)));
    assertEquals(completionOf(ring, opening(devNull, personality + 1)), -Errno.EINVAL);
  }),
);

ringTest(
  "IoUring.registerFiles() gives descriptors indices for IOSQE_FIXED_FILE",
  leavingNothingOpen((scope) => {
    const [silent] = scope.pair();
    const [here, there] = scope.pair();
    using ring = new IoUring();
    assertEquals(errnoOf(() => ring.registerFiles([silent, 9999])), Errno.EBADF);
    ring.registerFiles([silent, there]);
    send(here, Uint8Array.of(1, 2, 3), 0);
    assertEquals(completionOf(ring, receiving(1, IOSQE_FIXED_FILE)), 3);
    assertEquals(buffer.subarray(0, 3), Uint8Array.of(1, 2, 3));
    assertEquals(completionOf(ring, receiving(2, IOSQE_FIXED_FILE)), -Errno.EBADF);
    // The ring holds the file, so the descriptor can be closed here.
    scope.close(there);
    send(here, Uint8Array.of(4), 0);
    assertEquals([completionOf(ring, receiving(1, IOSQE_FIXED_FILE)), buffer[0]], [1, 4]);
  }),
);

/** A ring that may only receive from one socket. */
function receiveOnlyRing(fd: number, also: readonly Restriction[] = []): IoUring {
  const ring = new IoUring({ flags: IORING_SETUP_R_DISABLED });
  ring.registerFiles([fd]);
  ring.restrict([
    [IORING_RESTRICTION_SQE_OP, IORING_OP_RECV],
    [IORING_RESTRICTION_SQE_FLAGS_REQUIRED, IOSQE_FIXED_FILE],
    ...also,
  ]);
  ring.enable();
  return ring;
}

ringTest(
  "IoUring.restrict() allows the named operations only",
  leavingNothingOpen((scope) => {
    const [here, there] = scope.pair();
    using ring = receiveOnlyRing(there);
    const attempts: Submission[] = [
      { opcode: IORING_OP_NOP, flags: IOSQE_FIXED_FILE },
      { ...opening(devNull), flags: IOSQE_FIXED_FILE },
      { ...receiving(0, IOSQE_FIXED_FILE), opcode: IORING_OP_READ },
      receiving(there),
      receiving(0, 0),
    ];
    assertEquals(
      attempts.map((each) => completionOf(ring, each)),
      attempts.map(() => -Errno.EACCES),
    );
    const registrations = [
      () => ring.registerFiles([here]),
      () => ring.registerPersonality(),
    ];
    assertEquals(registrations.map(errnoOf), [Errno.EACCES, Errno.EACCES]);
    send(here, Uint8Array.of(9), 0);
    assertEquals([completionOf(ring, receiving(0, IOSQE_FIXED_FILE)), buffer[0]], [1, 9]);
  }),
);

ringTest(
  "IoUring.restrict() and enable() work once, and only before the ring is enabled",
  leavingNothingOpen((scope) => {
    const [fd] = scope.pair();
    using enabled = new IoUring();
    assertEquals(errnoOf(() => enabled.restrict([])), Errno.EBADFD);
    assertEquals(errnoOf(() => enabled.enable()), Errno.EBADFD);
    using restricted = receiveOnlyRing(fd);
    assertEquals(errnoOf(() => restricted.enable()), Errno.EACCES);
    assertEquals(errnoOf(() => restricted.restrict([])), Errno.EACCES);
  }),
);

ringTest(
  "IoUring.enter() throws EBADFD for a ring that is not enabled, and takes the submission once it is",
  leavingNothingOpen(() => {
    using ring = new IoUring({ flags: IORING_SETUP_R_DISABLED });
    ring.submit(nop(1));
    const error = assertThrows(() => ring.enter(1, TIMEOUT), SystemError);
    assertEquals([error.syscall, error.errno], ["io_uring_enter", Errno.EBADFD]);
    ring.enable();
    ring.enter(1, TIMEOUT);
    assertEquals(completions(ring), [1]);
  }),
);

for (
  const [what, options] of [
    ["too many entries", { entries: 1 << 20 }],
    ["too many completions", { entries: 4, completions: 1 << 24 }],
    ["unknown flags", { flags: 1 << 30 }],
  ] as const
) {
  ringTest(
    `IoUring with ${what} throws SystemError, and leaves nothing behind`,
    leavingNothingOpen(() => {
      const error = assertThrows(() => new IoUring(options), SystemError);
      assertEquals([error.syscall, error.code], ["io_uring_setup", "EINVAL"]);
    }),
  );
}

// The kernel rounds sizes up to a power of two, beyond the memory that it was given.
for (
  const [entries, completions] of [
    [0, 4],
    [4, 0],
    [4, 2],
    [-4, 8],
    [1.5, 4],
    [NaN, 4],
    [3, 8],
    [33, 64],
    [64, 300],
    [129, 258],
  ]
) {
  Deno.test(
    `IoUring with ${entries} entries and ${completions} completions throws RangeError`,
    leavingNothingOpen(() => {
      assertThrows(() => new IoUring({ entries, completions }), RangeError, "A ring of");
    }),
  );
}

/** Uses every entry of both queues twice. */
function turnAll(ring: IoUring, places: number): void {
  for (let first = 0; first < 2 * places; first += ring.entries) {
    const batch = upTo(ring.entries).map((i) => first + i);
    batch.forEach((each) => ring.submit(nop(each)));
    ring.enter(1, TIMEOUT);
    assertEquals(completions(ring).join(), batch.join());
  }
}

for (const [entries, completions] of [[1, 1], [4, 64], [64, 128], [64, 1024]]) {
  ringTest(
    `IoUring with ${entries} entries and ${completions} completions uses every entry`,
    leavingNothingOpen(() => {
      using ring = new IoUring({ entries, completions });
      turnAll(ring, 2 * completions);
    }),
  );
}

ringTest(
  "IoUring accepts the largest queues that the kernel allows",
  leavingNothingOpen(() => {
    using ring = new IoUring({ entries: 32768 });
    turnAll(ring, 65536);
  }),
);

ringTest(
  "IoUring.close() closes once",
  leavingNothingOpen((scope) => {
    const ring = new IoUring();
    assertEquals(ring.close(), true);
    const [reused] = scope.pair();
    assertEquals(reused, ring.fd, "the number of its descriptor is free");
    assertEquals(ring.close(), true);
    ring[Symbol.dispose]();
    assertEquals(errnoOf(() => recv(reused, buffer, MSG_DONTWAIT)), Errno.EAGAIN, "still open");
  }),
);

/** Closes a ring with a receive under way; later messages must not reach its buffer. */
function closeUnderWay(scope: Scope, ring: IoUring, submission: Submission, here: number): boolean {
  buffer.fill(0xaa);
  ring.submit(submission);
  ring.enter();
  assertEquals(ring.nextCompletion(), false);
  const cancelled = ring.close();
  send(here, new Uint8Array(buffer.length).fill(0x55), 0);
  const [first, second] = scope.pair();
  // The kernel does its pending work at system calls.
  for (let i = 0; i < 100; i++) {
    send(first, Uint8Array.of(i), 0);
    recv(second, new Uint8Array(1), 0);
  }
  return cancelled;
}

for (const [kind, flags] of [["blocking", 0], ["non-blocking", SOCK_NONBLOCK]] as const) {
  ringTest(
    `IoUring.close() ends a receive under way on a ${kind} socket`,
    leavingNothingOpen((scope) => {
      for (let i = 0; i < 50; i++) {
        const [here, there] = scope.pair(SOCK_DGRAM | flags);
        assertEquals(closeUnderWay(scope, new IoUring(), receiving(there), here), true);
        assertEquals(buffer, new Uint8Array(buffer.length).fill(0xaa));
        assertEquals(recv(there, new Uint8Array(64), MSG_DONTWAIT), 64, "it stayed in the socket");
      }
    }),
  );
}

ringTest(
  "IoUring.close() returns whether everything was cancelled: false for a ring that cannot cancel",
  leavingNothingOpen((scope) => {
    for (const mayCancel of [true, false]) {
      const [here, there] = scope.pair(SOCK_DGRAM);
      const also: Restriction[] = [[IORING_RESTRICTION_REGISTER_OP, IORING_REGISTER_SYNC_CANCEL]];
      const ring = receiveOnlyRing(there, mayCancel ? also : []);
      const receive = receiving(0, IOSQE_FIXED_FILE);
      assertEquals(closeUnderWay(scope, ring, receive, here), mayCancel);
      assertEquals(ring.close(), mayCancel, "the second time too");
      if (mayCancel) assertEquals(buffer, new Uint8Array(buffer.length).fill(0xaa));
    }
  }),
);

ringTest(
  "IoUring stays referenced, with its memory, until nothing is under way in it",
  async () => {
    assertEquals(
      await resultOf(command("ffi/io_uring/programs/ring_held.ts", [], ["--v8-flags=--expose-gc"])),
      {
        open: true,
        closed: false,
        uncancelled: true,
        provided: true,
        providedAndClosed: false,
        taken: 100,
      },
    );
  },
);

ringTest(
  "IoUring that is open at the end of an isolate writes to no memory that returns to the heap",
  () => assertIsolatesLive("ffi/io_uring/programs/left_open.ts"),
);
