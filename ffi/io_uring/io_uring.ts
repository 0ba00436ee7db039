/**
 * io_uring(7): a queue of submissions and one of completions, in memory that this process and the kernel share.
 *
 * The queues lie in this process's own memory (`IORING_SETUP_NO_MMAP`, Linux 6.5), so that nothing has to be mapped and no address
 * followed. Each index is written by one side and read by the other:
 *
 *     submission queue    tail: ours       head: the kernel's
 *     completion queue    head: ours       tail: the kernel's
 *
 * Whoever fills an entry stores it before the index that hands it over (a release), and whoever takes one loads the index before the
 * entry (an acquire). `Atomics.store` and `Atomics.load` are at least that.
 *
 * Nothing here allocates for a submission that is made again, a wait or a completion.
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

/** How a ring is made. */
export interface IoUringOptions {
  /** Submissions that it holds: a power of two; 4 if nothing is given. */
  readonly entries?: number;
  /** Completions that it holds: a power of two, not less than `entries`; twice as many if nothing is given. */
  readonly completions?: number;
  /** Such as `IORING_SETUP_SQPOLL`. */
  readonly flags?: number;
  /** After how long without work the kernel's thread sleeps, in milliseconds; with `IORING_SETUP_SQPOLL`. */
  readonly idle?: number;
}

/** A submission: the fields of `struct io_uring_sqe` that are not 0. */
export type Submission = Partial<Omit<StructView<typeof io_uring_sqe.fields>, "bytes">>;

/** One thing that a restricted ring may do: `IORING_RESTRICTION_…` and its operation, opcode or flags. */
export type Restriction = readonly [kind: number, value: number];

/** What the head of both queues takes at most, in bytes: `struct io_rings` in include/linux/io_uring_types.h. */
const QUEUES_HEAD = 512;

/** How often submissions are offered of which the kernel took none: a signal came first, or completions had to make room. */
const ATTEMPTS = 3;

// SAFETY: the kernel writes to the queues of a ring, and to what its submissions point to, for as long as the ring is there, whether
// somebody still has the object or not. So it is held here, and by it what it was told to hold: until it is closed, and nothing is under way.
const held = new Set<IoUring>();

