/**
 * libc and Linux kernel interfaces in TypeScript: descriptor passing, packet sockets, system call
 * filters, and a verified privilege drop.
 *
 * ```ts
 * import { AF_UNIX, SOCK_SEQPACKET, socketpair } from "./mod.ts";
 *
 * const [here, there] = socketpair(AF_UNIX, SOCK_SEQPACKET, 0);
 * ```
 *
 * Needs Deno 2.6, 64-bit Linux (x86_64 or aarch64), glibc 2.34 and `--allow-ffi`.
 *
 * @module
 */

export { filterResult } from "./seccomp/actions.ts";
export * from "./packet/bpf.ts";
export * from "./seccomp/call_data.ts";
export * from "./process/capabilities.ts";
export * from "./process/clock.ts";
export * from "./socket/calls.ts";
export * from "./socket/cmsg.ts";
export * from "./abi/constants.ts";
export * from "./process/credentials.ts";
export * from "./process/descriptor.ts";
export * from "./packet/disassemble.ts";
export * from "./seccomp/disassemble.ts";
export * from "./packet/ebpf.ts";
export * from "./abi/errno.ts";
export * from "./abi/fields.ts";
export * from "./seccomp/evaluate.ts";
export * from "./seccomp/explain_answer.ts";
export * from "./process/every_thread.ts";
export * from "./process/file.ts";
export * from "./seccomp/filter_validity.ts";
export * from "./socket/inet.ts";
export * from "./seccomp/installed_filters.ts";
export * from "./seccomp/possible_answers.ts";
export * from "./io_uring/io_uring.ts";
export * from "./process/kcmp.ts";
export * from "./abi/layouts.ts";
export * from "./abi/libc.ts";
export * from "./socket/link_monitor.ts";
export * from "./socket/link_settings.ts";
export * from "./abi/memory.ts";
export * from "./socket/message.ts";
export * from "./socket/message_vector.ts";
export * from "./process/namespaces.ts";
export * from "./socket/interface_name.ts";
export * from "./socket/packet_diag.ts";
export * from "./packet/packet_ring.ts";
export * from "./process/pidfd.ts";
export * from "./socket/poll.ts";
export * from "./process/proc.ts";
export * from "./process/process.ts";
export * from "./io_uring/provided_buffers.ts";
export * from "./ptrace/stopped_thread.ts";
export { is32Bit, isKernelThread } from "./ptrace/thread_state.ts";
export * from "./abi/raw_syscall.ts";
export * from "./ptrace/registers.ts";
export * from "./socket/rtnetlink.ts";
export * from "./socket/scm_rights.ts";
export * from "./seccomp/seccomp.ts";
export * from "./process/signals.ts";
export * from "./abi/struct.ts";
export * from "./abi/syscall_names.ts";
export * from "./abi/syscalls.ts";
export { isNative, type ThreadCall } from "./ptrace/thread_call.ts";
export * from "./process/threads.ts";
export * from "./process/users.ts";
export * from "./packet/vlan_tag.ts";
