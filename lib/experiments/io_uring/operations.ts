/**
 * The operations of io_uring(7) that receive from a packet socket, each as a source of frames, and
 * the operations that a restricted ring must refuse.
 *
 * @module
 */

import {
  AF_PACKET,
  AT_FDCWD,
  IORING_OP_NOP,
  IORING_OP_OPENAT,
  IORING_OP_READ,
  IORING_OP_RECV,
  IORING_OP_RECVMSG,
  IORING_OP_SEND,
  IORING_OP_SENDMSG,
  IORING_OP_SOCKET,
  IORING_OP_WRITE,
  IOSQE_FIXED_FILE,
  MSG_TRUNC,
  SOCK_DGRAM,
} from "../../../ffi/abi/constants.ts";
import { errnoName, errnoOf, SystemError } from "../../../ffi/abi/errno.ts";
import { iovec, msghdr } from "../../../ffi/abi/layouts.ts";
import { cString } from "../../../ffi/abi/libc.ts";
import { addressOf } from "../../../ffi/abi/struct.ts";
import { IoUring, type Submission } from "../../../ffi/io_uring/io_uring.ts";
import type { VlanTag } from "../../../ffi/packet/vlan_tag.ts";
import { Ancillary, ANCILLARY_SPACE } from "../../packets/ancillary.ts";
import { FRAME_ROOM } from "../../packets/link_layer.ts";
import { BufferSource } from "../../receive/buffer_source.ts";
import type { FrameSource } from "../../receive/frame_source.ts";
import { IoUringMultishotSource } from "../../receive/io_uring_multishot.ts";
import { FIXED_SOCKET, restrictedRing } from "../../receive/restricted_ring.ts";

/** A source of frames that makes one submission at a time, each for one frame. */
class SingleShotSource extends BufferSource {
  // SAFETY: submissions point to these buffers; the ring holds them until its close cancels the
  // submissions.
  readonly bytes = new Uint8Array(FRAME_ROOM);
  readonly #control = new Uint8Array(ANCILLARY_SPACE);
  readonly #ancillary = new Ancillary(this.#control);
  readonly #vector = iovec.alloc();
  readonly #message = msghdr.alloc();
  readonly #ring: IoUring;
  readonly #submission: Submission;
  #isUnderWay = false;
  readonly offset = 0;
  length = 0;

