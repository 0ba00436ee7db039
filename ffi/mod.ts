/**
 * What libc and the Linux kernel say, as TypeScript: descriptor passing, packet sockets, a privilege drop that holds.
 *
 * ```ts
 * import { AF_UNIX, SOCK_SEQPACKET, socketpair } from "./mod.ts";
 *
 * const [here, there] = socketpair(AF_UNIX, SOCK_SEQPACKET, 0);
 * ```
 *
 * Needs Deno 2.9, 64-bit Linux (x86_64 or aarch64), glibc 2.34 and `--allow-ffi`.
 *
 * @module
 */

export * from "./bpf.ts";
export * from "./clock.ts";
export * from "./cmsg.ts";
export * from "./constants.ts";
export * from "./credentials.ts";
export * from "./descriptor.ts";
export * from "./ebpf.ts";
export * from "./errno.ts";
export * from "./fields.ts";
export * from "./file.ts";
export * from "./inet.ts";
export * from "./installed_filters.ts";
export * from "./io_uring.ts";
export * from "./kcmp.ts";
export * from "./layouts.ts";
export * from "./libc.ts";
export * from "./memory.ts";
export * from "./message_vector.ts";
export * from "./namespaces.ts";
export * from "./packet_ring.ts";
export * from "./pidfd.ts";
export * from "./process.ts";
export * from "./provided_buffers.ts";
export * from "./ptrace.ts";
export * from "./raw_syscall.ts";
export * from "./registers.ts";
export * from "./rtnetlink.ts";
export * from "./scm_rights.ts";
export * from "./seccomp.ts";
export * from "./signals.ts";
export * from "./socket.ts";
export * from "./struct.ts";
export * from "./syscalls.ts";
export * from "./threads.ts";
export * from "./users.ts";