/**
 * A ring.
 *
 * SAFETY: its queues, to which the kernel writes, are held until {@linkcode close} has cancelled everything. What a submission points to must
 * live until its completion has come, or as long as that: whoever submits sees to it, by {@linkcode hold} or otherwise. A web worker must close
 * its rings before it ends, since nothing tells this module of that end.
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
  /** Its descriptor, close-on-exec. Readable for poll(2) when a completion is there. */
  readonly fd: number;
  /** How many submissions it holds. */
  readonly entries: number;
  readonly #params = io_uring_params.alloc();
  readonly #queues: Uint8Array<ArrayBuffer>;
  readonly #submissions: Uint8Array<ArrayBuffer>;
  readonly #words: Uint32Array<ArrayBuffer>;
  readonly #signed: Int32Array<ArrayBuffer>;
  // Where things are, as indices of #words.
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

  /** Of the completion that {@linkcode nextCompletion} has stepped to: the lower half of `user_data`. */
  userData = 0;
  /** What the system call would have returned: a negative errno if it failed. */
  result = 0;
  /** Such as `IORING_CQE_F_MORE`. */
  flags = 0;

  // SAFETY: the end of an isolate gives all of its memory back to the heap, while the process and the ring go on: between the files of `deno
  // test`. The descriptor stays as it is: if somebody has closed it, its number may be another's by now.
  static {
    globalThis.addEventListener("unload", () =>
      held.forEach((ring) => {
        if (ring.#isOpen) ring.#cancel();
        ring.#takeQueuesAway();
      }));
  }

  /**
   * io_uring_setup(2).
   *
   * @throws {RangeError} If a size is no power of two, or there is less room for completions than for submissions: the kernel would round it
   * up, beyond the memory that it was given.
   * @throws {SystemError} `EINVAL` before Linux 6.5, or if the sizes are larger than the kernel takes; before Linux 6.10 each
   * queue must fit into a page (64 entries). `EPERM` where `kernel.io_uring_disabled` is not 0, or a filter refuses it.
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
    // The array between tail and entries is not made use of: place i of the queue is entry i.
    for (let i = 0; i < this.entries; i++) this.#words[params.sq_off_array / 4 + i] = i;
    this.#enterFd = BigInt(this.fd);
    this.#counts = Array.from({ length: params.cq_entries + 1 }, (_, i) => BigInt(i));
    this.#wait.ts = addressOf(this.#waitTime.bytes);
    this.#waitAddress = addressOf(this.#wait.bytes);
  }

  /**
   * Puts a submission into the queue. The kernel sees it at the next {@linkcode enter}; of a ring with `IORING_SETUP_SQPOLL`, at once.
   *
   * @throws {RangeError} If the queue is full.
   */
  submit(submission: Submission): void {
    // Our own index: nobody else writes it, so any load will do.
    const tail = this.#words[this.#sqTail];
    // An acquire: the kernel has read what was in the place before it moves its head past it.
    if (((tail - Atomics.load(this.#words, this.#sqHead)) >>> 0) === this.entries) {
      throw new RangeError(`The queue of ${this.entries} submissions is full`);
    }
    const start = (tail & this.entries - 1) * io_uring_sqe.size;
    this.#submissions.fill(0, start, start + io_uring_sqe.size);
    Object.assign(io_uring_sqe.over(this.#submissions, start), submission);
    this.#handOver(1);
  }

  /**
   * Submits what is in the next places of the queue, as it stands there from before: the kernel does not write to it.
   *
   * @param count How many; all of them must have been submitted, and taken, before.
   */
  submitAgain(count: number): void {
    this.#handOver(count);
  }

  #handOver(count: number): void {
    // A release: the kernel may read the entries as soon as it sees the tail.
    Atomics.store(this.#words, this.#sqTail, this.#words[this.#sqTail] + count);
  }

  /**
   * io_uring_enter(2): has the kernel take what was submitted, and waits for completions.
   *
   * @param completions How many to wait for; 0 for none. More than the ring holds are not waited for.
   * @param timeout The longest wait, in milliseconds. A signal ends it too.
   * @throws {SystemError} `EPERM` if a filter refuses it, `EBADF` if the ring is closed, `EBADFD` if it is not enabled, …
   */
  enter(completions = 0, timeout = 0): void {
    const tail = this.#words[this.#sqTail];
    const count = this.#isPolled ? 0 : (tail - this.#entered) >>> 0; // a polled ring takes them by itself
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
    // Nothing came in time, a signal did, or there is no room for more completions: take those that are there. What was submitted
    // has been taken if the wait ended so (io_uring_enter returns what it took, if anything), or will be the next time.
    if (errno !== Errno.ETIME && errno !== Errno.EINTR && errno !== Errno.EBUSY) {
      throw new SystemError("io_uring_enter", errno);
    }
  }

  /** io_uring_enter(2), `IORING_ENTER_SQ_WAKEUP`: wakes the thread of a ring with `IORING_SETUP_SQPOLL`. It sleeps until the first time. */
  wake(): void {
    rawSyscall("io_uring_enter", this.fd, 0, 0, IORING_ENTER_SQ_WAKEUP, 0, 0);
  }

  #setWait(milliseconds: number): void {
    this.#waitMilliseconds = milliseconds;
    this.#waitTime.tv_sec = BigInt(Math.trunc(milliseconds / 1000));
    this.#waitTime.tv_nsec = BigInt(Math.trunc(milliseconds % 1000 * 1e6));
  }

  /**
   * Steps to the next completion: {@linkcode userData}, {@linkcode result} and {@linkcode flags} are its.
   *
   * @returns false if there is none.
   */
  nextCompletion(): boolean {
    const words = this.#words;
    const head = words[this.#cqHead]; // our own index
    // An acquire: the completion is there once the kernel has moved the tail past its place.
    if (Atomics.load(words, this.#cqTail) === head) {
      // Completions for which there was no room wait in the kernel, which says so; it puts them into the queue when asked.
      if ((Atomics.load(words, this.#sqFlags) & IORING_SQ_CQ_OVERFLOW) === 0) return false;
      this.enter();
      if (Atomics.load(words, this.#cqTail) === head) return false;
    }
    const entry = this.#cqes + (head & this.#cqMask) * (io_uring_cqe.size / 4);
    this.userData = words[entry + USER_DATA];
    this.result = this.#signed[entry + RES];
    this.flags = words[entry + FLAGS];
    // A release: the place is the kernel's again only after it has been read.
    Atomics.store(words, this.#cqHead, head + 1);
    return true;
  }

  /**
   * {@linkcode nextCompletion} of a ring whose thread works by itself: waits for it, without a system call.
   *
   * @param timeout The longest wait, in milliseconds.
   */
  awaitCompletion(timeout: number): boolean {
    const deadline = performance.now() + timeout;
    while (!this.nextCompletion()) {
      if (performance.now() >= deadline) return false;
    }
    return true;
  }

  /** How many completions the kernel has dropped for want of memory since the ring was made. */
  get overflow(): number {
    return Atomics.load(this.#words, this.#cqOverflow);
  }

  /**
   * io_uring_register(2), `IORING_REGISTER_FILES`: submissions with `IOSQE_FIXED_FILE` name these by their place in the list.
   *
   * @throws {SystemError} `EBADF`, `EMFILE`, …
   */
  registerFiles(fds: readonly number[]): void {
    const list = new Uint8Array(Int32Array.from(fds).buffer);
    rawSyscall("io_uring_register", this.fd, IORING_REGISTER_FILES, list, fds.length);
  }

  /**
   * io_uring_register(2), `IORING_REGISTER_PERSONALITY`: keeps the credentials of the moment, for submissions that name them.
   *
   * @returns Their number.
   * @throws {SystemError} `EPERM`, …
   */
  registerPersonality(): number {
    return rawSyscall("io_uring_register", this.fd, IORING_REGISTER_PERSONALITY, 0, 0);
  }

  /**
   * io_uring_register(2), `IORING_REGISTER_RESTRICTIONS`: a ring with `IORING_SETUP_R_DISABLED` can do these things, and nothing else.
   * Once, and for good.
   *
   * @throws {SystemError} `EBADFD` if the ring is enabled already, `EBUSY` the second time.
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
   * io_uring_register(2), `IORING_REGISTER_ENABLE_RINGS`: from now on it takes submissions.
   *
   * @throws {SystemError} `EBADFD` if it is enabled already.
   */
  enable(): void {
    rawSyscall("io_uring_register", this.fd, IORING_REGISTER_ENABLE_RINGS, 0, 0);
  }

  /**
   * Holds memory: what submissions point to, or what is registered. It is let go when {@linkcode close} has cancelled everything; where that
   * cannot be, never.
   */
  hold(...memory: readonly Uint8Array<ArrayBuffer>[]): void {
    this.#memory.push(...memory);
  }

  /**
   * Cancels what is under way, waits for the end of it, and closes the ring; the second time does nothing. What submissions pointed to is
   * free afterwards, unless the ring was restricted so that it cannot cancel, or a filter forbids it: then it must be kept, and what the ring
   * holds is.
   *
   * @returns Whether everything was cancelled.
   */
  close(): boolean {
    if (!this.#isOpen) return !held.has(this);
    this.#isOpen = false;
    const isCancelled = this.#cancel();
    close(this.fd);
    this.#takeQueuesAway();
    if (isCancelled) held.delete(this);
    return isCancelled;
  }

  /** Returns whether nothing is under way any more. */
  #cancel(): boolean {
    const everything = io_uring_sync_cancel_reg.alloc();
    everything.flags = IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_ANY;
    everything.timeout = CANCEL_TIMEOUT.bytes;
    const cancel = () =>
      rawSyscall("io_uring_register", this.fd, IORING_REGISTER_SYNC_CANCEL, everything.bytes, 1);
    const errno = errnoOf(cancel);
    return errno === 0 || errno === Errno.ENOENT;
  }

  // SAFETY: the kernel gives a ring up some time after close(2) (io_ring_exit_work), does not say when, and may write to the queues until
  // then: to the pages that it has pinned. They are taken out of this process's memory, and empty ones put in their place.
  #takeQueuesAway(): void {
    unmap(this.#queues);
    unmap(this.#submissions);
    this.#entered = 0; // as the empty queues say: what is submitted from now on is for nobody
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

/** How long a cancellation may take: a second. */
const CANCEL_TIMEOUT = Object.assign(timespec.alloc(), { tv_sec: 1n });

// Where the fields of a completion are, as indices of 32-bit words.
const USER_DATA = io_uring_cqe.fields.user_data[0] / 4;
const RES = io_uring_cqe.fields.res[0] / 4;
const FLAGS = io_uring_cqe.fields.flags[0] / 4;
