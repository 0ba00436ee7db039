/**
 * The one door to libc: every function that this project calls, each beside its C prototype.
 *
 * Three conventions hold throughout:
 *
 * - A result of type `ssize_t` is read as `i32`. Deno returns 64-bit results as `bigint`, for which
 *   `=== -1` never holds and which costs an allocation; no call here moves 2 GiB.
 * - `fcntl`, `prctl`, `open`, `ioctl` and `syscall` are variadic in C. On x86_64 and aarch64 Linux an integer or a
 *   pointer that is passed through `...` travels in the register that a named parameter would.
 * - With `--allow-ffi=PATH` Deno lets a program call that library, but neither take an address nor follow one. So libc does
 *   both here: memmove(3) returns the address of its argument, and memcpy(3) copies from a pointer.
 * - Nothing here looks at errno: {@linkcode check} in `errno.ts` does, in the very next call.
 *
 * @module
 */

/** What Deno is told of each function, with its prototype. */
export const LIBC_SYMBOLS = {
  socket: {
    prototype: "int socket(int domain, int type, int protocol)",
    parameters: ["i32", "i32", "i32"] as [domain: "i32", type: "i32", protocol: "i32"],
    result: "i32",
  },
  bind: {
    prototype: "int bind(int sockfd, const struct sockaddr *addr, socklen_t addrlen)",
    parameters: ["i32", "buffer", "u32"] as [sockfd: "i32", addr: "buffer", addrlen: "u32"],
    result: "i32",
  },
  connect: {
    prototype: "int connect(int sockfd, const struct sockaddr *addr, socklen_t addrlen)",
    parameters: ["i32", "buffer", "u32"] as [sockfd: "i32", addr: "buffer", addrlen: "u32"],
    result: "i32",
  },
  socketpair: {
    prototype: "int socketpair(int domain, int type, int protocol, int sv[2])",
    parameters: ["i32", "i32", "i32", "buffer"] as [
      domain: "i32",
      type: "i32",
      protocol: "i32",
      sv: "buffer",
    ],
    result: "i32",
  },
  shutdown: {
    prototype: "int shutdown(int sockfd, int how)",
    parameters: ["i32", "i32"] as [sockfd: "i32", how: "i32"],
    result: "i32",
  },
  getsockname: {
    prototype: "int getsockname(int sockfd, struct sockaddr *addr, socklen_t *addrlen)",
    parameters: ["i32", "buffer", "buffer"] as [sockfd: "i32", addr: "buffer", addrlen: "buffer"],
    result: "i32",
  },
  getpeername: {
    prototype: "int getpeername(int sockfd, struct sockaddr *addr, socklen_t *addrlen)",
    parameters: ["i32", "buffer", "buffer"] as [sockfd: "i32", addr: "buffer", addrlen: "buffer"],
    result: "i32",
  },
  getsockopt: {
    prototype:
      "int getsockopt(int sockfd, int level, int optname, void *optval, socklen_t *optlen)",
    parameters: ["i32", "i32", "i32", "buffer", "buffer"] as [
      sockfd: "i32",
      level: "i32",
      optname: "i32",
      optval: "buffer",
      optlen: "buffer",
    ],
    result: "i32",
  },
  setsockopt: {
    prototype:
      "int setsockopt(int sockfd, int level, int optname, const void *optval, socklen_t optlen)",
    parameters: ["i32", "i32", "i32", "buffer", "u32"] as [
      sockfd: "i32",
      level: "i32",
      optname: "i32",
      optval: "buffer",
      optlen: "u32",
    ],
    result: "i32",
  },
  sendto: {
    prototype:
      "ssize_t sendto(int sockfd, const void *buf, size_t len, int flags, const struct sockaddr *addr, socklen_t addrlen)",
    parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"] as [
      sockfd: "i32",
      buf: "buffer",
      len: "usize",
      flags: "i32",
      addr: "buffer",
      addrlen: "u32",
    ],
    result: "i32",
  },
  recvfrom: {
    prototype:
      "ssize_t recvfrom(int sockfd, void *buf, size_t len, int flags, struct sockaddr *addr, socklen_t *addrlen)",
    parameters: ["i32", "buffer", "usize", "i32", "buffer", "buffer"] as [
      sockfd: "i32",
      buf: "buffer",
      len: "usize",
      flags: "i32",
      addr: "buffer",
      addrlen: "buffer",
    ],
    result: "i32",
  },
  sendmsg: {
    prototype: "ssize_t sendmsg(int sockfd, const struct msghdr *msg, int flags)",
    parameters: ["i32", "buffer", "i32"] as [sockfd: "i32", msg: "buffer", flags: "i32"],
    result: "i32",
  },
  recvmsg: {
    prototype: "ssize_t recvmsg(int sockfd, struct msghdr *msg, int flags)",
    parameters: ["i32", "buffer", "i32"] as [sockfd: "i32", msg: "buffer", flags: "i32"],
    result: "i32",
  },
  recvmmsg: {
    prototype:
      "int recvmmsg(int sockfd, struct mmsghdr *msgvec, unsigned int vlen, int flags, struct timespec *timeout)",
    parameters: ["i32", "buffer", "u32", "i32", "buffer"] as [
      sockfd: "i32",
      msgvec: "buffer",
      vlen: "u32",
      flags: "i32",
      timeout: "buffer",
    ],
    result: "i32",
  },
  poll: {
    prototype: "int poll(struct pollfd *fds, nfds_t nfds, int timeout)",
    parameters: ["buffer", "usize", "i32"] as [fds: "buffer", nfds: "usize", timeout: "i32"],
    result: "i32",
  },
  // The same call on a thread of its own, so that the event loop (signals, timers, pipes) goes on.
  // Its errno stays on that thread and is lost.
  pollAsync: {
    prototype: "int poll(struct pollfd *fds, nfds_t nfds, int timeout)",
    name: "poll",
    parameters: ["buffer", "usize", "i32"] as [fds: "buffer", nfds: "usize", timeout: "i32"],
    result: "i32",
    nonblocking: true,
  },
  if_nametoindex: {
    prototype: "unsigned int if_nametoindex(const char *ifname)",
    parameters: ["buffer"] as [ifname: "buffer"],
    result: "u32",
  },

  open: {
    prototype: "int open(const char *pathname, int flags, ... /* mode_t mode */)",
    parameters: ["buffer", "i32", "u32"] as [pathname: "buffer", flags: "i32", mode: "u32"],
    result: "i32",
  },
  linkat: {
    prototype:
      "int linkat(int olddirfd, const char *oldpath, int newdirfd, const char *newpath, int flags)",
    parameters: ["i32", "buffer", "i32", "buffer", "i32"] as [
      olddirfd: "i32",
      oldpath: "buffer",
      newdirfd: "i32",
      newpath: "buffer",
      flags: "i32",
    ],
    result: "i32",
  },
  read: {
    prototype: "ssize_t read(int fd, void *buf, size_t count)",
    parameters: ["i32", "buffer", "usize"] as [fd: "i32", buf: "buffer", count: "usize"],
    result: "i32",
  },
  readlink: {
    prototype: "ssize_t readlink(const char *pathname, char *buf, size_t bufsiz)",
    parameters: ["buffer", "buffer", "usize"] as [
      pathname: "buffer",
      buf: "buffer",
      bufsiz: "usize",
    ],
    result: "i32",
  },
  getdents64: {
    prototype: "ssize_t getdents64(int fd, void *dirp, size_t count)",
    parameters: ["i32", "buffer", "usize"] as [fd: "i32", dirp: "buffer", count: "usize"],
    result: "i32",
  },
  close: {
    prototype: "int close(int fd)",
    parameters: ["i32"] as [fd: "i32"],
    result: "i32",
  },
  pipe2: {
    prototype: "int pipe2(int pipefd[2], int flags)",
    parameters: ["buffer", "i32"] as [pipefd: "buffer", flags: "i32"],
    result: "i32",
  },
  dup: {
    prototype: "int dup(int oldfd)",
    parameters: ["i32"] as [oldfd: "i32"],
    result: "i32",
  },
  close_range: {
    prototype: "int close_range(unsigned int first, unsigned int last, int flags)",
    parameters: ["u32", "u32", "i32"] as [first: "u32", last: "u32", flags: "i32"],
    result: "i32",
  },
  fcntl: {
    prototype: "int fcntl(int fd, int cmd, ... /* int arg */)",
    parameters: ["i32", "i32", "i32"] as [fd: "i32", cmd: "i32", arg: "i32"],
    result: "i32",
  },

  setgroups: {
    prototype: "int setgroups(size_t size, const gid_t *list)",
    parameters: ["usize", "buffer"] as [size: "usize", list: "buffer"],
    result: "i32",
  },
  setresgid: {
    prototype: "int setresgid(gid_t rgid, gid_t egid, gid_t sgid)",
    parameters: ["u32", "u32", "u32"] as [rgid: "u32", egid: "u32", sgid: "u32"],
    result: "i32",
  },
  setresuid: {
    prototype: "int setresuid(uid_t ruid, uid_t euid, uid_t suid)",
    parameters: ["u32", "u32", "u32"] as [ruid: "u32", euid: "u32", suid: "u32"],
    result: "i32",
  },
  getgroups: {
    prototype: "int getgroups(int size, gid_t list[])",
    parameters: ["i32", "buffer"] as [size: "i32", list: "buffer"],
    result: "i32",
  },
  getresgid: {
    prototype: "int getresgid(gid_t *rgid, gid_t *egid, gid_t *sgid)",
    parameters: ["buffer", "buffer", "buffer"] as [rgid: "buffer", egid: "buffer", sgid: "buffer"],
    result: "i32",
  },
  getresuid: {
    prototype: "int getresuid(uid_t *ruid, uid_t *euid, uid_t *suid)",
    parameters: ["buffer", "buffer", "buffer"] as [ruid: "buffer", euid: "buffer", suid: "buffer"],
    result: "i32",
  },
  capget: {
    prototype: "int capget(cap_user_header_t hdrp, cap_user_data_t datap)",
    parameters: ["buffer", "buffer"] as [hdrp: "buffer", datap: "buffer"],
    result: "i32",
  },
  prctl: {
    prototype: "int prctl(int op, ... /* unsigned long arg2, arg3, arg4, arg5 */)",
    parameters: ["i32", "usize", "usize", "usize", "usize"] as [
      op: "i32",
      arg2: "usize",
      arg3: "usize",
      arg4: "usize",
      arg5: "usize",
    ],
    result: "i32",
  },
  setsid: {
    prototype: "pid_t setsid(void)",
    parameters: [],
    result: "i32",
  },
  getppid: {
    prototype: "pid_t getppid(void)",
    parameters: [],
    result: "i32",
  },
  waitpid: {
    prototype: "pid_t waitpid(pid_t pid, int *wstatus, int options)",
    parameters: ["i32", "buffer", "i32"] as [pid: "i32", wstatus: "buffer", options: "i32"],
    result: "i32",
  },
  unshare: {
    prototype: "int unshare(int flags)",
    parameters: ["i32"] as [flags: "i32"],
    result: "i32",
  },
  setns: {
    prototype: "int setns(int fd, int nstype)",
    parameters: ["i32", "i32"] as [fd: "i32", nstype: "i32"],
    result: "i32",
  },
  setrlimit: {
    prototype: "int setrlimit(int resource, const struct rlimit *rlim)",
    parameters: ["i32", "buffer"] as [resource: "i32", rlim: "buffer"],
    result: "i32",
  },
  ioctl: {
    prototype: "int ioctl(int fd, unsigned long op, ... /* void *argp */)",
    parameters: ["i32", "usize", "buffer"] as [fd: "i32", op: "usize", argp: "buffer"],
    result: "i32",
  },
  write: {
    prototype: "ssize_t write(int fd, const void *buf, size_t count)",
    parameters: ["i32", "buffer", "usize"] as [fd: "i32", buf: "buffer", count: "usize"],
    result: "i32",
  },
  posix_spawn: {
    prototype:
      "int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *file_actions, const posix_spawnattr_t *attrp, char *const argv[], char *const envp[])",
    parameters: ["buffer", "buffer", "buffer", "buffer", "buffer", "buffer"] as [
      pid: "buffer",
      path: "buffer",
      file_actions: "buffer",
      attrp: "buffer",
      argv: "buffer",
      envp: "buffer",
    ],
    result: "i32",
  },
  pthread_sigmask: {
    prototype: "int pthread_sigmask(int how, const sigset_t *set, sigset_t *oldset)",
    parameters: ["i32", "buffer", "buffer"] as [how: "i32", set: "buffer", oldset: "buffer"],
    result: "i32",
  },
  sigaction: {
    prototype: "int sigaction(int signum, const struct sigaction *act, struct sigaction *oldact)",
    parameters: ["i32", "buffer", "buffer"] as [signum: "i32", act: "buffer", oldact: "buffer"],
    result: "i32",
  },
  dlsym: {
    prototype: "void *dlsym(void *handle, const char *symbol)",
    parameters: ["pointer", "buffer"] as [handle: "pointer", symbol: "buffer"],
    result: "pointer",
  },
  pthread_create: {
    prototype:
      "int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start_routine)(void *), void *arg)",
    parameters: ["buffer", "buffer", "pointer", "usize"] as [
      thread: "buffer",
      attr: "buffer",
      start_routine: "pointer",
      arg: "usize",
    ],
    result: "i32",
  },
  pthread_join: {
    prototype: "int pthread_join(pthread_t thread, void **retval)",
    parameters: ["u64", "buffer"] as [thread: "u64", retval: "buffer"],
    result: "i32",
  },
  sem_init: {
    prototype: "int sem_init(sem_t *sem, int pshared, unsigned int value)",
    parameters: ["buffer", "i32", "u32"] as [sem: "buffer", pshared: "i32", value: "u32"],
    result: "i32",
  },
  sem_post: {
    prototype: "int sem_post(sem_t *sem)",
    parameters: ["buffer"] as [sem: "buffer"],
    result: "i32",
  },
  // These three return the errno, and leave none behind.
  getpwnam_r: {
    prototype:
      "int getpwnam_r(const char *name, struct passwd *pwd, char *buf, size_t buflen, struct passwd **result)",
    parameters: ["buffer", "buffer", "buffer", "usize", "buffer"] as [
      name: "buffer",
      pwd: "buffer",
      buf: "buffer",
      buflen: "usize",
      result: "buffer",
    ],
    result: "i32",
  },
  getpwuid_r: {
    prototype:
      "int getpwuid_r(uid_t uid, struct passwd *pwd, char *buf, size_t buflen, struct passwd **result)",
    parameters: ["u32", "buffer", "buffer", "usize", "buffer"] as [
      uid: "u32",
      pwd: "buffer",
      buf: "buffer",
      buflen: "usize",
      result: "buffer",
    ],
    result: "i32",
  },
  getgrnam_r: {
    prototype:
      "int getgrnam_r(const char *name, struct group *grp, char *buf, size_t buflen, struct group **result)",
    parameters: ["buffer", "buffer", "buffer", "usize", "buffer"] as [
      name: "buffer",
      grp: "buffer",
      buf: "buffer",
      buflen: "usize",
      result: "buffer",
    ],
    result: "i32",
  },

  clock_gettime: {
    prototype: "int clock_gettime(clockid_t clockid, struct timespec *tp)",
    parameters: ["i32", "buffer"] as [clockid: "i32", tp: "buffer"],
    result: "i32",
  },
  alarm: {
    prototype: "unsigned int alarm(unsigned int seconds)",
    parameters: ["u32"] as [seconds: "u32"],
    result: "u32",
  },
  syscall: {
    prototype: "long syscall(long number, ... /* long arg1, arg2, arg3, arg4, arg5, arg6 */)",
    parameters: ["isize", "usize", "usize", "usize", "usize", "usize", "usize"] as [
      number: "isize",
      arg1: "usize",
      arg2: "usize",
      arg3: "usize",
      arg4: "usize",
      arg5: "usize",
      arg6: "usize",
    ],
    result: "i32",
  },

  // The result as i32: an address of a page never ends in 32 bits of 1, as MAP_FAILED does.
  mmap: {
    prototype: "void *mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset)",
    parameters: ["usize", "usize", "i32", "i32", "i32", "i64"] as [
      addr: "usize",
      length: "usize",
      prot: "i32",
      flags: "i32",
      fd: "i32",
      offset: "i64",
    ],
    result: "i32",
  },
  memfd_create: {
    prototype: "int memfd_create(const char *name, unsigned int flags)",
    parameters: ["buffer", "u32"] as [name: "buffer", flags: "u32"],
    result: "i32",
  },
  ftruncate: {
    prototype: "int ftruncate(int fd, off_t length)",
    parameters: ["i32", "i64"] as [fd: "i32", length: "i64"],
    result: "i32",
  },
  getpagesize: {
    prototype: "int getpagesize(void)",
    parameters: [],
    result: "i32",
  },

  memcpy: {
    prototype: "void *memcpy(void *dest, const void *src, size_t n)",
    parameters: ["buffer", "pointer", "usize"] as [dest: "buffer", src: "pointer", n: "usize"],
    result: "void",
  },
  memmove: {
    prototype: "void *memmove(void *dest, const void *src, size_t n)",
    parameters: ["buffer", "buffer", "usize"] as [dest: "buffer", src: "buffer", n: "usize"],
    result: "u64",
  },
  strlen: {
    prototype: "size_t strlen(const char *s)",
    parameters: ["pointer"] as [s: "pointer"],
    result: "u32",
  },

  __errno_location: {
    prototype: "int *__errno_location(void)",
    parameters: [],
    result: "pointer",
  },
  strerror: {
    prototype: "char *strerror(int errnum)",
    parameters: ["i32"] as [errnum: "i32"],
    result: "pointer",
  },
  strerrorname_np: {
    prototype: "const char *strerrorname_np(int errnum)",
    parameters: ["i32"] as [errnum: "i32"],
    result: "pointer",
  },
  gnu_get_libc_version: {
    prototype: "const char *gnu_get_libc_version(void)",
    parameters: [],
    result: "pointer",
  },
} as const satisfies Record<string, Deno.ForeignFunction & { prototype: string }>;

