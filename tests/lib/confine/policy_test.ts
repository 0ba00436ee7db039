import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import {
  compileFilter,
  explainRefusal,
  filterEvaluator,
  type SyscallName,
  syscallNumber,
  type SyscallPolicy,
} from "../../../ffi/mod.ts";
import { receiveOnlyPolicy } from "../../../lib/confine/policy.ts";
import { ARCH, calls, interpret, inWords, meaning } from "../../support/cbpf.ts";
import { testNeeding } from "../../support/needs.ts";
import { inNamespace, type Outcome, ROOT, runProgram } from "../../support/programs.ts";

const PACKET = 7n, CHANNEL = 5n, PID = 4711n, OTHER = 9n;
const OPTIONS = { packetFd: 7, channelFd: 5, ioUring: false, pid: 4711 };
const POLICY = receiveOnlyPolicy(OPTIONS);
const ARCHITECTURES = ["x86_64", "aarch64"] as const;
const ALLOW = 0x7fff0000, EPERM = 0x00050001, ENOSYS = 0x00050026;

/** A descriptor or command with bits in the high word, which the kernel ignores. */
const high = (low: bigint) => 0xdead_beef_0000_0000n | low;

// The expectations of the policy, written without looking at its rules: a call and its first
// arguments.
type Expectation = [syscall: SyscallName, ...args: bigint[]];

const each = (syscalls: SyscallName[], ...args: bigint[]): Expectation[] =>
  syscalls.map((syscall) => [syscall, ...args]);

const CLONE_VM = 0x100n, CLONE_THREAD = 0x10000n, CLONE_NEWUSER = 0x10000000n;
const PTHREAD_CREATE = 0x3d0f00n;
const [O_WRONLY, O_RDWR, O_CREAT, O_TRUNC, O_APPEND] = [1n, 2n, 0o100n, 0o1000n, 0o2000n];
const [O_NONBLOCK, O_CLOEXEC, O_PATH] = [0o4000n, 0o2000000n, 0o10000000n];
const O_TMPFILE = 0o20200000n;
const [F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_SETLK] = [0n, 1n, 2n, 3n, 4n, 6n];
const [F_SETOWN, F_DUPFD_CLOEXEC] = [8n, 1030n];
const AT_FDCWD = -100n & (1n << 64n) - 1n;

