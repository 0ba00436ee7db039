/**
 * The parent-death signal of a thread, which /proc does not show: prctl(PR_GET_PDEATHSIG) writes it
 * to memory of the process.
 *
 * The memory is a page that the process gets for this and loses again. So nothing that is its own
 * changes, and reading the page cannot block, as reading memory that the process has prepared could
 * (userfaultfd(2)).
 *
 * @module
 */

import {
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  PR_GET_PDEATHSIG,
  PROT_READ,
  PROT_WRITE,
} from "../../../ffi/abi/constants.ts";
import { SystemError } from "../../../ffi/abi/errno.ts";
import { pageSize } from "../../../ffi/abi/memory.ts";
import { NotAnsweredError, type StoppedThread } from "../../../ffi/ptrace/stopped_thread.ts";

/** The highest number of a signal: SIGRTMAX. */
const SIGNALS = 64;

/**
 * Asks a stopped thread for its parent-death signal. Its filters must allow mmap, prctl and munmap,
 * or be suspended.
 *
 * @returns The signal, 0 for none; undefined if there is no answer.
 */
export function askParentDeathSignal(thread: StoppedThread): number | undefined {
  const size = pageSize();
  try {
    const flags = MAP_PRIVATE | MAP_ANONYMOUS;
    const address = thread.ask("mmap", 0, size, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (address < 0) return undefined;
    try {
      if (thread.ask("prctl", PR_GET_PDEATHSIG, address, 0, 0, 0) !== 0) return undefined;
      const signal = new DataView(thread.peek(BigInt(address)).buffer).getInt32(0, true);
      return signal >= 0 && signal <= SIGNALS ? signal : undefined;
    } finally {
      thread.ask("munmap", address, size);
    }
  } catch (error) {
    if (error instanceof NotAnsweredError || error instanceof SystemError) return undefined;
    throw error;
  }
}