  /** @param submission The operation. The constructor fills in the address of the buffer. */
  constructor(ring: IoUring, submission: Submission) {
    super(0);
    this.#ring = ring;
    ring.hold(this.bytes, this.#control, this.#vector.bytes, this.#message.bytes);
    this.#vector.iov_base = addressOf(this.bytes);
    this.#vector.iov_len = this.bytes.length;
    this.#message.msg_iov = addressOf(this.#vector.bytes);
    this.#message.msg_iovlen = 1;
    this.#message.msg_control = addressOf(this.#control);
    this.#submission = submission.opcode === IORING_OP_RECVMSG
      ? { ...submission, addr: addressOf(this.#message.bytes), len: 1 }
      : { ...submission, addr: addressOf(this.bytes), len: this.bytes.length };
  }

  get fd(): number {
    return this.#ring.fd;
  }

  protected step(): boolean {
    if (!this.#isUnderWay) {
      this.#message.msg_controllen = this.#control.length;
      this.#ring.submit(this.#submission);
      this.#ring.enter();
      this.#isUnderWay = true;
    }
    if (!this.#ring.nextCompletion()) return false;
    this.#isUnderWay = false;
    if (this.#ring.result < 0) throw new SystemError("io_uring_enter", -this.#ring.result);
    this.length = this.#ring.result;
    const isRecvmsg = this.#submission.opcode === IORING_OP_RECVMSG;
    this.#ancillary.moveTo(0, isRecvmsg ? Number(this.#message.msg_controllen) : 0);
    return true;
  }

  wait(milliseconds: number): void {
    this.#ring.enter(1, milliseconds);
  }

  override get vlan(): VlanTag | undefined {
    return this.#ancillary.vlan;
  }

  override get isChecksumPending(): boolean {
    return this.#ancillary.isChecksumPending;
  }

  override timestamp(): bigint | undefined {
    return this.#ancillary.timestamp;
  }

  [Symbol.dispose](): void {
    this.#ring.close();
  }
}

/** The operations that receive, by name. Each makes a ring of its own. */
export const RING_SOURCES = {
  "RECV": (fd: number): FrameSource =>
    new SingleShotSource(new IoUring(), { opcode: IORING_OP_RECV, fd, msg_flags: MSG_TRUNC }),
  "RECVMSG": (fd: number): FrameSource =>
    new SingleShotSource(new IoUring(), { opcode: IORING_OP_RECVMSG, fd, msg_flags: MSG_TRUNC }),
  "READ": (fd: number): FrameSource =>
    new SingleShotSource(new IoUring(), { opcode: IORING_OP_READ, fd }),
  "RECV, registered file": (fd: number): FrameSource => {
    using undo = new DisposableStack();
    const ring = undo.use(new IoUring());
    ring.registerFiles([fd]);
    undo.move();
    return new SingleShotSource(ring, {
      opcode: IORING_OP_RECV,
      flags: IOSQE_FIXED_FILE,
      fd: FIXED_SOCKET,
      msg_flags: MSG_TRUNC,
    });
  },
  "multishot RECV": (fd: number): FrameSource => new IoUringMultishotSource(fd),
  "multishot RECV, few buffers": (fd: number): FrameSource =>
    new IoUringMultishotSource(fd, FEW_BUFFERS),
  "RECV, restricted ring": (fd: number): FrameSource =>
    new SingleShotSource(restrictedRing(fd, {}), {
      opcode: IORING_OP_RECV,
      flags: IOSQE_FIXED_FILE,
      fd: FIXED_SOCKET,
      msg_flags: MSG_TRUNC,
    }),
} as const;

/** The name of an operation that receives. */
export type RingOperation = keyof typeof RING_SOURCES;

/** The number of buffers of a multishot RECV whose buffers run out. */
export const FEW_BUFFERS = 8;

/** Returns a submission of each operation other than RECV on a registered file, by name. */
function forbiddenSubmissions(packetFd: number): { readonly [name: string]: Submission } {
  const fixed = { flags: IOSQE_FIXED_FILE, fd: FIXED_SOCKET };
  return {
    "RECV, by number": { opcode: IORING_OP_RECV, fd: packetFd },
    "RECVMSG": { opcode: IORING_OP_RECVMSG, ...fixed },
    "READ": { opcode: IORING_OP_READ, ...fixed },
    "SEND": { opcode: IORING_OP_SEND, ...fixed },
    "SENDMSG": { opcode: IORING_OP_SENDMSG, ...fixed },
    "WRITE": { opcode: IORING_OP_WRITE, ...fixed },
    "OPENAT": { opcode: IORING_OP_OPENAT, fd: AT_FDCWD, addr: addressOf(HARMLESS) },
    "SOCKET": { opcode: IORING_OP_SOCKET, fd: AF_PACKET, off: BigInt(SOCK_DGRAM) },
    "NOP": { opcode: IORING_OP_NOP },
  };
}

/** The path for OPENAT. SAFETY: submissions point to it; it lives as long as this module. */
const HARMLESS = cString("/dev/null");

/** The longest wait for a completion, in milliseconds. */
const ANSWER_TIMEOUT = 200;

/**
 * Attempts every operation and registration that a worker's ring must refuse.
 *
 * @returns The name of the errno of each; `allowed` if it succeeded, `no answer` if no completion
 * came.
 */
export function attemptForbidden(ring: IoUring, packetFd: number): { [name: string]: string } {
  const outcomes: { [name: string]: string } = {};
  for (const [name, submission] of Object.entries(forbiddenSubmissions(packetFd))) {
    ring.submit(submission);
    ring.enter(1, ANSWER_TIMEOUT);
    const outcome = ring.nextCompletion() ? ring.result : undefined;
    outcomes[name] = outcome === undefined
      ? "no answer"
      : outcome < 0
      ? errnoName(-outcome)
      : "allowed";
  }
  const nameOf = (errno: number) => errno === 0 ? "allowed" : errnoName(errno);
  outcomes["register files"] = nameOf(errnoOf(() => ring.registerFiles([packetFd])));
  outcomes["register personality"] = nameOf(errnoOf(() => ring.registerPersonality()));
  outcomes["restrict anew"] = nameOf(errnoOf(() => ring.restrict([])));
  return outcomes;
}
