/**
 * The errnos that each system call may return: the section ERRORS of its manual page, and packet(7)
 * for operations on packet sockets.
 *
 * EFAULT is left out, since every pointer here is the tool's own, and so are second names
 * (EWOULDBLOCK).
 *
 * @module
 */

/** The errnos that are tried with every call, whatever its manual page lists. */
export const GENERAL = ["EINTR", "ENOMEM", "EMFILE", "EPERM"] as const;

const PACKET = "EADDRNOTAVAIL EINVAL EMSGSIZE ENETDOWN ENOBUFS ENODEV ENXIO";
const OPEN = "EACCES EBUSY EINTR EINVAL EISDIR ELOOP ENAMETOOLONG ENFILE ENODEV ENOENT ENOSPC " +
  "ENOTDIR ENXIO EOVERFLOW EROFS ETXTBSY";
const SEND = "EACCES EAGAIN EALREADY EBADF ECONNRESET EDESTADDRREQ EINVAL EISCONN EMSGSIZE " +
  `ENOBUFS ENOTCONN ENOTSOCK EOPNOTSUPP EPIPE ${PACKET}`;
const RECV = "EAGAIN EBADF ECONNREFUSED ECONNRESET EINVAL ENOTCONN ENOTSOCK ENETDOWN";
const STAT = "EACCES EBADF EINVAL ELOOP ENAMETOOLONG ENOENT ENOTDIR EOVERFLOW";
const CREDENTIALS = "EAGAIN EINVAL";

/**
 * The errnos of each system call, as strace names it, or function of libc. A call without errnos of
 * its own can fail only in the general ways.
 */
