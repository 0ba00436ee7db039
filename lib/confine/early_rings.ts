/**
 * Early rings: rings of io_uring(7) that a process made as root and kept through its drop, which
 * can leave it root's powers (CVE-2024-22017).
 *
 * The kernel serves a request with the credentials of the task that submits it, with two
 * exceptions. A ring that the kernel polls (`IORING_SETUP_SQPOLL`) acts as the task that made it,
 * and a registered personality as the task that registered it. Both outlive setresuid(2).
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
import { threadsWithCapabilities } from "../../ffi/process/capabilities.ts";
import { PrivilegeError } from "../../ffi/process/credentials.ts";
import { close } from "../../ffi/process/descriptor.ts";
import { readLink, readTextFile } from "../../ffi/process/file.ts";
import { ownThreads, unlessGone } from "../../ffi/process/proc.ts";

/** A file that only root may read. */
export const ROOTS_FILE = "/etc/shadow";

/**
 * {@linkcode ROOTS_FILE} as a C string. SAFETY: submissions point to it; it lives as long as this
 * module.
 */
const PATH = cString(ROOTS_FILE);

/**
 * How long the polling thread stays awake, in milliseconds: longer than an attack takes, on a slow
 * machine too. Asleep, it would not answer.
 */
const IDLE = 60_000;

/** How long to wait for the answer of an open ring, in milliseconds. */
const ANSWER_TIMEOUT = 2000;

/** How long to wait for the answer of a closed ring, which should never come, in milliseconds. */
const SILENCE = 200;

/** A request to an early ring: opening root's file, or a packet socket. Only root can do either. */
export type EarlyRequest = "open" | "socket";

/** Returns why early rings show nothing here; `undefined` if they do. */
export function whyNotRootsRings(): string | undefined {
  const uid = Deno.uid();
  if (uid === 0) return undefined;
  return `it shows what outlives root's drop, and this parent is uid ${uid}: run it as root`;
}

/** Early rings: one plain, with a registered personality, and one polled by the kernel. */
export class EarlyRings {
  readonly #plain: IoUring;
  readonly #personality: number;
  readonly #polled: IoUring;
  #requests = 0;

  /**
   * Makes the rings, with the credentials that this process has now.
   *
   * @throws {SystemError} `EINVAL` before Linux 6.5, `EPERM` where io_uring is disabled. No ring
   *   stays open then.
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

  /**
   * Makes a request by the plain ring.
   *
   * @returns The descriptor; `undefined` if no answer came.
   * @throws {SystemError} If the request is refused.
   */
  plainly(request: EarlyRequest): number | undefined {
    this.#plain.submit(this.#request(request));
    this.#enter();
    return this.#result(this.#plain);
  }

  /** Makes a request as the registered personality; otherwise like {@linkcode plainly}. */
  asPersonality(request: EarlyRequest): number | undefined {
    this.#plain.submit({ ...this.#request(request), personality: this.#personality });
    this.#enter();
    return this.#result(this.#plain);
  }

  /**
   * Makes a request by the polled ring; otherwise like {@linkcode plainly}. It takes no system
   * call, so no filter can refuse it.
   */
  byPolling(request: EarlyRequest): number | undefined {
    this.#polled.submit(this.#request(request));
    return this.#result(this.#polled);
  }

  /** Closes the rings. */
  close(): void {
    this.#plain.close();
    this.#polled.close();
  }

  /**
   * Enters the plain ring. If it is closed, its number refers to nothing (`EBADF`), or by now to
   * something that is not a ring (`EOPNOTSUPP`), which is reported as `EBADF` too.
   */
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
    } while (ring.userData !== this.#requests); // it answers an earlier request, too late to count
    if (ring.result < 0) throw new SystemError("io_uring_enter", -ring.result);
    return ring.result;
  }
}

/** Whether a descriptor still refers to a ring. */
function isIoUring(fd: number): boolean {
  try {
    return readLink(`/proc/self/fd/${fd}`) === "anon_inode:[io_uring]";
  } catch (error) {
    if (error instanceof SystemError) return false;
    throw error;
  }
}

/**
 * Drops all privileges in a process that keeps early rings on purpose. The drop notices the thread
 * that polls such a ring, because it has root's capabilities still.
 *
 * @param drop Drops the privileges.
 * @throws Any error of the drop, unless the threads of rings alone have capabilities left.
 */
export function dropDespiteRings(drop: () => void): void {
  try {
    drop();
  } catch (error) {
    if (!(error instanceof PrivilegeError) || error.threads.length === 0) throw error;
    if (!threadsWithCapabilities().every(isOfRing)) throw error;
  }
}

/** Whether a thread polls a ring, or did so until it ended. */
function isOfRing(tid: number): boolean {
  const folder = ownThreads().get(tid);
  const name = folder && unlessGone(() => readTextFile(`${folder}/comm`));
  return name === undefined || name.startsWith("iou-");
}
