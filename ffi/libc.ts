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

const symbols = {
  // int socket(int domain, int type, int protocol);
  socket: {
    parameters: ["i32", "i32", "i32"] as [domain: "i32", type: "i32", protocol: "i32"],
    result: "i32",
  },
  // int bind(int sockfd, const struct sockaddr *addr, socklen_t addrlen);
  bind: {
    parameters: ["i32", "buffer", "u32"] as [sockfd: "i32", addr: "buffer", addrlen: "u32"],
    result: "i32",
  },
  // int connect(int sockfd, const struct sockaddr *addr, socklen_t addrlen);
  connect: {
    parameters: ["i32", "buffer", "u32"] as [sockfd: "i32", addr: "buffer", addrlen: "u32"],
    result: "i32",
  },
  // int socketpair(int domain, int type, int protocol, int sv[2]);
  socketpair: {
    parameters: ["i32", "i32", "i32", "buffer"] as [
      domain: "i32",
      type: "i32",
      protocol: "i32",
      sv: "buffer",
    ],
    result: "i32",
  },
  // int shutdown(int sockfd, int how);
  shutdown: { parameters: ["i32", "i32"] as [sockfd: "i32", how: "i32"], result: "i32" },
  // int getsockname(int sockfd, struct sockaddr *addr, socklen_t *addrlen);
  getsockname: {
    parameters: ["i32", "buffer", "buffer"] as [sockfd: "i32", addr: "buffer", addrlen: "buffer"],
    result: "i32",
  },
  // int getpeername(int sockfd, struct sockaddr *addr, socklen_t *addrlen);
  getpeername: {
    parameters: ["i32", "buffer", "buffer"] as [sockfd: "i32", addr: "buffer", addrlen: "buffer"],
    result: "i32",
  },
  // int getsockopt(int sockfd, int level, int optname, void *optval, socklen_t *optlen);
  getsockopt: {
    parameters: ["i32", "i32", "i32", "buffer", "buffer"] as [
      sockfd: "i32",
      level: "i32",
      optname: "i32",
      optval: "buffer",
      optlen: "buffer",
    ],
    result: "i32",
  },
  // int setsockopt(int sockfd, int level, int optname, const void *optval, socklen_t optlen);
  setsockopt: {
    parameters: ["i32", "i32", "i32", "buffer", "u32"] as [
      sockfd: "i32",
      level: "i32",
      optname: "i32",
      optval: "buffer",
      optlen: "u32",
    ],
    result: "i32",
  },
  // ssize_t sendto(int sockfd, const void *buf, size_t len, int flags, const struct sockaddr *addr, socklen_t addrlen);
  sendto: {
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
  // ssize_t recvfrom(int sockfd, void *buf, size_t len, int flags, struct sockaddr *addr, socklen_t *addrlen);
  recvfrom: {
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
  // ssize_t sendmsg(int sockfd, const struct msghdr *msg, int flags);
  sendmsg: {
    parameters: ["i32", "buffer", "i32"] as [sockfd: "i32", msg: "buffer", flags: "i32"],
    result: "i32",
  },
  // ssize_t recvmsg(int sockfd, struct msghdr *msg, int flags);
  recvmsg: {
    parameters: ["i32", "buffer", "i32"] as [sockfd: "i32", msg: "buffer", flags: "i32"],
    result: "i32",
  },
  // int recvmmsg(int sockfd, struct mmsghdr *msgvec, unsigned int vlen, int flags, struct timespec *timeout);
  recvmmsg: {
    parameters: ["i32", "buffer", "u32", "i32", "buffer"] as [
      sockfd: "i32",
      msgvec: "buffer",
      vlen: "u32",
      flags: "i32",
      timeout: "buffer",
    ],
    result: "i32",
  },
  // int poll(struct pollfd *fds, nfds_t nfds, int timeout);
  poll: {
    parameters: ["buffer", "usize", "i32"] as [fds: "buffer", nfds: "usize", timeout: "i32"],
    result: "i32",
  },
  // The same call on a thread of its own, so that the event loop (signals, timers, pipes) goes on.
  // Its errno stays on that thread and is lost.
  pollAsync: {
    name: "poll",
    parameters: ["buffer", "usize", "i32"] as [fds: "buffer", nfds: "usize", timeout: "i32"],
    result: "i32",
    nonblocking: true,
  },
  // unsigned int if_nametoindex(const char *ifname);
  if_nametoindex: { parameters: ["buffer"] as [ifname: "buffer"], result: "u32" },

  // int open(const char *pathname, int flags, ...);
  open: { parameters: ["buffer", "i32"] as [pathname: "buffer", flags: "i32"], result: "i32" },
  // ssize_t read(int fd, void *buf, size_t count);
  read: {
    parameters: ["i32", "buffer", "usize"] as [fd: "i32", buf: "buffer", count: "usize"],
    result: "i32",
  },
  // ssize_t readlink(const char *pathname, char *buf, size_t bufsiz);
  readlink: {
    parameters: ["buffer", "buffer", "usize"] as [
      pathname: "buffer",
      buf: "buffer",
      bufsiz: "usize",
    ],
    result: "i32",
  },
  // ssize_t getdents64(int fd, void *dirp, size_t count);
  getdents64: {
    parameters: ["i32", "buffer", "usize"] as [fd: "i32", dirp: "buffer", count: "usize"],
    result: "i32",
  },
  // int close(int fd);
  close: { parameters: ["i32"] as [fd: "i32"], result: "i32" },
  // int pipe2(int pipefd[2], int flags);
  pipe2: { parameters: ["buffer", "i32"] as [pipefd: "buffer", flags: "i32"], result: "i32" },
  // int dup(int oldfd);
  dup: { parameters: ["i32"] as [oldfd: "i32"], result: "i32" },
  // int close_range(unsigned int first, unsigned int last, int flags);
  close_range: {
    parameters: ["u32", "u32", "i32"] as [first: "u32", last: "u32", flags: "i32"],
    result: "i32",
  },
  // int fcntl(int fd, int cmd, ...);
  fcntl: {
    parameters: ["i32", "i32", "i32"] as [fd: "i32", cmd: "i32", arg: "i32"],
    result: "i32",
  },

  // int setgroups(size_t size, const gid_t *list);
  setgroups: {
    parameters: ["usize", "buffer"] as [size: "usize", list: "buffer"],
    result: "i32",
  },
  // int setresgid(gid_t rgid, gid_t egid, gid_t sgid);
  setresgid: {
    parameters: ["u32", "u32", "u32"] as [rgid: "u32", egid: "u32", sgid: "u32"],
    result: "i32",
  },
  // int setresuid(uid_t ruid, uid_t euid, uid_t suid);
  setresuid: {
    parameters: ["u32", "u32", "u32"] as [ruid: "u32", euid: "u32", suid: "u32"],
    result: "i32",
  },
  // int getgroups(int size, gid_t list[]);
  getgroups: { parameters: ["i32", "buffer"] as [size: "i32", list: "buffer"], result: "i32" },
  // int getresgid(gid_t *rgid, gid_t *egid, gid_t *sgid);
  getresgid: {
    parameters: ["buffer", "buffer", "buffer"] as [rgid: "buffer", egid: "buffer", sgid: "buffer"],
    result: "i32",
  },
  // int getresuid(uid_t *ruid, uid_t *euid, uid_t *suid);
  getresuid: {
    parameters: ["buffer", "buffer", "buffer"] as [ruid: "buffer", euid: "buffer", suid: "buffer"],
    result: "i32",
  },
  // int capget(cap_user_header_t hdrp, cap_user_data_t datap);
  capget: { parameters: ["buffer", "buffer"] as [hdrp: "buffer", datap: "buffer"], result: "i32" },
  // int prctl(int op, ... /* unsigned long arg2, arg3, arg4, arg5 */);
  prctl: {
    parameters: ["i32", "usize", "usize", "usize", "usize"] as [
      op: "i32",
      arg2: "usize",
      arg3: "usize",
      arg4: "usize",
      arg5: "usize",
    ],
    result: "i32",
  },
  // pid_t getppid(void);
  getppid: { parameters: [], result: "i32" },
  // int setrlimit(int resource, const struct rlimit *rlim);
  setrlimit: { parameters: ["i32", "buffer"] as [resource: "i32", rlim: "buffer"], result: "i32" },
  // int ioctl(int fd, unsigned long op, ... /* void *argp */);
  ioctl: {
    parameters: ["i32", "usize", "buffer"] as [fd: "i32", op: "usize", argp: "buffer"],
    result: "i32",
  },
  // ssize_t write(int fd, const void *buf, size_t count);
  write: {
    parameters: ["i32", "buffer", "usize"] as [fd: "i32", buf: "buffer", count: "usize"],
    result: "i32",
  },
  // int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *file_actions,
  //                 const posix_spawnattr_t *attrp, char *const argv[], char *const envp[]);
  posix_spawn: {
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
  // void *dlsym(void *handle, const char *symbol);
  dlsym: {
    parameters: ["pointer", "buffer"] as [handle: "pointer", symbol: "buffer"],
    result: "pointer",
  },
  // int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start_routine)(void *), void *arg);
  pthread_create: {
    parameters: ["buffer", "buffer", "pointer", "usize"] as [
      thread: "buffer",
      attr: "buffer",
      start_routine: "pointer",
      arg: "usize",
    ],
    result: "i32",
  },
  // int pthread_detach(pthread_t thread);
  pthread_detach: { parameters: ["u64"] as [thread: "u64"], result: "i32" },
  // struct passwd *getpwnam(const char *name);
  getpwnam: { parameters: ["buffer"] as [name: "buffer"], result: "pointer" },
  // struct passwd *getpwuid(uid_t uid);
  getpwuid: { parameters: ["u32"] as [uid: "u32"], result: "pointer" },
  // struct group *getgrnam(const char *name);
  getgrnam: { parameters: ["buffer"] as [name: "buffer"], result: "pointer" },

  // int clock_gettime(clockid_t clockid, struct timespec *tp);
  clock_gettime: { parameters: ["i32", "buffer"] as [clockid: "i32", tp: "buffer"], result: "i32" },
  // unsigned int alarm(unsigned int seconds);
  alarm: { parameters: ["u32"] as [seconds: "u32"], result: "u32" },
  // long syscall(long number, ...);
  syscall: {
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

  // void *mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset);
  // The result as i32: an address of a page never ends in 32 bits of 1, as MAP_FAILED does.
  mmap: {
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
  // int memfd_create(const char *name, unsigned int flags);
  memfd_create: { parameters: ["buffer", "u32"] as [name: "buffer", flags: "u32"], result: "i32" },
  // int ftruncate(int fd, off_t length);
  ftruncate: { parameters: ["i32", "i64"] as [fd: "i32", length: "i64"], result: "i32" },
  // int getpagesize(void);
  getpagesize: { parameters: [], result: "i32" },

  // void *memcpy(void *dest, const void *src, size_t n);
  memcpy: {
    parameters: ["buffer", "pointer", "usize"] as [dest: "buffer", src: "pointer", n: "usize"],
    result: "void",
  },
  // void *memmove(void *dest, const void *src, size_t n);
  memmove: {
    parameters: ["buffer", "buffer", "usize"] as [dest: "buffer", src: "buffer", n: "usize"],
    result: "u64",
  },
  // size_t strlen(const char *s);
  strlen: { parameters: ["pointer"] as [s: "pointer"], result: "u32" },

  // int *__errno_location(void);
  __errno_location: { parameters: [], result: "pointer" },
  // char *strerror(int errnum);
  strerror: { parameters: ["i32"] as [errnum: "i32"], result: "pointer" },
  // const char *strerrorname_np(int errnum);
  strerrorname_np: { parameters: ["i32"] as [errnum: "i32"], result: "pointer" },
  // const char *gnu_get_libc_version(void);
  gnu_get_libc_version: { parameters: [], result: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

type Libc = Deno.DynamicLibrary<typeof symbols>["symbols"];

/**
 * libc's functions, as they are in C: they return -1 and leave errno behind.
 *
 * Each is bound at its first call, since Deno compiles a trampoline for it, which takes 0.3 ms: for all of them that would be half
 * the start-up of a process that needs a few. {@linkcode bindAll} does it ahead, for a process that will not
 * be able to later.
 */
export const libc = {} as Libc;

for (const name of Object.keys(symbols) as (keyof Libc)[]) {
  Object.defineProperty(libc, name, {
    get: () => bind(name),
    configurable: true,
    enumerable: true,
  });
}

function bind<K extends keyof Libc>(name: K): Libc[K] {
  const library = Deno.dlopen("libc.so.6", { [name]: symbols[name] });
  const value = (library.symbols as unknown as Libc)[name];
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