const WORKS: Expectation[] = [
  // Receiving
  ...each(
    ["recvmsg", "recvfrom", "recvmmsg", "read", "readv", "getsockopt", "getsockname"],
    PACKET,
  ),
  ["recvmsg", CHANNEL],
  ...each(["poll", "ppoll", "epoll_wait", "epoll_pwait", "epoll_ctl"]),
  // Reporting
  ["sendmsg", CHANNEL],
  ["sendto", CHANNEL],
  ["sendmsg", high(CHANNEL)],
  ["write", CHANNEL],
  ["write", 1n],
  ["writev", 2n],
  ["write", OTHER],
  ["writev", OTHER],
  // Memory, code, threads
  ...each(["mmap", "munmap", "mremap", "madvise", "brk", "mprotect", "pkey_mprotect"]),
  ["clone", PTHREAD_CREATE],
  ["clone", CLONE_THREAD],
  ...each(["futex", "set_robust_list", "rseq", "exit", "exit_group", "sched_yield"]),
  ["sched_getaffinity"],
  ["sched_getparam"],
  ["sched_getscheduler"],
  ["sched_get_priority_min"],
  ["sched_get_priority_max"],
  ["getcpu"],
  // Signals
  ...each(["rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "restart_syscall"]),
  ["tgkill", PID, OTHER],
  // Time, chance, ids
  ...each([
    "clock_gettime",
    "clock_getres",
    "gettimeofday",
    "time",
    "clock_nanosleep",
    "nanosleep",
  ]),
  ...each(["getrandom", "getpid", "gettid", "getppid", "getuid", "geteuid", "getresuid"]),
  ...each(["getgid", "getegid", "getresgid", "getgroups", "capget"]),
  ...each(["sysinfo", "getrusage", "uname"]),
  ["prlimit64", 0n, 7n, 0n, 1n],
  ["prctl", 15n], // PR_SET_NAME
  ["prctl", 0x53564d41n], // PR_SET_VMA
  ["prctl", 3n], // PR_GET_DUMPABLE
  ["prctl", 2n], // PR_GET_PDEATHSIG
  ["prctl", 39n], // PR_GET_NO_NEW_PRIVS
  ["prctl", 23n], // PR_CAPBSET_READ
  // Files
  ["openat", AT_FDCWD, 1n, O_CLOEXEC],
  ["openat", AT_FDCWD, 1n, O_NONBLOCK | O_APPEND],
  ...each(["pread64", "lseek", "close", "statx", "fstat", "newfstatat", "stat", "lstat"]),
  ...each(["getdents64", "readlink", "readlinkat", "getcwd"]),
  ["fcntl", OTHER, F_GETFD],
  ["fcntl", PACKET, F_GETFL],
];

const REFUSED: Expectation[] = [
  // Sending by the packet socket
  ...([
    "write",
    "writev",
    "sendto",
    "sendmsg",
    "sendmmsg",
    "pwrite64",
    "sendfile",
    "splice",
  ] as const)
    .flatMap((name): Expectation[] => [[name, PACKET], [name, high(PACKET)]]),
  ["sendmsg", OTHER],
  ["sendto", OTHER],
  ["sendmmsg", CHANNEL],
  ["splice", 1n, 0n, PACKET],
  ["vmsplice", PACKET],
  ["tee", 1n, PACKET],
  ["copy_file_range", 1n, 0n, PACKET],
  // Changing its settings, and those of other descriptors
  ...each([
    "bind",
    "connect",
    "listen",
    "accept",
    "accept4",
    "setsockopt",
    "shutdown",
    "ioctl",
  ], PACKET),
  ["fcntl", PACKET, F_SETFL],
  ["fcntl", OTHER, F_SETFL],
  ["fcntl", PACKET, F_SETOWN],
  ["fcntl", PACKET, F_SETFD],
  ["fcntl", OTHER, F_SETLK],
  // Duplicating it
  ...each(["dup", "dup2", "dup3"], PACKET, OTHER),
  ["fcntl", PACKET, F_DUPFD],
  ["fcntl", PACKET, F_DUPFD_CLOEXEC],
  ["fcntl", PACKET, high(F_DUPFD)],
  ...each(["pidfd_open", "pidfd_getfd", "pidfd_send_signal", "kcmp"]),
  // Another socket, another process
  ...each(["socket", "socketpair", "execve", "execveat", "fork", "vfork", "clone"]),
  ["clone", 17n], // SIGCHLD: fork
  ["clone", CLONE_VM | CLONE_NEWUSER],
  ...each(["kill", "tkill", "rt_tgsigqueueinfo", "ptrace", "process_vm_readv"], PID),
  ["tgkill", 1n, 1n],
  ["process_vm_writev"],
  ["process_madvise"],
  // A way round the filter, more privilege, other namespaces
  ...each(["io_uring_setup", "io_uring_enter", "io_uring_register", "bpf", "perf_event_open"]),
  ...each(["userfaultfd", "unshare", "setns", "mount", "add_key", "keyctl", "seccomp"]),
  ...each(["setresuid", "setresgid", "setgroups", "capset"]),
  ...each([
    "name_to_handle_at",
    "open_by_handle_at",
    "memfd_create",
    "close_range",
    "pipe2",
    "eventfd2",
  ]),
  // Undoing a protection
  ["prctl", 1n, 0n], // PR_SET_PDEATHSIG
  ["prctl", 4n, 1n], // PR_SET_DUMPABLE
  ["prctl", 22n], // PR_SET_SECCOMP
  ["prctl", 0x59616d61n], // PR_SET_PTRACER
  ["alarm"],
  ["prlimit64", 0n, 7n, 1n],
  ["prlimit64", 0n, 7n, 1n << 32n],
  // Opening files other than for reading
  ...[O_WRONLY, O_RDWR, 3n, O_CREAT, O_TRUNC, O_PATH, O_TMPFILE | O_RDWR, high(O_RDWR)]
    .map((flags): Expectation => ["openat", AT_FDCWD, 1n, flags]),
  ["open"],
  ["openat2"],
  ["creat"],
];

/** The expectations that the compiled policy does not meet, in words. */
function unmetExpectations(policy: SyscallPolicy, architecture: "x86_64" | "aarch64"): string[] {
  const program = compileFilter(policy, architecture);
  const returned = ([, ...args]: Expectation, nr: number) => {
    const all = [...args, 0n, 0n, 0n, 0n, 0n, 0n].slice(0, 6);
    return interpret(program, { arch: ARCH[architecture], nr, args: all });
  };
  const check = (expectations: Expectation[], expected: number) =>
    expectations.flatMap((expectation) => {
      const nr = syscallNumber(expectation[0], architecture);
      return nr === null || returned(expectation, nr) === expected ? [] : [expectation.join(" ")];
    });
  return [...check(WORKS, ALLOW), ...check(REFUSED, EPERM), ...check([["clone3"]], ENOSYS)];
}

for (const architecture of ARCHITECTURES) {
  Deno.test(`receiveOnlyPolicy() allows what a worker needs and refuses the rest, ${architecture}`, () => {
    assertEquals(unmetExpectations(POLICY, architecture), []);
  });

  Deno.test(`receiveOnlyPolicy() compiles to an equivalent program, ${architecture}`, () => {
    const program = compileFilter(POLICY, architecture);
    const answerTo = filterEvaluator([program]);
    const differences: string[] = [];
    let count = 0;
    for (const call of calls(POLICY, architecture)) {
      count++;
      const found = [interpret(program, call), answerTo(call).value]; // by two interpreters
      const expected = meaning(POLICY, architecture, call);
      if (found.some((each) => each !== expected)) differences.push(inWords(architecture, call));
    }
    assertEquals(differences, []);
    assert(count > 5000);
  });
}

Deno.test("receiveOnlyPolicy() needs each of its rules", () => {
  for (const rule of POLICY.rules) {
    const without = { ...POLICY, rules: POLICY.rules.filter((each) => each !== rule) };
    assert(unmetExpectations(without, "x86_64").length > 0, JSON.stringify(rule.syscall));
  }
});

Deno.test("receiveOnlyPolicy() needs each condition of its rules", () => {
  for (const rule of POLICY.rules.filter(({ when }) => when !== undefined)) {
    const { when: _, ...unconditional } = rule;
    const rules = POLICY.rules.flatMap((each) =>
      // Later rules of the same call could never decide, so the compiler would refuse the policy.
      each === rule ? [unconditional] : each.syscall === rule.syscall ? [] : [each]
    );
    assert(unmetExpectations({ ...POLICY, rules }, "x86_64").length > 0, rule.syscall);
  }
});

Deno.test("receiveOnlyPolicy() allows io_uring_enter if asked, and no other call of io_uring", () => {
  const withRing = receiveOnlyPolicy({ ...OPTIONS, ioUring: true });
  assertEquals(unmetExpectations(withRing, "x86_64"), ["io_uring_enter"]);
});

Deno.test("receiveOnlyPolicy() throws RangeError if the packet socket is the control channel", () => {
  assertThrows(() => receiveOnlyPolicy({ ...OPTIONS, channelFd: 7 }), RangeError, "Descriptor 7");
});

Deno.test("receiveOnlyPolicy() gives each rule a reason, which a refusal names", () => {
  for (const { reason } of POLICY.rules) assertMatch(reason, /\w+/);
  assertEquals(
    explainRefusal(POLICY, "write", [PACKET]),
    "write, argument 0 is 7 is refused with EPERM: it would send a frame",
  );
  assertEquals(
    explainRefusal(POLICY, "sendto", [PACKET]),
    "sendto is refused with EPERM: a receive-only worker does not need it; " +
      "allowed where argument 0 is 5 (report to the parent)",
  );
});

const program = (name: string) => `${ROOT}/tests/lib/confine/programs/${name}`;

// deno-lint-ignore no-explicit-any
function resultOf({ code, stdout, stderr }: Outcome): any {
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  return JSON.parse(stdout);
}

testNeeding(
  { root: true },
  "The kernel refuses exactly the calls that receiveOnlyPolicy() refuses, for every number and argument",
  async () => {
    const outcome = await runProgram(
      Deno.execPath(),
      ["run", "-A", "--no-config", program("attempts.ts")],
      { env: { DENO_DIR: "/dev/null/deno" } },
    );
    const { allowed, refused, differences, x32 } = resultOf(outcome);
    assertEquals(differences, []);
    assert(allowed > 1000 && refused > 1000);
    // Without the filter, the kernel would refuse the x32 call with ENOSYS.
    if (Deno.build.arch === "x86_64") assertEquals(x32, 1); // EPERM
  },
);

function work(...without: string[]): Promise<Outcome> {
  const interfaces = ["veth-fdpass", "veth-fdpass-far"];
  return inNamespace([
    Deno.execPath(),
    "run",
    "-A",
    program("working.ts"),
    "parent",
    ...interfaces,
    ...without,
  ]);
}

testNeeding(
  { root: true, programs: { ip: "iproute2" } },
  "A worker under a filter that kills at the first violation receives, reports, and uses timers, files, threads and the JIT",
  async () => {
    const { seen, ...outcome } = resultOf(await work());
    assertEquals(outcome, {
      code: 0,
      signal: null,
      reported: 10_000,
      sent: 10_000,
      stderr: "",
      compiled: true,
    });
    const { before, threads, files, waits } = JSON.parse(seen);
    assertEquals({ files, waits }, { files: 64, waits: 64 });
    const later = Object.keys(threads).filter((tid) => !before.includes(tid));
    assert(
      before.length > 1 && later.length > 1,
      `${before.length} threads before the filter, ${later.length} started later`,
    );
    assertEquals(new Set(Object.values(threads)), new Set(["NoNewPrivs: 1 Seccomp: 2"]));
  },
);

for (const without of ["recvmsg", "openat", "clone", "preparation"]) {
  testNeeding(
    { root: true, programs: { ip: "iproute2" } },
    `A worker without ${without} is killed, so every violation shows`,
    async () => {
      const { signal, ...rest } = resultOf(await work(without));
      assertEquals(signal, "SIGSYS", JSON.stringify(rest));
    },
  );
}
