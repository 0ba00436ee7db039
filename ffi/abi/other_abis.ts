/**
 * The other ways into an x86_64 kernel: the calls of 32-bit programs (i386), and those of the x32
 * ABI. Any 64-bit process can make them, so a filter of system calls must know their numbers too.
 *
 * The tables have the calls that a holder of a packet socket could misuse. A test compares them
 * with the headers of the kernel.
 *
 * @module
 */

import type { SyscallName } from "./syscalls.ts";

/** `AUDIT_ARCH_I386`. Source: linux/audit.h. */
export const AUDIT_ARCH_I386 = 0x40000003;

/** `AUDIT_ARCH_ARM`: 32-bit programs on aarch64. Source: linux/audit.h. */
export const AUDIT_ARCH_ARM = 0x40000028;

/** `__X32_SYSCALL_BIT`, which marks the numbers of x32. Source: asm/unistd.h. */
export const X32_BIT = 0x40000000;

/** Name → the number for 32-bit programs. `mmap` is mmap2. Source: asm/unistd_32.h. */
export const I386_SYSCALLS: Partial<Record<SyscallName, number>> = {
  bind: 361,
  bpf: 357,
  capset: 185,
  clone: 120,
  clone3: 435,
  creat: 8,
  dup: 41,
  dup2: 63,
  dup3: 330,
  execve: 11,
  execveat: 358,
  fcntl: 55,
  fork: 2,
  io_setup: 245,
  io_submit: 248,
  io_uring_enter: 426,
  io_uring_setup: 425,
  ioctl: 54,
  kill: 37,
  memfd_create: 356,
  mmap: 192,
  open: 5,
  openat: 295,
  openat2: 437,
  pidfd_getfd: 438,
  pidfd_open: 434,
  pidfd_send_signal: 424,
  pipe: 42,
  pipe2: 331,
  prctl: 172,
  prlimit64: 340,
  process_vm_readv: 347,
  ptrace: 26,
  pwrite64: 181,
  pwritev2: 379,
  readlink: 85,
  readlinkat: 305,
  recvmmsg: 337,
  recvmsg: 372,
  rt_sigqueueinfo: 178,
  rt_tgsigqueueinfo: 335,
  sendfile: 187,
  sendmmsg: 345,
  sendmsg: 370,
  sendto: 369,
  setrlimit: 75,
  setsockopt: 366,
  shutdown: 373,
  socket: 359,
  socketpair: 360,
  splice: 313,
  tgkill: 270,
  tkill: 238,
  unshare: 310,
  vfork: 190,
  write: 4,
  writev: 146,
};

/**
 * Name → a second number for 32-bit programs, with the same arguments: fcntl64, recvmmsg_time64,
 * sendfile64. Source: asm/unistd_32.h.
 */
export const I386_SECOND_SYSCALLS: Partial<Record<SyscallName, number>> = {
  fcntl: 221,
  recvmmsg: 417,
  sendfile: 239,
};

/**
 * `mmap`, the older one, whose arguments lie in memory: old_mmap in arch/x86/kernel/sys_ia32.c.
 */
export const I386_OLD_MMAP = 90;

/**
 * `socketcall`, by which 32-bit programs make any call of a socket: its arguments lie in memory.
 * Source: asm/unistd_32.h, socketcall(2).
 */
export const I386_SOCKETCALL = 102;

/** The first argument of socketcall(2) for each call. Source: linux/net.h. */
export const SOCKETCALLS: Partial<Record<SyscallName, number>> = {
  socket: 1,
  bind: 2,
  socketpair: 8,
  sendto: 11,
  shutdown: 13,
  setsockopt: 14,
  sendmsg: 16,
  recvmsg: 17,
  recvmmsg: 19,
  sendmmsg: 20,
};

/**
 * Name → the number of x32 without its bit, where it is another than that of x86_64. Source:
 * asm/unistd_x32.h.
 */
export const X32_SYSCALLS: Partial<Record<SyscallName, number>> = {
  execve: 520,
  execveat: 545,
  io_setup: 543,
  io_submit: 544,
  ioctl: 514,
  process_vm_readv: 539,
  ptrace: 521,
  pwritev2: 547,
  recvmmsg: 537,
  recvmsg: 519,
  rt_sigqueueinfo: 524,
  rt_tgsigqueueinfo: 536,
  sendmmsg: 538,
  sendmsg: 518,
  setsockopt: 541,
  writev: 516,
};
