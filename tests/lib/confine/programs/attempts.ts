/**
 * Becomes nobody, installs the receive-only filter, and makes every system call of interest, by
 * number. Prints where the kernel and the policy differ.
 *
 * Here the policy refuses with a marker, an errno that none of these calls returns itself. So a
 * refusal by the kernel is not mistaken for one by the filter.
 *
 * @module
 */

import {
  AF_PACKET,
  AF_UNIX,
  close,
  compileFilter,
  dropPrivileges,
  Errno,
  installFilter,
  lastErrno,
  libc,
  SOCK_RAW,
  SOCK_SEQPACKET,
  socket,
  socketpair,
  type SyscallPolicy,
} from "../../../../ffi/mod.ts";
import { prepareForFilter, receiveOnlyPolicy } from "../../../../lib/confine/policy.ts";
import { calls, inWords, meaning } from "../../../support/cbpf.ts";
import { printJson } from "../../../ffi/programs/print_json.ts";

const MARKER = "EAFNOSUPPORT";
const { arch } = Deno.build;

/** Allowed calls that never return. ppoll(2) without descriptors waits forever. */
const WITHOUT_RETURN = /^(exit|exit_group|rt_sigreturn|ppoll\(0x0)\b/;

/**
 * uretprobe and uprobe of x86_64, which the kernel lets pass any filter and answers with SIGILL,
 * unless the call comes from a probe that the kernel set (`seccomp_uprobe_exception` in
 * kernel/seccomp.c).
 */
const PAST_EVERY_FILTER = arch === "x86_64" ? [335, 336] : [];

const packetFd = socket(AF_PACKET, SOCK_RAW, 0);
const [channelFd, farFd] = socketpair(AF_UNIX, SOCK_SEQPACKET, 0);
close(farFd);
const policy = receiveOnlyPolicy({ packetFd, channelFd, ioUring: false, pid: Deno.pid });
const marked: SyscallPolicy = {
  rules: policy.rules.map((rule) => rule.action === "EPERM" ? { ...rule, action: MARKER } : rule),
  otherwise: { action: MARKER, reason: "a test" },
};
const attempts = [...calls(policy, arch)].map((call) => ({
  call,
  allowed: meaning(policy, arch, call) === 0x7fff0000,
  words: inWords(arch, call),
})).filter(({ call, words }) =>
  !WITHOUT_RETURN.test(words) && !PAST_EVERY_FILTER.includes(call.nr)
);

prepareForFilter();
dropPrivileges({ uid: 65534, gid: 65534 });
installFilter(compileFilter(marked));

const seen = { allowed: 0, refused: 0, differences: [] as string[] };
for (const { call: { nr, args }, allowed, words } of attempts) {
  const [a, b, c, d, e, f] = args;
  const result = libc.syscall(BigInt(nr), a, b, c, d, e, f);
  const errno = result === -1 ? lastErrno() : 0;
  const refused = errno === Errno[MARKER] || words.startsWith("clone3(") && errno === Errno.ENOSYS;
  if (refused === allowed) seen.differences.push(`${words}: ${result}, errno ${errno}`);
  seen[allowed ? "allowed" : "refused"]++;
}
const x32 = libc.syscall(0x40000027n, 0n, 0n, 0n, 0n, 0n, 0n) === -1 ? lastErrno() : 0;
printJson({ ...seen, x32 });
