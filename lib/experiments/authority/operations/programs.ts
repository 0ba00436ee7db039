/**
 * Operations that execute a program, or enter a user namespace, which a program with one thread may
 * do.
 *
 * @module
 */

import { CLONE_NEWUSER } from "../../../../ffi/abi/constants.ts";
import { SystemError } from "../../../../ffi/abi/errno.ts";
import { rawSyscall } from "../../../../ffi/abi/raw_syscall.ts";
import { markInUserNamespace, refusalOfUserNamespace, runs } from "../attacks.ts";
import { whyNoPerl } from "../environment.ts";
import { NOT_TRIED } from "../../../evidence/evidence.ts";
import type { Operation } from "../operation.ts";

/** The operations that a worker may try by executing a program. */
export const PROGRAM_OPERATIONS: readonly Operation[] = [
  {
    name: "execute",
    plain: "allowed",
    attempt: () => runs("/bin/true", ["true"]),
  },
  {
    name: "set-uid-program",
    plain: "allowed",
    under: { "no-new-privs": "no effect" },
    // Even without a capability, uid 0 owns root's files.
    attempt: () => runs("/usr/bin/su", ["su", "--version"], /^Uid:\s*\d+\s+0\s/m),
  },
  {
    name: "user-namespace",
    plain: "EINVAL",
    attempt: () => void rawSyscall("unshare", CLONE_NEWUSER),
  },
  {
    name: "user-namespace-program",
    plain: "allowed",
    attempt() {
      const hasCapabilities = runs(
        "/usr/bin/unshare",
        ["unshare", "--user", "--map-root-user", "/bin/true"],
        /^CapEff:\s*0*[1-9a-f]/m,
      );
      if (hasCapabilities) return true;
      const errno = whyNoPerl() === undefined ? refusalOfUserNamespace() : 0;
      if (errno !== 0) throw new SystemError("unshare", errno);
      return false;
    },
  },
  {
    name: "user-namespace-socket",
    whyNotTried: whyNoPerl,
    plain: "no effect",
    attempt: ({ packetFd }) =>
      whyNoPerl() === undefined ? markInUserNamespace(packetFd) : NOT_TRIED,
  },
];
