/**
 * A restricted io_uring, with which a worker receives: it can receive from one socket and do
 * nothing else.
 *
 * io_uring(7) bypasses a filter of system calls, which sees io_uring_enter(2) but not the
 * operations in the ring. So the ring itself is restricted before it is enabled: RECV is the only
 * operation, and the one registered file is the only file.
 *
 * @module
 */

import {
  IORING_OP_RECV,
  IORING_REGISTER_SYNC_CANCEL,
  IORING_RESTRICTION_REGISTER_OP,
  IORING_RESTRICTION_SQE_FLAGS_ALLOWED,
  IORING_RESTRICTION_SQE_FLAGS_REQUIRED,
  IORING_RESTRICTION_SQE_OP,
  IORING_SETUP_R_DISABLED,
  IOSQE_BUFFER_SELECT,
  IOSQE_FIXED_FILE,
  IOSQE_IO_LINK,
} from "../../ffi/abi/constants.ts";
import { attempt } from "../../ffi/abi/errno.ts";
import { IoUring, type IoUringOptions, type Restriction } from "../../ffi/io_uring/io_uring.ts";

/**
 * The only operations and registrations allowed. Cancellation is needed to close the ring cleanly.
 */
const RESTRICTIONS: readonly Restriction[] = [
  [IORING_RESTRICTION_SQE_OP, IORING_OP_RECV],
  [IORING_RESTRICTION_SQE_FLAGS_REQUIRED, IOSQE_FIXED_FILE],
  [
    IORING_RESTRICTION_SQE_FLAGS_ALLOWED,
    IOSQE_FIXED_FILE | IOSQE_IO_LINK | IOSQE_BUFFER_SELECT,
  ],
  [IORING_RESTRICTION_REGISTER_OP, IORING_REGISTER_SYNC_CANCEL],
];

/** The index of the packet socket among the ring's registered files. */
export const FIXED_SOCKET = 0;

/**
 * Makes a restricted ring.
 *
 * @param size The sizes of its submission and completion queues.
 * @param prepare Registers what is needed besides the socket, before the restrictions apply.
 * @throws {SystemError} If the kernel refuses. Nothing stays open.
 */
export function restrictedRing(
  packetFd: number,
  size: Pick<IoUringOptions, "entries" | "completions">,
  prepare: (ring: IoUring) => void = () => {},
): IoUring {
  return attempt("Cannot make an io_uring to receive with", () => {
    const ring = new IoUring({ ...size, flags: IORING_SETUP_R_DISABLED });
    try {
      ring.registerFiles([packetFd]);
      prepare(ring);
      ring.restrict(RESTRICTIONS);
      ring.enable();
      return ring;
    } catch (error) {
      ring.close();
      throw error;
    }
  });
}