/** The functions, by name. */
export type Libc = Deno.DynamicLibrary<typeof LIBC_SYMBOLS>["symbols"];

/**
 * libc's functions, as they are in C: they return -1 and leave errno behind.
 *
 * Each is bound at its first call, since Deno compiles a trampoline for it, which takes 0.3 ms: for all of them that would be half
 * the start-up of a process that needs a few. {@linkcode bindAll} does it ahead, for a process that will not
 * be able to later.
 */
export const libc: Libc = {} as Libc;

/** A function of the table: what C says of it, and what Deno is told. */
export interface LibcFunction {
  /** As in the manual, without the semicolon. */
  readonly prototype: string;
  /** Whether it is made on a thread of its own; the result is then a promise. */
  readonly nonblocking?: boolean;
}

/** A call of libc's. */
export type LibcCall = (...args: unknown[]) => unknown;

/** What is put in the place of a function. */
export type CallWrapper = (name: string, described: LibcFunction, call: LibcCall) => LibcCall;

let wrapper: CallWrapper | undefined;

/** Puts a wrapper around every function, those that are bound already too, but not around copies that somebody keeps. Once. */
export function wrapCalls(wrap: CallWrapper): void {
  const bound = Object.entries(Object.getOwnPropertyDescriptors(libc));
  for (const [name, { value }] of bound) {
    if (value === undefined) continue;
    const wrapped = wrap(name, LIBC_SYMBOLS[name as keyof Libc], value);
    Object.defineProperty(libc, name, { value: wrapped });
  }
  wrapper = wrap;
}

