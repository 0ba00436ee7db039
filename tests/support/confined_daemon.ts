/**
 * A daemon of the tests that can only receive: every check of an inspection holds for it. And the
 * same with one defect.
 *
 * @module
 */

import { PACKET_FANOUT_CPU } from "../../ffi/abi/constants.ts";
import { assemble, attachFilter, bpfReturn, lockFilter } from "../../ffi/packet/bpf.ts";
import { copyDescriptor } from "../../ffi/process/pidfd.ts";
import { compileFilter, type SyscallPolicy } from "../../ffi/seccomp/seccomp.ts";
import { receiveOnlyPolicy } from "../../lib/confine/policy.ts";
import { beginFanoutGroup } from "../../lib/packets/socket.ts";
import { type Daemon, startDaemon } from "./daemon.ts";

/** Words that make a thread nobody's, without any capability. */
export const NOBODY = ["groups=", "gid=65534", "uid=65534"] as const;

/** The defects of a daemon. */
export interface Defects {
  /** Words before it drops its privileges. */
  readonly before?: readonly string[];
  /** How many packet sockets it holds, from descriptor 3 on. */
  readonly sockets?: number;
  /** The sockets whose filter is not locked. */
  readonly unlocked?: readonly number[];
  /** Changes the policy of system calls. */
  readonly policy?: (policy: SyscallPolicy) => SyscallPolicy;
}

/** The number of its first packet socket. */
export const FIRST = 3;

/**
 * Starts the daemon. Its packet sockets are bound to the loopback interface, which must be up.
 *
 * @throws {Error} If it cannot be started.
 */
export async function startConfined(
  { before = [], sockets = 1, unlocked = [], policy = (same) => same }: Defects = {},
): Promise<Daemon> {
  const daemon = await startDaemon([
    ...["close-from=3", ...new Array(sockets).fill("packet=1"), ...before],
    ...["empty-bounding-set", ...NOBODY, "dumpable=0", "parent-death-signal=9", "no-new-privs"],
    "descriptor-limit=16",
  ]);
  try {
    for (let fd = FIRST; fd < FIRST + sockets; fd++) {
      using copy = copyDescriptor(daemon.pid, fd);
      attachFilter(copy.fd, assemble([bpfReturn(0xffff)]));
      if (!unlocked.includes(fd)) lockFilter(copy.fd);
      beginFanoutGroup(copy.fd, PACKET_FANOUT_CPU);
    }
    const worker = { packetFd: FIRST, channelFd: 0, ioUring: false, pid: daemon.pid };
    const program = compileFilter(policy(receiveOnlyPolicy(worker)));
    await daemon.run(`filter=${program.toHex()}`);
    return daemon;
  } catch (error) {
    await daemon[Symbol.asyncDispose]();
    throw error;
  }
}
