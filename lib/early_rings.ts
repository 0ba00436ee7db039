/**
 * Rings that a process made while it was root, and kept: the trap of io_uring(7) for whoever drops privileges (CVE-2024-22017).
 *
 * What a ring is asked for is done with the credentials of whoever asks, with two exceptions: a ring that the kernel polls
 * (`IORING_SETUP_SQPOLL`) acts as whoever made it, and a registered personality as whoever registered it. Both outlive setresuid(2).
 *
 * @module
 */

import { close, IORING_SETUP_SQPOLL, IoUring, SystemError } from "../ffi/mod.ts";

/** A file that root may read, and nobody else. */
const ROOTS_FILE = "/etc/shadow";

/** How long the polling thread stays awake, in milliseconds: longer than an attack takes. */
const IDLE = 5000;

/** How long an answer is waited for, in milliseconds. */
const ANSWER_TIMEOUT = 200;

/** A ring of each kind. */
export class EarlyRings {
  readonly #plain = new IoUring();
  readonly #personality = this.#plain.registerPersonality();
  readonly #polled = new IoUring(IORING_SETUP_SQPOLL, IDLE);

  /**
   * Makes them, with the credentials of the moment.
   *
   * @throws {SystemError} `EINVAL` before Linux 6.5, `EPERM` where io_uring is disabled.
   */
  constructor() {
    this.#polled.submitOpen("/dev/null");
    this.#polled.wake();
    this.#result(this.#polled);
  }

  /** Opens root's file by the plain ring. Returns false if no answer came. Throws what the system refuses. */
  openPlainly(): boolean {
    this.#plain.submitOpen(ROOTS_FILE);
    this.#plain.enter();
    return this.#result(this.#plain);
  }

  /** Opens it as the registered personality. */
  openAsPersonality(): boolean {
    this.#plain.submitOpen(ROOTS_FILE, this.#personality);
    this.#plain.enter();
    return this.#result(this.#plain);
  }

  /** Opens it by the polled ring: without a system call, which a filter could refuse. */
  openByPolling(): boolean {
    this.#polled.submitOpen(ROOTS_FILE);
    return this.#result(this.#polled);
  }

  #result(ring: IoUring): boolean {
    const result = ring.takeResult(Date.now() + ANSWER_TIMEOUT);
    if (result === undefined) return false;
    if (result < 0) throw new SystemError("IORING_OP_OPENAT", -result);
    close(result);
    return true;
  }
}
