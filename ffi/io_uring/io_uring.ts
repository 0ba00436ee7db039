/**
 * io_uring(7): a queue of submissions and a queue of completions, in memory that this process and
 * the kernel share.
 *
 * The queues lie in memory of this process (`IORING_SETUP_NO_MMAP`, Linux 6.5), so nothing has to
 * be mapped and no address followed. One side writes each index and the other reads it:
 *
 *     submission queue    tail: ours       head: the kernel's
 *     completion queue    head: ours       tail: the kernel's
 *
 * A producer stores an entry before the index that publishes it (a release); a consumer loads the
 * index before the entry (an acquire). `Atomics.store` and `Atomics.load` are at least that strong.
 *
 * Repeated submissions, waits and completions allocate nothing.
 *
 * @module
 */

import {
  IORING_ASYNC_CANCEL_ALL,
  IORING_ASYNC_CANCEL_ANY,
  IORING_ENTER_EXT_ARG,
  IORING_ENTER_GETEVENTS,
  IORING_ENTER_SQ_WAKEUP,
  IORING_REGISTER_ENABLE_RINGS,
  IORING_REGISTER_FILES,
  IORING_REGISTER_PERSONALITY,
  IORING_REGISTER_RESTRICTIONS,
  IORING_REGISTER_SYNC_CANCEL,
  IORING_SETUP_CQSIZE,
  IORING_SETUP_NO_MMAP,
  IORING_SETUP_SQPOLL,
  IORING_SQ_CQ_OVERFLOW,
} from "../abi/constants.ts";
import { close } from "../process/descriptor.ts";
import { Errno, errnoOf, lastErrno, SystemError } from "../abi/errno.ts";
import {
  io_uring_cqe,
  io_uring_getevents_arg,
  io_uring_params,
  io_uring_restriction,
  io_uring_sqe,
  io_uring_sync_cancel_reg,
  timespec,
} from "../abi/layouts.ts";
import { libc } from "../abi/libc.ts";
import { pages, unmap } from "../abi/memory.ts";
import { rawSyscall } from "../abi/raw_syscall.ts";
import { addressOf, type StructView } from "../abi/struct.ts";
import { syscallNumber } from "../abi/syscalls.ts";

/** The options of {@linkcode IoUring}. */
export interface IoUringOptions {
  /** The size of the submission queue: a power of two; 4 by default. */
  readonly entries?: number;
  /**
   * The size of the completion queue: a power of two, not less than `entries`; twice that by
   * default.
   */
  readonly completions?: number;
  /** Such as `IORING_SETUP_SQPOLL`. */
  readonly flags?: number;
  /**
   * With `IORING_SETUP_SQPOLL`: the time without work after which the kernel thread sleeps, in
   * milliseconds.
   */
  readonly idle?: number;
}

/** A submission: the fields of `struct io_uring_sqe` that are not 0. */
export type Submission = Partial<Omit<StructView<typeof io_uring_sqe.fields>, "bytes">>;

/**
 * One operation that a restricted ring allows: `IORING_RESTRICTION_…`, and its operation, opcode or
 * flags.
 */
export type Restriction = readonly [kind: number, value: number];

/**
 * The largest size of the header of both queues, in bytes: `struct io_rings` in
 * include/linux/io_uring_types.h.
 */
const QUEUES_HEAD = 512;

/**
 * How often submissions are offered if the kernel takes none, because of a signal or a full
 * completion queue.
 */
const ATTEMPTS = 3;

// SAFETY: the kernel writes to the queues of a ring, and to the targets of its submissions, for as
// long as the ring exists, whether the object is still referenced or not. So the object, and with
// it all that it holds, is referenced here until it is closed and nothing is under way.
const held = new Set<IoUring>();

