/**
 * The ring that a worker receives by: it can receive from one socket, and do nothing else.
 *
 * io_uring(7) goes round a filter of system calls, which sees io_uring_enter(2) and not what is asked for. So the ring itself is
 * restricted, before it is enabled: of operations RECV alone, and of files those that were registered, of which there is one.
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

/** What it may do. A cancellation is how it is closed in order. */
const RESTRICTIONS: readonly Restriction[] = [
  [IORING_RESTRICTION_SQE_OP, IORING_OP_RECV],
  [IORING_RESTRICTION_SQE_FLAGS_REQUIRED, IOSQE_FIXED_FILE],
  [
    IORING_RESTRICTION_SQE_FLAGS_ALLOWED,
    IOSQE_FIXED_FILE | IOSQE_IO_LINK | IOSQE_BUFFER_SELECT,
  ],
  [IORING_RESTRICTION_REGISTER_OP, IORING_REGISTER_SYNC_CANCEL],
];

/** Where the packet socket stands among the registered files of the ring. */
export const FIXED_SOCKET = 0;

/**
 * Makes the ring.
 *
 * @param size How many submissions it holds, and completions.
 * @param prepare What is to be registered beside the socket.
 * @throws {SystemError} If the kernel refuses; nothing is left open then.
 */
export function restrictedRing(
  packetFd: number,
  size: Pick<IoUringOptions, "entries" | "completions">,
  prepare: (ring: IoUring) => void = () => {},
): IoUring {
  return attempt("Cannot make an io_uring to receive by", () => {
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