const FROM_MANUALS: { readonly [syscall: string]: string } = {
  alarm: "",
  bind: `EACCES EADDRINUSE EBADF ENOTSOCK ${PACKET}`,
  bpf: "E2BIG EACCES EBADF EINVAL ENOENT",
  capget: "EINVAL ESRCH",
  capset: "EINVAL ESRCH",
  clock_gettime: "EACCES EINVAL ENODEV",
  clone: "EACCES EAGAIN EBUSY EINVAL ENOSPC EUSERS",
  clone3: "EACCES EAGAIN EBUSY EINVAL ENOSPC EUSERS ENOSYS",
  close: "EBADF EIO ENOSPC EDQUOT",
  close_range: "EINVAL",
  connect: "EACCES EADDRINUSE EADDRNOTAVAIL EAFNOSUPPORT EAGAIN EALREADY EBADF ECONNREFUSED " +
    "EINPROGRESS EISCONN ENETUNREACH ENOTSOCK EPROTOTYPE ETIMEDOUT",
  dup: "EBADF EBUSY",
  execve: "E2BIG EACCES EAGAIN EINVAL EIO ELOOP ENFILE ENOENT ENOEXEC ENOTDIR ETXTBSY",
  fchmod: "EBADF EIO EROFS",
  fchown: "EBADF EINVAL EIO EROFS",
  fcntl: "EACCES EAGAIN EBADF EBUSY EDEADLK EINVAL ENOLCK ENOTDIR",
  fstat: STAT,
  ftruncate: "EACCES EFBIG EINVAL EIO EROFS ETXTBSY EBADF",
  getpwnam_r: "EIO ENFILE ENOENT",
  if_nametoindex: "ENODEV ENXIO",
  getdents64: "EBADF EINVAL ENOENT ENOTDIR",
  getgroups: "EINVAL",
  getpeername: "EBADF EINVAL ENOBUFS ENOTCONN ENOTSOCK",
  getpid: "",
  getppid: "",
  getresgid: "",
  getresuid: "",
  gettid: "",
  getsockname: "EBADF EINVAL ENOBUFS ENOTSOCK",
  getsockopt: "EBADF EINVAL ENOPROTOOPT ENOTSOCK",
  io_uring_enter: "EAGAIN EBADF EBADFD EBADR EBUSY EINVAL ENXIO EOPNOTSUPP",
  io_uring_register: "EACCES EBADF EBADFD EBUSY EEXIST EINVAL ENXIO EOPNOTSUPP",
  io_uring_setup: "EACCES EINVAL ENFILE ENOSYS",
  ioctl: "EBADF EINVAL ENOTTY ENODEV",
  kcmp: "EBADF EINVAL ESRCH",
  kill: "EINVAL ESRCH",
  linkat:
    "EACCES EBADF EDQUOT EEXIST EIO ELOOP EMLINK ENAMETOOLONG ENOENT ENOSPC ENOTDIR EROFS EXDEV",
  lseek: "EBADF EINVAL ENXIO EOVERFLOW ESPIPE",
  memfd_create: "EINVAL ENFILE",
  mmap: "EACCES EAGAIN EBADF EEXIST EINVAL ENFILE ENODEV EOVERFLOW ETXTBSY",
  munmap: "EINVAL",
  newfstatat: STAT,
  open: OPEN,
  openat: OPEN,
  pidfd_getfd: "EBADF EINVAL ENFILE ESRCH",
  pidfd_open: "EINVAL ENFILE ENODEV ESRCH",
  pipe2: "EINVAL ENFILE",
  poll: "EINVAL",
  pollAsync: "EINVAL",
  prctl: "EACCES EBADF EBUSY EINVAL ENODEV ENXIO EOPNOTSUPP ERANGE",
  posix_spawn: "E2BIG EACCES EAGAIN ENOENT ENOEXEC",
  pthread_create: "EAGAIN EINVAL",
  pthread_join: "EDEADLK EINVAL ESRCH",
  pthread_sigmask: "EINVAL",
  waitpid: "ECHILD EINVAL",
  pread64: "EAGAIN EBADF EINVAL EIO EISDIR ESPIPE",
  prlimit64: "EINVAL ESRCH",
  process_vm_readv: "EINVAL ESRCH",
  ptrace: "EBUSY EINVAL EIO ESRCH",
  read: "EAGAIN EBADF EINVAL EIO EISDIR",
  readlink: "EACCES EBADF EINVAL EIO ELOOP ENAMETOOLONG ENOENT ENOTDIR",
  recvfrom: RECV,
  recvmmsg: RECV,
  recvmsg: RECV,
  rt_sigaction: "EINVAL",
  rt_sigprocmask: "EINVAL",
  seccomp: "EACCES EBUSY EINVAL EOPNOTSUPP ESRCH",
  sem_init: "EINVAL ENOSYS",
  sem_post: "EINVAL EOVERFLOW",
  sendmmsg: SEND,
  sendmsg: `${SEND} ETOOMANYREFS`,
  sendto: SEND,
  setgroups: "EINVAL",
  setns: "EBADF EINVAL ENOMEM",
  setsid: "",
  setresgid: CREDENTIALS,
  setresuid: CREDENTIALS,
  setrlimit: "EINVAL ESRCH",
  setsockopt: "EBADF EINVAL ENOPROTOOPT ENOTSOCK ENODEV EBUSY EALREADY EADDRINUSE",
  sigaction: "EINVAL",
  shutdown: "EBADF EINVAL ENOTCONN ENOTSOCK EOPNOTSUPP",
  socket: "EACCES EAFNOSUPPORT EINVAL ENFILE ENOBUFS EPROTONOSUPPORT",
  socketpair: "EAFNOSUPPORT ENFILE EOPNOTSUPP EPROTONOSUPPORT",
  tgkill: "EAGAIN EINVAL ESRCH",
  timer_create: "EAGAIN EINVAL ENOTSUP",
  timer_settime: "EINVAL",
  tkill: "EAGAIN EINVAL EPERM ESRCH",
  unshare: "EINVAL ENOMEM ENOSPC EUSERS",
  waitid: "ECHILD EINVAL ESRCH",
  wait4: "ECHILD EINVAL ESRCH",
  write: "EAGAIN EBADF EDESTADDRREQ EDQUOT EFBIG EINVAL EIO ENOSPC EPIPE",
};

/** Whether the table has a call. A new call must be added to it. */
export function isKnown(syscall: string): boolean {
  return Object.hasOwn(FROM_MANUALS, syscall);
}

/** The errnos that are tried with a call: those of its manual page, then the general ones. */
export function errnosOf(syscall: string): string[] {
  const own = (FROM_MANUALS[syscall] ?? "").split(" ").filter((name) => name !== "");
  return [...new Set([...own, ...GENERAL])];
}