/**
 * A ring.
 *
 * SAFETY: its queues, to which the kernel writes, stay referenced until {@linkcode close} has
 * cancelled everything. Memory that a submission points to must live until its completion, or until
 * that cancellation; the caller ensures that, by {@linkcode hold} or otherwise. A web worker must
 * close its rings before it ends, because this module gets no notice of that end.
 *
 * @example
 * ```ts
 * import { IORING_OP_NOP, IoUring } from "../mod.ts";
 *
 * using ring = new IoUring();
 * ring.submit({ opcode: IORING_OP_NOP, user_data: 7n });
 * ring.enter(1, 1000);
 * console.assert(ring.nextCompletion() && ring.userData === 7 && ring.result === 0);
 * ```
 */
export class IoUring implements Disposable {
  /** Its descriptor, close-on-exec. poll(2) reports it readable when there is a completion. */
  readonly fd: number;
  /** The size of the submission queue. */
  readonly entries: number;
  readonly #params = io_uring_params.alloc();
  readonly #queues: Uint8Array<ArrayBuffer>;
  readonly #submissions: Uint8Array<ArrayBuffer>;
  readonly #words: Uint32Array<ArrayBuffer>;
  readonly #signed: Int32Array<ArrayBuffer>;
  // Offsets in #words.
  readonly #sqHead: number;
  readonly #sqTail: number;
  readonly #sqFlags: number;
  readonly #cqHead: number;
  readonly #cqTail: number;
  readonly #cqOverflow: number;
  readonly #cqes: number;
  readonly #cqMask: number;
  readonly #enterNumber = BigInt(syscallNumber("io_uring_enter")!);
  readonly #enterFd: bigint;
  readonly #counts: bigint[];
  readonly #wait = io_uring_getevents_arg.alloc();
  readonly #waitTime = timespec.alloc();
  readonly #waitAddress: bigint;
  #waitMilliseconds = -1;
  readonly #isPolled: boolean;
  #entered = 0;
  readonly #memory: Uint8Array<ArrayBuffer>[] = [];
  #isOpen = true;

  /** The lower half of `user_data` of the current completion: see {@linkcode nextCompletion}. */
  userData = 0;
  /** The result that the system call would return, or a negative errno. */
  result = 0;
  /** The flags of the current completion, such as `IORING_CQE_F_MORE`. */
  flags = 0;

