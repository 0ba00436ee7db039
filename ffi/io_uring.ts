/**
 * io_uring(7), as far as it takes to ask one thing at a time of a ring and hear the answer.
 *
 * The rings lie in this process's own memory (`IORING_SETUP_NO_MMAP`, Linux 6.5), one page for the queues and one for the
 * submissions, so that nothing has to be mapped and no address followed.
 *
 * @module
 */

import {
  AT_FDCWD,
  IORING_ENTER_GETEVENTS,
  IORING_ENTER_SQ_WAKEUP,
  IORING_OP_OPENAT,
  IORING_REGISTER_PERSONALITY,
  IORING_SETUP_NO_MMAP,
} from "./constants.ts";
import { io_uring_cqe, io_uring_params, io_uring_sqe } from "./layouts.ts";
import { cString } from "./libc.ts";
import { rawSyscall } from "./raw_syscall.ts";
import { addressOf, type StructView } from "./struct.ts";

const PAGE = 4096;
const ENTRIES = 4;

/** Two whole pages. */
function pages(): Uint8Array<ArrayBuffer> {
  const memory = new Uint8Array(3 * PAGE);
  const offset = (PAGE - Number(addressOf(memory) % BigInt(PAGE))) % PAGE;
  return memory.subarray(offset, offset + 2 * PAGE);
}

/** A ring of four entries. */
export class IoUring {
  /** Its descriptor, close-on-exec. */
  readonly fd: number;
  // SAFETY: the kernel reads and writes this memory as long as the ring lives; it is this object's, as is what a submission
  // points to until its answer has come.
  readonly #memory = pages();
  readonly #words = new Uint32Array(this.#memory.buffer, this.#memory.byteOffset, PAGE / 4);
  readonly #params: StructView<typeof io_uring_params.fields>;
  #path = new Uint8Array(0);

  /**
   * io_uring_setup(2).
   *
   * @param flags Such as `IORING_SETUP_SQPOLL`.
   * @param idle After how long without work the kernel's thread sleeps, in milliseconds; with `IORING_SETUP_SQPOLL`.
   * @throws {SystemError} `EINVAL` before Linux 6.5; `EPERM` where `kernel.io_uring_disabled` is not 0, or a filter refuses it.
   */
  constructor(flags = 0, idle = 0) {
    this.#params = io_uring_params.alloc();
    this.#params.flags = flags | IORING_SETUP_NO_MMAP;
    this.#params.sq_thread_idle = idle;
    this.#params.cq_off_user_addr = addressOf(this.#memory);
    this.#params.sq_off_user_addr = addressOf(this.#memory.subarray(PAGE));
    this.fd = rawSyscall("io_uring_setup", ENTRIES, this.#params.bytes);
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

  /** Puts the opening of a file for reading into the submission queue, as one of the registered personalities if that is not 0. */
  submitOpen(path: string, personality = 0): void {
    this.#path = cString(path);
    const { sq_off_tail, sq_off_array, sq_entries } = this.#params;
    const tail = Atomics.load(this.#words, sq_off_tail / 4); // written by us alone
    const index = tail & sq_entries - 1;
    this.#memory.fill(0, PAGE + index * io_uring_sqe.size, PAGE + (index + 1) * io_uring_sqe.size);
    Object.assign(io_uring_sqe.over(this.#memory, PAGE + index * io_uring_sqe.size), {
      opcode: IORING_OP_OPENAT,
      fd: AT_FDCWD,
      addr: addressOf(this.#path),
      personality,
    });
    this.#words[sq_off_array / 4 + index] = index;
    // The entry must be there before the kernel sees the tail: a release, of which Atomics.store is one.
    Atomics.store(this.#words, sq_off_tail / 4, tail + 1);
  }

  /**
   * io_uring_enter(2), `IORING_ENTER_SQ_WAKEUP`: wakes the thread of a ring with `IORING_SETUP_SQPOLL`. It sleeps until the first
   * time; afterwards it looks at the queue by itself, as long as it is not idle for too long.
   *
   * @throws {SystemError} As {@linkcode enter}.
   */
  wake(): void {
    rawSyscall("io_uring_enter", this.fd, 0, 0, IORING_ENTER_SQ_WAKEUP, 0, 0);
  }

  /**
   * io_uring_enter(2): has what was submitted done. A ring with `IORING_SETUP_SQPOLL` that is awake needs no call.
   *
   * @throws {SystemError} `EPERM` if a filter refuses it, `EBADF` if the ring is closed, …
   */
  enter(): void {
    rawSyscall("io_uring_enter", this.fd, 1, 1, IORING_ENTER_GETEVENTS, 0, 0);
  }

  /**
   * Takes the next answer.
   *
   * @param deadline When to give up, in milliseconds since 1970.
   * @returns What the system call would have: a negative errno if it failed. `undefined` if none came in time.
   */
  takeResult(deadline: number): number | undefined {
    const { cq_off_head, cq_off_tail, cq_off_cqes, cq_entries } = this.#params;
    const head = this.#words[cq_off_head / 4]; // written by us alone
    // The answer is there once the kernel has moved the tail: an acquire, of which Atomics.load is one.
    while (Atomics.load(this.#words, cq_off_tail / 4) === head) {
      if (Date.now() >= deadline) return undefined;
    }
    const index = head & cq_entries - 1;
    const { res } = io_uring_cqe.over(this.#memory, cq_off_cqes + index * io_uring_cqe.size);
    Atomics.store(this.#words, cq_off_head / 4, head + 1); // a release: the place is the kernel's again
    return res;
  }
}