for (const name of Object.keys(LIBC_SYMBOLS) as (keyof Libc)[]) {
  Object.defineProperty(libc, name, {
    get: () => bind(name),
    configurable: true,
    enumerable: true,
  });
}

function bind<K extends keyof Libc>(name: K): Libc[K] {
  const library = Deno.dlopen("libc.so.6", { [name]: LIBC_SYMBOLS[name] });
  const call = (library.symbols as unknown as Libc)[name];
  const value = wrapper === undefined
    ? call
    : wrapper(name, LIBC_SYMBOLS[name], call as LibcCall) as Libc[K];
  Object.defineProperty(libc, name, { value, enumerable: true });
  return value;
}

/** Binds what is not bound yet: for a process that is about to lose the right to open libc or to map code. */
export function bindAll(): void {
  Object.values(libc);
}

/**
 * A copy of what a pointer points to.
 *
 * SAFETY: the caller knows that `length` bytes are there, and stay there until this returns.
 */
export function bytesAt(pointer: Deno.PointerObject, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  libc.memcpy(bytes, pointer, BigInt(length));
  return bytes;
}

/** A copy of the C string that a pointer points to; `undefined` for NULL. */
export function textAt(pointer: Deno.PointerValue): string | undefined {
  if (pointer === null) return undefined;
  return new TextDecoder().decode(bytesAt(pointer, libc.strlen(pointer)));
}

/**
 * A C string: UTF-8, with the NUL that ends it.
 *
 * @throws {RangeError} If there is a NUL in the text: C would read only what is before it.
 */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  if (text.includes("\0")) throw new RangeError(`NUL in ${JSON.stringify(text)}`);
  return new TextEncoder().encode(text + "\0");
}

/** gnu_get_libc_version(3): glibc's release, such as `2.36`. */
export function libcVersion(): string {
  return textAt(libc.gnu_get_libc_version()) ?? "unknown";
}