  // SAFETY: the end of an isolate returns all its memory to the heap, while the process and the
  // ring continue, as between the files of `deno test`. The descriptor stays open: if it is already
  // closed, its number may be reused.
  static {
    globalThis.addEventListener("unload", () =>
      held.forEach((ring) => {
        if (ring.#isOpen) ring.#cancel();
        ring.#unmapQueues();
      }));
  }

  /**
   * Creates the ring: io_uring_setup(2).
   *
   * @throws {RangeError} If a size is not a power of two, or the completion queue is smaller than
   * the submission queue: the kernel would round it up, beyond the memory that it was given.
   * @throws {SystemError} `EINVAL` (before Linux 6.5, or the sizes are too large; before Linux 6.10
   * each queue must fit into a page, 64 entries), `EPERM` (`kernel.io_uring_disabled` is not 0, or
   * a filter of system calls).
   */
  constructor({ entries = 4, completions, flags = 0, idle = 0 }: IoUringOptions = {}) {
    const completed = completions ?? 2 * entries;
    if (!isPowerOfTwo(entries) || !isPowerOfTwo(completed) || completed < entries) {
      throw new RangeError(`A ring of ${entries} submissions and ${completed} completions`);
    }
    this.#isPolled = (flags & IORING_SETUP_SQPOLL) !== 0;
    const params = this.#params;
    params.flags = flags | IORING_SETUP_NO_MMAP;
    params.sq_thread_idle = idle;
    if (completions !== undefined) {
      params.flags |= IORING_SETUP_CQSIZE;
      params.cq_entries = completions;
    }
    this.#queues = pages(QUEUES_HEAD + completed * io_uring_cqe.size + entries * 4);
    this.#submissions = pages(entries * io_uring_sqe.size);
    params.cq_off_user_addr = addressOf(this.#queues);
    params.sq_off_user_addr = addressOf(this.#submissions);
    this.fd = rawSyscall("io_uring_setup", entries, params.bytes);
    held.add(this);

    const { buffer, byteOffset, byteLength } = this.#queues;
    this.#words = new Uint32Array(buffer, byteOffset, byteLength / 4);
    this.#signed = new Int32Array(buffer, byteOffset, byteLength / 4);
    this.#sqHead = params.sq_off_head / 4;
    this.#sqTail = params.sq_off_tail / 4;
    this.#sqFlags = params.sq_off_flags / 4;
    this.#cqHead = params.cq_off_head / 4;
    this.#cqTail = params.cq_off_tail / 4;
    this.#cqOverflow = params.cq_off_overflow / 4;
    this.#cqes = params.cq_off_cqes / 4;
    this.#cqMask = params.cq_entries - 1;
    this.entries = params.sq_entries;
    // The queue's array of indices is not used: it maps place i of the queue to entry i.
    for (let i = 0; i < this.entries; i++) this.#words[params.sq_off_array / 4 + i] = i;
    this.#enterFd = BigInt(this.fd);
    this.#counts = Array.from({ length: params.cq_entries + 1 }, (_, i) => BigInt(i));
    this.#wait.ts = addressOf(this.#waitTime.bytes);
    this.#waitAddress = addressOf(this.#wait.bytes);
  }

  /**
   * Queues a submission. The kernel sees it at the next {@linkcode enter}; with
   * `IORING_SETUP_SQPOLL`, at once.
   *
   * @throws {RangeError} If the queue is full.
   */
  submit(submission: Submission): void {
    // Our own index, which only we write: a plain load suffices.
    const tail = this.#words[this.#sqTail];
    // An acquire: the kernel has read the entry before it moves its head past it.
    if (((tail - Atomics.load(this.#words, this.#sqHead)) >>> 0) === this.entries) {
      throw new RangeError(`The queue of ${this.entries} submissions is full`);
    }
    const start = (tail & this.entries - 1) * io_uring_sqe.size;
    this.#submissions.fill(0, start, start + io_uring_sqe.size);
    Object.assign(io_uring_sqe.over(this.#submissions, start), submission);
    this.#publish(1);
  }

  /**
   * Submits the next entries of the queue again as they are; the kernel does not write to them.
   *
   * @param count The number of entries. All of them must have been submitted and taken before.
   */
  submitAgain(count: number): void {
    this.#publish(count);
  }

  #publish(count: number): void {
    // A release: the kernel may read the entries as soon as it sees the tail.
    Atomics.store(this.#words, this.#sqTail, this.#words[this.#sqTail] + count);
  }

  /**
   * Submits the queued submissions and waits for completions: io_uring_enter(2).
   *
   * @param completions How many to wait for, at most the size of the queue; 0 for none.
   * @param timeout The longest wait, in milliseconds. A signal ends it too.
   * @throws {SystemError} `EPERM` (a filter of system calls), `EBADF` (the ring is closed),
   * `EBADFD` (it is not enabled), …
   */
  enter(completions = 0, timeout = 0): void {
    const tail = this.#words[this.#sqTail];
    // The kernel thread of a polled ring takes submissions by itself.
    const count = this.#isPolled ? 0 : (tail - this.#entered) >>> 0;
    const waits = completions > 0;
    if (waits && timeout !== this.#waitMilliseconds) this.#setWait(timeout);
    let errno = 0;
    for (let attempts = 0; attempts < (count > 0 ? ATTEMPTS : 1); attempts++) {
      const taken = libc.syscall(
        this.#enterNumber,
        this.#enterFd,
        this.#counts[count],
        waits ? this.#counts[Math.min(completions, this.#cqMask + 1)] : 0n,
        waits ? WAIT_FLAGS : GETEVENTS,
        waits ? this.#waitAddress : 0n,
        waits ? WAIT_SIZE : 0n,
      );
      if (taken !== -1) {
        this.#entered = (this.#entered + taken) >>> 0;
        return;
      }
      errno = lastErrno();
      if (errno !== Errno.EINTR && errno !== Errno.EBUSY) break;
    }
    // The timeout expired, a signal came, or the completion queue is full: the caller takes the
    // completions that are there. Any submissions were taken before the wait, or will be taken the
    // next time.
    if (errno !== Errno.ETIME && errno !== Errno.EINTR && errno !== Errno.EBUSY) {
      throw new SystemError("io_uring_enter", errno);
    }
  }

  /**
   * Wakes the kernel thread of a ring with `IORING_SETUP_SQPOLL`, which sleeps at first:
   * io_uring_enter(2), `IORING_ENTER_SQ_WAKEUP`.
   */
  wake(): void {
    rawSyscall("io_uring_enter", this.fd, 0, 0, IORING_ENTER_SQ_WAKEUP, 0, 0);
  }

  #setWait(milliseconds: number): void {
    this.#waitMilliseconds = milliseconds;
    this.#waitTime.tv_sec = BigInt(Math.trunc(milliseconds / 1000));
    this.#waitTime.tv_nsec = BigInt(Math.trunc(milliseconds % 1000 * 1e6));
  }

  /**
   * Moves to the next completion: {@linkcode userData}, {@linkcode result} and {@linkcode flags}
   * describe it.
   *
   * @returns false if there is none.
   */
  nextCompletion(): boolean {
    const words = this.#words;
    const head = words[this.#cqHead]; // our own index
    // An acquire: the completion is written before the kernel moves the tail past it.
    if (Atomics.load(words, this.#cqTail) === head) {
      // Completions that did not fit wait in the kernel, which sets a flag, and queues them when
      // asked.
      if ((Atomics.load(words, this.#sqFlags) & IORING_SQ_CQ_OVERFLOW) === 0) return false;
      this.enter();
      if (Atomics.load(words, this.#cqTail) === head) return false;
    }
    const entry = this.#cqes + (head & this.#cqMask) * (io_uring_cqe.size / 4);
    this.userData = words[entry + USER_DATA];
    this.result = this.#signed[entry + RES];
    this.flags = words[entry + FLAGS];
    // A release: the kernel may overwrite the entry only after it has been read.
    Atomics.store(words, this.#cqHead, head + 1);
    return true;
  }

  /**
   * Waits for the next completion by polling memory, without a system call: for a ring whose kernel
   * thread works by itself.
   *
   * @param timeout The longest wait, in milliseconds.
   * @returns false if there is none in time.
   */
  awaitCompletion(timeout: number): boolean {
    const deadline = performance.now() + timeout;
    for (;;) {
      const isLate = performance.now() >= deadline;
      if (this.nextCompletion()) return true;
      if (isLate) return false;
    }
  }

  /** The number of completions that the kernel dropped for lack of memory. */
  get overflow(): number {
    return Atomics.load(this.#words, this.#cqOverflow);
  }

  /**
   * Registers files, which submissions with `IOSQE_FIXED_FILE` name by their index:
   * io_uring_register(2), `IORING_REGISTER_FILES`.
   *
   * @throws {SystemError} `EBADF`, `EMFILE`, …
   */
  registerFiles(fds: readonly number[]): void {
    const list = new Uint8Array(Int32Array.from(fds).buffer);
    rawSyscall("io_uring_register", this.fd, IORING_REGISTER_FILES, list, fds.length);
  }

  /**
   * Registers the current credentials, for submissions that name them: io_uring_register(2),
   * `IORING_REGISTER_PERSONALITY`.
   *
   * @returns Their id.
   * @throws {SystemError} `EPERM`, …
   */
  registerPersonality(): number {
    return rawSyscall("io_uring_register", this.fd, IORING_REGISTER_PERSONALITY, 0, 0);
  }

  /**
   * Restricts a ring with `IORING_SETUP_R_DISABLED` to these operations, once and for good:
   * io_uring_register(2), `IORING_REGISTER_RESTRICTIONS`.
   *
   * @throws {SystemError} `EBADFD` (the ring is already enabled), `EBUSY` (it is already
   * restricted).
   */
  restrict(restrictions: readonly Restriction[]): void {
    const table = new Uint8Array(restrictions.length * io_uring_restriction.size);
    restrictions.forEach(([opcode, value], i) =>
      Object.assign(io_uring_restriction.over(table, i * io_uring_restriction.size), {
        opcode,
        sqe_op: value,
      })
    );
    const { length } = restrictions;
    rawSyscall("io_uring_register", this.fd, IORING_REGISTER_RESTRICTIONS, table, length);
  }

  /**
   * Enables a disabled ring, so that it takes submissions: io_uring_register(2),
   * `IORING_REGISTER_ENABLE_RINGS`.
   *
   * @throws {SystemError} `EBADFD` if it is already enabled.
   */
  enable(): void {
    rawSyscall("io_uring_register", this.fd, IORING_REGISTER_ENABLE_RINGS, 0, 0);
  }

  /**
   * Keeps memory referenced: the targets of submissions, or registered memory. It is released when
   * {@linkcode close} has cancelled everything; if that is impossible, never.
   */
  hold(...memory: readonly Uint8Array<ArrayBuffer>[]): void {
    this.#memory.push(...memory);
  }

  /**
   * Cancels all that is under way, waits for its end, and closes the ring; the second time does
   * nothing. Afterwards the targets of submissions may be reused. If the ring was restricted so
   * that it cannot cancel, or a filter forbids it, they must be kept, and the ring stays referenced
   * with all that it holds.
   *
   * @returns Whether everything was cancelled.
   */
  close(): boolean {
    if (!this.#isOpen) return !held.has(this);
    this.#isOpen = false;
    const isCancelled = this.#cancel();
    close(this.fd);
    this.#unmapQueues();
    if (isCancelled) held.delete(this);
    return isCancelled;
  }

  /** Cancels all that is under way. Returns whether that succeeded. */
  #cancel(): boolean {
    const everything = io_uring_sync_cancel_reg.alloc();
    everything.flags = IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_ANY;
    everything.timeout = CANCEL_TIMEOUT.bytes;
    const cancel = () =>
      rawSyscall("io_uring_register", this.fd, IORING_REGISTER_SYNC_CANCEL, everything.bytes, 1);
    const errno = errnoOf(cancel);
    return errno === 0 || errno === Errno.ENOENT;
  }

  // SAFETY: the kernel releases a ring some time after close(2) (io_ring_exit_work), does not
  // report it, and may write to the pinned pages of the queues until then. So these pages are
  // removed from the memory of this process, and empty ones replace them.
  #unmapQueues(): void {
    unmap(this.#queues);
    unmap(this.#submissions);
    this.#entered = 0; // as in the empty queues; later submissions go nowhere
  }

  /** {@linkcode close}, at the end of a `using` scope. */
  [Symbol.dispose](): void {
    this.close();
  }
}

function isPowerOfTwo(number: number): boolean {
  return Number.isInteger(number) && number > 0 && number <= 1 << 30 && (number & number - 1) === 0;
}

const GETEVENTS = BigInt(IORING_ENTER_GETEVENTS);
const WAIT_FLAGS = BigInt(IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG);
const WAIT_SIZE = BigInt(io_uring_getevents_arg.size);

/** The timeout of a cancellation: a second. */
const CANCEL_TIMEOUT = Object.assign(timespec.alloc(), { tv_sec: 1n });

// Offsets of the fields of a completion, in 32-bit words.
const USER_DATA = io_uring_cqe.fields.user_data[0] / 4;
const RES = io_uring_cqe.fields.res[0] / 4;
const FLAGS = io_uring_cqe.fields.flags[0] / 4;
