/**
 * Operations on processes: another worker of the same uid, and the worker's own ties to its parent
 * and its siblings.
 *
 * @module
 */

import { PR_GET_DUMPABLE, PR_SET_DUMPABLE, PTRACE_SEIZE } from "../../../../ffi/abi/constants.ts";
import { Errno, SystemError } from "../../../../ffi/abi/errno.ts";
import { iovec } from "../../../../ffi/abi/layouts.ts";
import { rawSyscall } from "../../../../ffi/abi/raw_syscall.ts";
import { close } from "../../../../ffi/process/descriptor.ts";
import { readLink, readTextFile } from "../../../../ffi/process/file.ts";
import { parentDeathSignal, prctl } from "../../../../ffi/process/process.ts";
import { allowsPtraceOfSiblings } from "../environment.ts";
import type { Operation } from "../operation.ts";

/** The operations that a worker may try on processes. */
export const PROCESS_OPERATIONS: readonly Operation[] = [
  {
    name: "make-dumpable",
    plain: "allowed",
    attempt: () => {
      prctl(PR_SET_DUMPABLE, 1);
      const isDumpable = prctl(PR_GET_DUMPABLE, 0) === 1;
      prctl(PR_SET_DUMPABLE, 0);
      return isDumpable;
    },
  },
  {
    name: "take-sibling-socket",
    plain: () => allowsPtraceOfSiblings() ? "allowed" : "EPERM",
    under: { "undumpable": "EPERM" },
    attempt: ({ sibling }) => {
      const pidfd = rawSyscall("pidfd_open", sibling.pid, 0);
      try {
        close(rawSyscall("pidfd_getfd", pidfd, sibling.fd, 0));
      } finally {
        close(pidfd);
      }
    },
  },
  {
    name: "list-sibling",
    plain: "allowed",
    under: { "undumpable": "EACCES", "receive-only": "allowed" },
    hardened: "EACCES",
    attempt: ({ sibling }) => void readLink(`/proc/${sibling.pidInProc}/fd/${sibling.fd}`),
  },
  {
    name: "trace-sibling",
    plain: () => allowsPtraceOfSiblings() ? "allowed" : "EPERM",
    under: { "undumpable": "EPERM" },
    attempt: ({ sibling }) => {
      rawSyscall("ptrace", PTRACE_SEIZE, sibling.pid, 0, 0);
      const status = readTextFile(`/proc/${sibling.pidInProc}/status`);
      return status.match(/^TracerPid:\s*(\d+)/m)?.[1] === readLink("/proc/self");
    },
  },
  {
    name: "read-sibling-memory",
    plain: () => allowsPtraceOfSiblings() ? "allowed" : "EPERM",
    under: { "undumpable": "EPERM" },
    attempt: ({ sibling }) => {
      const nowhere = iovec.alloc();
      nowhere.iov_len = 8;
      try {
        rawSyscall("process_vm_readv", sibling.pid, nowhere.bytes, 1, nowhere.bytes, 1, 0);
      } catch (error) {
        // The kernel looks at the addresses only after it has granted access.
        if (!(error instanceof SystemError && error.errno === Errno.EFAULT)) throw error;
      }
    },
  },
  {
    name: "kill-sibling",
    plain: "allowed",
    attempt: ({ sibling }) => void rawSyscall("kill", sibling.pid, 0),
  },
  {
    name: "outlive-parent",
    plain: "allowed",
    under: { "parent-death-signal": "no effect", "receive-only": "allowed" },
    hardened: "no effect",
    attempt: () => parentDeathSignal() === 0,
  },
];
