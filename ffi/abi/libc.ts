/**
 * The functions of libc that this project calls, each with its C prototype.
 *
 * Four conventions hold throughout:
 *
 * - A result of type `ssize_t` is declared as `i32`. Deno returns 64-bit results as `bigint`, which
 *   never equals `-1` and costs an allocation; no call here moves 2 GiB.
 * - `fcntl`, `prctl`, `open`, `ioctl` and `syscall` are variadic in C. On x86_64 and aarch64 Linux
 *   an integer or a pointer that is passed through `...` travels in the register that a named
 *   parameter would use.
 * - With `--allow-ffi=PATH` Deno lets a program call that library, but neither take an address nor
 *   follow one. So libc does both: memmove(3) returns the address of its argument, and memcpy(3)
 *   copies from a pointer.
 * - These functions do not read errno. {@linkcode check} in `errno.ts` reads it in the very next
 *   call.
 *
 * @module
 */

/** The signature of each function for Deno, beside its prototype. */
export const LIBC_SYMBOLS = {
  socket: {
    prototype: "int socket(int domain, int type, int protocol)",
    parameters: ["i32", "i32", "i32"],
    result: "i32",
  },
  bind: {
    prototype: "int bind(int sockfd, const struct sockaddr *addr, socklen_t addrlen)",
    parameters: ["i32", "buffer", "u32"],
    result: "i32",
  },
  connect: {
    prototype: "int connect(int sockfd, const struct sockaddr *addr, socklen_t addrlen)",
    parameters: ["i32", "buffer", "u32"],
    result: "i32",
  },
  socketpair: {
    prototype: "int socketpair(int domain, int type, int protocol, int sv[2])",
    parameters: ["i32", "i32", "i32", "buffer"],
    result: "i32",
  },
  shutdown: {
    prototype: "int shutdown(int sockfd, int how)",
    parameters: ["i32", "i32"],
    result: "i32",
  },
  getsockname: {
    prototype: "int getsockname(int sockfd, struct sockaddr *addr, socklen_t *addrlen)",
    parameters: ["i32", "buffer", "buffer"],
    result: "i32",
  },
  getpeername: {
    prototype: "int getpeername(int sockfd, struct sockaddr *addr, socklen_t *addrlen)",
    parameters: ["i32", "buffer", "buffer"],
    result: "i32",
  },
  getsockopt: {
    prototype:
      "int getsockopt(int sockfd, int level, int optname, void *optval, socklen_t *optlen)",
    parameters: ["i32", "i32", "i32", "buffer", "buffer"],
    result: "i32",
  },
  setsockopt: {
    prototype:
      "int setsockopt(int sockfd, int level, int optname, const void *optval, socklen_t optlen)",
    parameters: ["i32", "i32", "i32", "buffer", "u32"],
    result: "i32",
  },
  sendto: {
    prototype:
      "ssize_t sendto(int sockfd, const void *buf, size_t len, int flags, const struct sockaddr *addr, socklen_t addrlen)",
    parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"],
    result: "i32",
  },
  recvfrom: {
    prototype:
      "ssize_t recvfrom(int sockfd, void *buf, size_t len, int flags, struct sockaddr *addr, socklen_t *addrlen)",
    parameters: ["i32", "buffer", "usize", "i32", "buffer", "buffer"],
    result: "i32",
  },
  sendmsg: {
    prototype: "ssize_t sendmsg(int sockfd, const struct msghdr *msg, int flags)",
    parameters: ["i32", "buffer", "i32"],
    result: "i32",
  },
  recvmsg: {
    prototype: "ssize_t recvmsg(int sockfd, struct msghdr *msg, int flags)",
    parameters: ["i32", "buffer", "i32"],
    result: "i32",
  },
  recvmmsg: {
    prototype:
      "int recvmmsg(int sockfd, struct mmsghdr *msgvec, unsigned int vlen, int flags, struct timespec *timeout)",
    parameters: ["i32", "buffer", "u32", "i32", "buffer"],
    result: "i32",
  },
  poll: {
    prototype: "int poll(struct pollfd *fds, nfds_t nfds, int timeout)",
    parameters: ["buffer", "usize", "i32"],
    result: "i32",
  },
  // The same call on a thread of its own, so that the event loop (signals, timers, pipes)
  // continues. Its errno stays on that thread and is lost.
  pollAsync: {
    prototype: "int poll(struct pollfd *fds, nfds_t nfds, int timeout)",
    name: "poll",
    parameters: ["buffer", "usize", "i32"],
    result: "i32",
    nonblocking: true,
  },
  if_nametoindex: {
    prototype: "unsigned int if_nametoindex(const char *ifname)",
    parameters: ["buffer"],
    result: "u32",
  },

  open: {
    prototype: "int open(const char *pathname, int flags, ... /* mode_t mode */)",
    parameters: ["buffer", "i32", "u32"],
    result: "i32",
  },
  fchmod: {
    prototype: "int fchmod(int fd, mode_t mode)",
    parameters: ["i32", "u32"],
    result: "i32",
  },
  fchown: {
    prototype: "int fchown(int fd, uid_t owner, gid_t group)",
    parameters: ["i32", "u32", "u32"],
    result: "i32",
  },
  linkat: {
    prototype:
      "int linkat(int olddirfd, const char *oldpath, int newdirfd, const char *newpath, int flags)",
    parameters: ["i32", "buffer", "i32", "buffer", "i32"],
    result: "i32",
  },
  read: {
    prototype: "ssize_t read(int fd, void *buf, size_t count)",
    parameters: ["i32", "buffer", "usize"],
    result: "i32",
  },
  readlink: {
    prototype: "ssize_t readlink(const char *pathname, char *buf, size_t bufsiz)",
    parameters: ["buffer", "buffer", "usize"],
    result: "i32",
  },
  getdents64: {
    prototype: "ssize_t getdents64(int fd, void *dirp, size_t count)",
    parameters: ["i32", "buffer", "usize"],
    result: "i32",
  },
  close: {
    prototype: "int close(int fd)",
    parameters: ["i32"],
    result: "i32",
  },
  pipe2: {
    prototype: "int pipe2(int pipefd[2], int flags)",
    parameters: ["buffer", "i32"],
    result: "i32",
  },
  dup: {
    prototype: "int dup(int oldfd)",
    parameters: ["i32"],
    result: "i32",
  },
  close_range: {
    prototype: "int close_range(unsigned int first, unsigned int last, int flags)",
    parameters: ["u32", "u32", "i32"],
    result: "i32",
  },
  fcntl: {
    prototype: "int fcntl(int fd, int cmd, ... /* int arg */)",
    parameters: ["i32", "i32", "i32"],
    result: "i32",
  },

  setgroups: {
    prototype: "int setgroups(size_t size, const gid_t *list)",
    parameters: ["usize", "buffer"],
    result: "i32",
  },
  setresgid: {
    prototype: "int setresgid(gid_t rgid, gid_t egid, gid_t sgid)",
    parameters: ["u32", "u32", "u32"],
    result: "i32",
  },
  setresuid: {
    prototype: "int setresuid(uid_t ruid, uid_t euid, uid_t suid)",
    parameters: ["u32", "u32", "u32"],
    result: "i32",
  },
  getgroups: {
    prototype: "int getgroups(int size, gid_t list[])",
    parameters: ["i32", "buffer"],
    result: "i32",
  },
  getresgid: {
    prototype: "int getresgid(gid_t *rgid, gid_t *egid, gid_t *sgid)",
    parameters: ["buffer", "buffer", "buffer"],
    result: "i32",
  },
  getresuid: {
    prototype: "int getresuid(uid_t *ruid, uid_t *euid, uid_t *suid)",
    parameters: ["buffer", "buffer", "buffer"],
    result: "i32",
  },
  capget: {
    prototype: "int capget(cap_user_header_t hdrp, cap_user_data_t datap)",
    parameters: ["buffer", "buffer"],
    result: "i32",
  },
  prctl: {
    prototype: "int prctl(int op, ... /* unsigned long arg2, arg3, arg4, arg5 */)",
    parameters: ["i32", "usize", "usize", "usize", "usize"],
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
    parameters: ["i32", "buffer", "i32"],
    result: "i32",
  },
  unshare: {
    prototype: "int unshare(int flags)",
    parameters: ["i32"],
    result: "i32",
  },
  setns: {
    prototype: "int setns(int fd, int nstype)",
    parameters: ["i32", "i32"],
    result: "i32",
  },
  setrlimit: {
    prototype: "int setrlimit(int resource, const struct rlimit *rlim)",
    parameters: ["i32", "buffer"],
    result: "i32",
  },
  ioctl: {
    prototype: "int ioctl(int fd, unsigned long op, ... /* void *argp */)",
    parameters: ["i32", "usize", "buffer"],
    result: "i32",
  },
  write: {
    prototype: "ssize_t write(int fd, const void *buf, size_t count)",
    parameters: ["i32", "buffer", "usize"],
    result: "i32",
  },
  posix_spawn: {
    prototype:
      "int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *file_actions, const posix_spawnattr_t *attrp, char *const argv[], char *const envp[])",
    parameters: ["buffer", "buffer", "buffer", "buffer", "buffer", "buffer"],
    result: "i32",
  },
  pthread_sigmask: {
    prototype: "int pthread_sigmask(int how, const sigset_t *set, sigset_t *oldset)",
    parameters: ["i32", "buffer", "buffer"],
    result: "i32",
  },
  sigaction: {
    prototype: "int sigaction(int signum, const struct sigaction *act, struct sigaction *oldact)",
    parameters: ["i32", "buffer", "buffer"],
    result: "i32",
  },
  dlsym: {
    prototype: "void *dlsym(void *handle, const char *symbol)",
    parameters: ["pointer", "buffer"],
    result: "pointer",
  },
  pthread_create: {
    prototype:
      "int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start_routine)(void *), void *arg)",
    parameters: ["buffer", "buffer", "pointer", "usize"],
    result: "i32",
  },
  pthread_join: {
    prototype: "int pthread_join(pthread_t thread, void **retval)",
    parameters: ["u64", "buffer"],
    result: "i32",
  },
  sem_init: {
    prototype: "int sem_init(sem_t *sem, int pshared, unsigned int value)",
    parameters: ["buffer", "i32", "u32"],
    result: "i32",
  },
  sem_post: {
    prototype: "int sem_post(sem_t *sem)",
    parameters: ["buffer"],
    result: "i32",
  },
  // These three return the error number and do not set errno.
  getpwnam_r: {
    prototype:
      "int getpwnam_r(const char *name, struct passwd *pwd, char *buf, size_t buflen, struct passwd **result)",
    parameters: ["buffer", "buffer", "buffer", "usize", "buffer"],
    result: "i32",
  },
  getpwuid_r: {
    prototype:
      "int getpwuid_r(uid_t uid, struct passwd *pwd, char *buf, size_t buflen, struct passwd **result)",
    parameters: ["u32", "buffer", "buffer", "usize", "buffer"],
    result: "i32",
  },
  getgrnam_r: {
    prototype:
      "int getgrnam_r(const char *name, struct group *grp, char *buf, size_t buflen, struct group **result)",
    parameters: ["buffer", "buffer", "buffer", "usize", "buffer"],
    result: "i32",
  },

  clock_gettime: {
    prototype: "int clock_gettime(clockid_t clockid, struct timespec *tp)",
    parameters: ["i32", "buffer"],
    result: "i32",
  },
  alarm: {
    prototype: "unsigned int alarm(unsigned int seconds)",
    parameters: ["u32"],
    result: "u32",
  },
  syscall: {
    prototype: "long syscall(long number, ... /* long arg1, arg2, arg3, arg4, arg5, arg6 */)",
    parameters: ["isize", "usize", "usize", "usize", "usize", "usize", "usize"],
    result: "i32",
  },

  // The result as i32: the lower half of a page address is never all ones, unlike MAP_FAILED's.
  mmap: {
    prototype: "void *mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset)",
    parameters: ["usize", "usize", "i32", "i32", "i32", "i64"],
    result: "i32",
  },
  memfd_create: {
    prototype: "int memfd_create(const char *name, unsigned int flags)",
    parameters: ["buffer", "u32"],
    result: "i32",
  },
  ftruncate: {
    prototype: "int ftruncate(int fd, off_t length)",
    parameters: ["i32", "i64"],
    result: "i32",
  },
  getpagesize: {
    prototype: "int getpagesize(void)",
    parameters: [],
    result: "i32",
  },

  memcpy: {
    prototype: "void *memcpy(void *dest, const void *src, size_t n)",
    parameters: ["buffer", "pointer", "usize"],
    result: "void",
  },
  memmove: {
    prototype: "void *memmove(void *dest, const void *src, size_t n)",
    parameters: ["buffer", "buffer", "usize"],
    result: "u64",
  },
  strlen: {
    prototype: "size_t strlen(const char *s)",
    parameters: ["pointer"],
    result: "u32",
  },

  __errno_location: {
    prototype: "int *__errno_location(void)",
    parameters: [],
    result: "pointer",
  },
  strerror: {
    prototype: "char *strerror(int errnum)",
    parameters: ["i32"],
    result: "pointer",
  },
  strerrorname_np: {
    prototype: "const char *strerrorname_np(int errnum)",
    parameters: ["i32"],
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
 * libc's functions as in C: they return -1 and set errno.
 *
 * Each function is bound at its first call. Deno compiles a trampoline for it, which takes 0.3 ms;
 * to compile all of them would double the start-up time of a process that needs only a few.
 * {@linkcode bindAll} binds the rest, for a process that will soon lack the right to.
 */
export const libc: Libc = {} as Libc;

/** A function of the table. */
export interface LibcFunction {
  /** Its C prototype as in the manual, without the semicolon. */
  readonly prototype: string;
  /** Whether it runs on a thread of its own; the result is then a promise. */
  readonly nonblocking?: boolean;
}

/** A bound function of libc. */
export type LibcCall = (...args: unknown[]) => unknown;

/** Returns the function that replaces a bound one. */
export type CallWrapper = (name: string, described: LibcFunction, call: LibcCall) => LibcCall;

let wrapper: CallWrapper | undefined;

/**
 * Wraps every function, including those already bound, but not references to them that are held
 * elsewhere. Call it once.
 */
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

/**
 * Binds the functions that are not bound yet, for a process that is about to lose the right to open
 * libc or to map code.
 */
export function bindAll(): void {
  Object.values(libc);
}

/**
 * Copies memory that a pointer points to.
 *
 * SAFETY: the caller knows that `length` bytes exist there until this returns.
 */
export function bytesAt(pointer: Deno.PointerObject, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  libc.memcpy(bytes, pointer, BigInt(length));
  return bytes;
}

/** Copies the C string that a pointer points to; `undefined` for NULL. */
export function textAt(pointer: Deno.PointerValue): string | undefined {
  if (pointer === null) return undefined;
  return new TextDecoder().decode(bytesAt(pointer, libc.strlen(pointer)));
}

/**
 * A C string: UTF-8 with a terminating NUL.
 *
 * @throws {RangeError} If the text contains NUL, where C would end it.
 */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  if (text.includes("\0")) throw new RangeError(`NUL in ${JSON.stringify(text)}`);
  return new TextEncoder().encode(text + "\0");
}

/** The release of glibc, such as `2.36`: gnu_get_libc_version(3). */
export function libcVersion(): string {
  return textAt(libc.gnu_get_libc_version()) ?? "unknown";
}
