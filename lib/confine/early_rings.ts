/**
 * Rings that a process made while it was root, and kept: the trap of io_uring(7) for whoever drops privileges (CVE-2024-22017).
 *
 * What a ring is asked for is done with the credentials of whoever asks, with two exceptions: a ring that the kernel polls
 * (`IORING_SETUP_SQPOLL`) acts as whoever made it, and a registered personality as whoever registered it. Both outlive setresuid(2).
 *
 * @module
 */

import {
  AF_PACKET,
  AT_FDCWD,
  IORING_OP_OPENAT,
  IORING_OP_SOCKET,
  IORING_SETUP_SQPOLL,
  SOCK_CLOEXEC,
  SOCK_RAW,
} from "../../ffi/abi/constants.ts";
import { Errno, SystemError } from "../../ffi/abi/errno.ts";
import { cString } from "../../ffi/abi/libc.ts";
import { addressOf } from "../../ffi/abi/struct.ts";
import { IoUring, type Submission } from "../../ffi/io_uring/io_uring.ts";
import { close } from "../../ffi/process/descriptor.ts";
import { readLink } from "../../ffi/process/file.ts";

/** A file that root may read, and nobody else. */
export const ROOTS_FILE = "/etc/shadow";

/** {@linkcode ROOTS_FILE}, as open(2) takes it. SAFETY: submissions point to it; it lives as long as this module. */
const PATH = cString(ROOTS_FILE);

/** How long the polling thread stays awake, in milliseconds: longer than an attack takes, on a slow machine too. Asleep, it would not answer. */
const IDLE = 60_000;

/** How long an answer is waited for, in milliseconds: of a ring that is there, and of one that is closed, which should never answer. */
const ANSWER_TIMEOUT = 2000, SILENCE = 200;

/** What an early ring is asked for: what only root can do. */
export type EarlyRequest = "open" | "socket";

/** A ring of each kind. */
export class EarlyRings {
  readonly #plain: IoUring;
  readonly #personality: number;
  readonly #polled: IoUring;
  #requests = 0;

  /**
   * Makes them, with the credentials of the moment.
   *
   * @throws {SystemError} `EINVAL` before Linux 6.5, `EPERM` where io_uring is disabled; no ring is left open then.
   */
  constructor() {
    using undo = new DisposableStack();
    this.#plain = undo.use(new IoUring());
    this.#personality = this.#plain.registerPersonality();
    this.#polled = undo.use(new IoUring({ flags: IORING_SETUP_SQPOLL, idle: IDLE }));
    this.#polled.submit(this.#request("open"));
    this.#polled.wake();
    const fd = this.#result(this.#polled);
    if (fd === undefined) throw new SystemError("io_uring_enter", Errno.ETIME);
    close(fd);
    undo.move();
  }

  /** By the plain ring. Returns the descriptor, or `undefined` if no answer came. Throws what the system refuses. */
  plainly(request: EarlyRequest): number | undefined {
    this.#plain.submit(this.#request(request));
    this.#enter();
    return this.#result(this.#plain);
  }

  /** As the registered personality. */
  asPersonality(request: EarlyRequest): number | undefined {
    this.#plain.submit({ ...this.#request(request), personality: this.#personality });
    this.#enter();
    return this.#result(this.#plain);
  }

  /** By the polled ring: without a system call, which a filter could refuse. */
  byPolling(request: EarlyRequest): number | undefined {
    this.#polled.submit(this.#request(request));
    return this.#result(this.#polled);
  }

  /** Closes both. */
  close(): void {
    this.#plain.close();
    this.#polled.close();
  }

  /** A ring that was closed has no number; what has it by now, if anything, is no ring (`EOPNOTSUPP`): the ring is gone in both cases. */
  #enter(): void {
    try {
      this.#plain.enter();
    } catch (error) {
      const isAnother = error instanceof SystemError && error.errno === Errno.EOPNOTSUPP;
      throw isAnother ? new SystemError(error.syscall, Errno.EBADF) : error;
    }
  }

  #request(request: EarlyRequest): Submission {
    const user_data = BigInt(++this.#requests);
    if (request === "open") {
      return { user_data, opcode: IORING_OP_OPENAT, fd: AT_FDCWD, addr: addressOf(PATH) };
    }
    const off = BigInt(SOCK_RAW | SOCK_CLOEXEC);
    return { user_data, opcode: IORING_OP_SOCKET, fd: AF_PACKET, off };
  }

  #result(ring: IoUring): number | undefined {
    const patience = isIoUring(ring.fd) ? ANSWER_TIMEOUT : SILENCE;
    do {
      if (!ring.awaitCompletion(patience)) return undefined;
    } while (ring.userData !== this.#requests); // an answer that came too late to count
    if (ring.result < 0) throw new SystemError("io_uring_enter", -ring.result);
    return ring.result;
  }
}

/** Whether a descriptor is a ring's still. */
function isIoUring(fd: number): boolean {
  try {
    return readLink(`/proc/self/fd/${fd}`) === "anon_inode:[io_uring]";
  } catch (error) {
    if (error instanceof SystemError) return false;
    throw error;
  }
}
