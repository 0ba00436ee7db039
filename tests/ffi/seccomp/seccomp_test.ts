import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  compileFilter,
  explainRefusal,
  intIs,
  libc,
  longIs,
  MSG_DONTWAIT,
  recv,
  SOCK_SEQPACKET,
  type SyscallAction,
  type SyscallCondition,
  type SyscallName,
  syscallNumber,
  type SyscallPolicy,
  type SyscallRule,
  SYSCALLS,
} from "../../../ffi/mod.ts";
import { ARCH, calls, interpret, inWords, meaning } from "../../support/cbpf.ts";
import { testNeeding } from "../../support/needs.ts";
import { runProgram } from "../../support/programs.ts";
import { leavingNothingOpen } from "../descriptors.ts";
import { command, resultOf, run } from "../programs.ts";

const ARCHITECTURES = ["x86_64", "aarch64"] as const;
const NOTHING_ELSE = { action: "EPERM", reason: "a test" } as const;

/**
 * The differences between the compiled program and the policy in words, and the number of compared
 * calls.
 */
function compare(policy: SyscallPolicy, architecture: "x86_64" | "aarch64"): [string[], number] {
  const program = compileFilter(policy, architecture);
  const differences: string[] = [];
  let count = 0;
  for (const call of calls(policy, architecture)) {
    count++;
    const expected = meaning(policy, architecture, call);
    if (interpret(program, call) !== expected) differences.push(inWords(architecture, call));
  }
  return [differences, count];
}

function rule(
  syscall: SyscallName,
  action: SyscallAction,
  ...when: SyscallCondition[]
): SyscallRule {
  return { syscall, action, when, reason: "a test" };
}

const CASES: Record<string, SyscallRule[]> = {
  "no rule": [],
  "every action": [rule("read", "allow"), rule("write", "kill"), rule("close", "ENOSYS")],
  "an int": [rule("write", "allow", intIs(0, 5))],
  "an int that is refused": [rule("write", "EPERM", intIs(0, 5)), rule("write", "allow")],
  "a negative int": [rule("openat", "allow", intIs(0, -100))],
  "a masked int": [rule("openat", "allow", intIs(2, 0x40, 0x243))],
  "a long": [rule("prlimit64", "allow", longIs(2, 0n))],
  "a long beyond 32 bits": [rule("mmap", "allow", longIs(5, 0x1234_5678_9abc_def0n))],
  "a masked long, low word": [rule("clone", "allow", longIs(0, 0x10000n, 0x10000n))],
  "a masked long, high word": [rule("clone", "allow", longIs(0, 1n << 40n, 3n << 40n))],
  "a masked long, both words": [
    rule("clone", "allow", longIs(0, 1n << 40n, 3n << 31n | 1n << 40n)),
  ],
  "an empty mask": [rule("clone", "allow", longIs(0, 0n, 0n)), rule("clone", "ENODEV")],
  "several conditions": [rule("socket", "allow", intIs(0, 1), intIs(1, 5, 0xf), longIs(5, 0n))],
  "several rules, scattered": [
    rule("fcntl", "EBADF", intIs(0, 5)),
    rule("dup3", "allow", intIs(0, 1), intIs(1, 2)),
    rule("fcntl", "allow", intIs(1, 1)),
    rule("dup3", "EINVAL", intIs(1, 2)),
    rule("fcntl", "kill", intIs(1, 3)),
  ],
  "x86_64 only": [rule("fork", "allow"), rule("open", "allow", intIs(1, 0))],
};

for (const [title, rules] of Object.entries(CASES)) {
  for (const architecture of ARCHITECTURES) {
    Deno.test(`compileFilter() implements the policy: ${title}, ${architecture}`, () => {
      const [differences, count] = compare({ rules, otherwise: NOTHING_ELSE }, architecture);
      assertEquals(differences, []);
      assert(count > 600);
    });
  }
}

/** Pseudorandom numbers, the same each time. */
function* numbers(seed: number): Generator<number, never> {
  for (let x = seed;;) {
    x ^= x << 13, x ^= x >>> 17, x ^= x << 5;
    yield x >>> 0;
  }
}

Deno.test("compileFilter() compiles 50 random policies to equivalent programs", () => {
  const random = numbers(20240229);
  const below = (limit: number) => random.next().value % limit;
  const bits = () => BigInt(below(2 ** 32)) << 32n | BigInt(below(2 ** 32));
  const names = Object.keys(SYSCALLS) as SyscallName[];
  const actions: SyscallAction[] = ["allow", "kill", "EPERM", "ENOSYS", "EAFNOSUPPORT"];
  for (let i = 0; i < 50; i++) {
    const rules: SyscallRule[] = [];
    for (let n = below(40); n > 0; n--) {
      const when = Array.from({ length: 1 + below(3) }, () => {
        const mask = [bits(), bits() >> 32n, 0xffff_ffffn, (1n << 64n) - 1n][below(4)];
        return longIs(below(6), bits() & mask, mask);
      });
      rules.push(rule(names[below(12)], actions[below(5)], ...when));
    }
    names.push(...names.splice(0, 12));
    const policy = { rules, otherwise: { action: actions[below(5)], reason: "" } };
    for (const architecture of ARCHITECTURES) {
      assertEquals(compare(policy, architecture)[0], [], `policy ${i}`);
    }
  }
});

Deno.test("compileFilter() kills calls of another architecture under any policy", () => {
  const policy: SyscallPolicy = { rules: [], otherwise: { action: "allow", reason: "" } };
  const args = new Array<bigint>(6).fill(0n);
  for (const architecture of ARCHITECTURES) {
    const program = compileFilter(policy, architecture);
    for (const [name, arch] of Object.entries(ARCH)) {
      const expected = name === architecture ? 0x7fff0000 : 0x80000000;
      assertEquals(interpret(program, { arch, nr: 39, args }), expected, name);
    }
  }
});

Deno.test("compileFilter() refuses x32 numbers on x86_64 under any policy", () => {
  const policy: SyscallPolicy = { rules: [], otherwise: { action: "allow", reason: "" } };
  const program = compileFilter(policy, "x86_64");
  const args = new Array<bigint>(6).fill(0n);
  for (const nr of [0x40000000, 0x40000027, 0x7fffffff, 0x80000000, 0xffffffff]) {
    assertEquals(interpret(program, { arch: ARCH.x86_64, nr, args }), 0x00050001);
  }
  assertEquals(interpret(program, { arch: ARCH.x86_64, nr: 0x3fffffff, args }), 0x7fff0000);
});

Deno.test("compileFilter() jumps over a block of 255 instructions, and throws RangeError for a longer one", () => {
  // A rule for an int takes three instructions, with a mask four; the default action is the last.
  const plain = (count: number) =>
    Array.from({ length: count }, (_, i) => rule("ioctl", "allow", intIs(1, i)));
  const masked = [rule("ioctl", "ENODEV", intIs(2, 1, 1)), rule("ioctl", "EBADF", intIs(2, 2, 2))];
  const policy = {
    rules: [...plain(82), ...masked, rule("read", "allow")],
    otherwise: NOTHING_ELSE,
  };
  const program = compileFilter(policy, "x86_64");
  const [ioctl, read] = [16, 0];
  const returned = (nr: number, ...args: bigint[]) =>
    interpret(program, { arch: ARCH.x86_64, nr, args });
  assertEquals(returned(ioctl, 0n, 0n, 3n), 0x7fff0000);
  assertEquals(returned(ioctl, 0n, 81n, 3n), 0x7fff0000);
  assertEquals(returned(ioctl, 0n, 82n, 3n), 0x00050000 + 19);
  assertEquals(returned(ioctl, 0n, 82n, 2n), 0x00050000 + 9);
  assertEquals(returned(ioctl, 0n, 82n, 0n), 0x00050000 + 1);
  assertEquals(returned(read), 0x7fff0000);
  assertEquals(program.length / 8, 6 + (1 + 255) + 2 + 1);
  assertThrows(() => compileFilter({ rules: plain(85), otherwise: NOTHING_ELSE }), RangeError);
});

Deno.test("compileFilter() throws TypeError for a rule that can never decide", () => {
  const cases = [
    [rule("read", "allow"), rule("read", "EPERM")],
    [rule("read", "allow"), rule("write", "allow"), rule("read", "EPERM", intIs(0, 5))],
    [rule("read", "allow", intIs(0, 2, 1))],
    [rule("fork", "allow"), rule("fork", "EPERM")],
  ];
  for (const rules of cases) {
    for (const architecture of ARCHITECTURES) {
      assertThrows(
        () => compileFilter({ rules, otherwise: NOTHING_ELSE }, architecture),
        TypeError,
        `A rule for ${rules[0].syscall} can never decide`,
      );
    }
  }
});

Deno.test(
  "the kernel uses only the low word of a descriptor, so a filter must compare only that word",
  leavingNothingOpen((scope) => {
    const [near, far] = scope.pair(SOCK_SEQPACKET);
    const bytes = new Uint8Array(1);
    const sent = libc.syscall(
      BigInt(syscallNumber("sendto")!),
      1n << 32n | BigInt(near),
      libc.memmove(bytes, bytes, 0n),
      BigInt(bytes.length),
      0n,
      0n,
      0n,
    );
    assertEquals([sent, recv(far, bytes, MSG_DONTWAIT)], [1, 1]);
  }),
);

Deno.test("installFilter() refuses calls by errno and by argument, on every thread and on threads started later", async () => {
  const seen = await resultOf(
    command("support/load_one_by_one.ts", [
      "refuse",
      import.meta.resolve("./programs/filtered.ts"),
    ]),
  );
  const was = new Set(Object.keys(seen.before.threads));
  const is = Object.keys(seen.threads);
  assertEquals(seen.before.sched_yield, "done");
  assert(was.size > 1, "with a single thread this shows nothing");
  assertEquals(new Set(Object.values(seen.before.threads)), new Set(["NoNewPrivs: 0 Seccomp: 0"]));
  assertEquals(seen.after, {
    sched_yield: "ENODEV",
    dup: { refused: "EPERM", withHighWord: "EPERM", other: "EBADF" },
  });
  assert(is.some((tid) => !was.has(tid)), "no thread started later");
  assertEquals(new Set(Object.values(seen.threads)), new Set(["NoNewPrivs: 1 Seccomp: 2"]));
});

Deno.test("installFilter() kills the process by a rule with that action", async () => {
  const { code, stdout } = await run(command("ffi/seccomp/programs/filtered.ts", ["kill"]));
  assertEquals({ code, stdout }, { code: 128 + 31, stdout: "" }); // SIGSYS
});

testNeeding(
  { root: true }, // a filter without no_new_privs
  "installFilter() throws, and filters no thread, if one has a filter of its own",
  async () => {
    const { error, sched_yield, threads } = await resultOf(
      command("ffi/seccomp/programs/filtered.ts", ["other-thread"]),
    );
    const other = Object.keys(threads).filter((tid) => threads[tid].endsWith("Seccomp: 2"));
    assertEquals(other.length, 1);
    assertEquals(error, `Thread ${other[0]} has a system call filter of its own`);
    assertEquals(sched_yield, "done");
  },
);

if (Deno.build.arch === "x86_64") {
  testNeeding(
    { programs: { cc: "gcc" } },
    "the kernel kills a 32-bit call and refuses an x32 one under a filter that allows everything",
    async () => {
      const folder = await Deno.makeTempDir();
      try {
        const filter = `${folder}/filter`, program = `${folder}/filtered`;
        const source = new URL("./programs/filtered.c", import.meta.url).pathname;
        assertEquals(await runProgram("cc", ["-Wall", "-Werror", "-o", program, source]), {
          code: 0,
          stdout: "",
          stderr: "",
        });
        await Deno.writeFile(
          filter,
          compileFilter({ rules: [], otherwise: { action: "allow", reason: "" } }),
        );
        const outputOf = async (...args: string[]) => {
          const { code, stdout } = await runProgram(program, args);
          return code === 0 ? stdout.trim() : code;
        };
        assertEquals(await outputOf("-", "native"), "its pid");
        assertEquals(await outputOf(filter, "native"), "its pid");
        // The control: without the filter, these are the same calls by another number, if the
        // kernel knows them.
        assert(["its pid", 128 + 11].includes(await outputOf("-", "i386")));
        assert(
          ["its pid", "Function not implemented"].includes(String(await outputOf("-", "x32"))),
        );
        assertEquals(await outputOf(filter, "i386"), 128 + 31); // SIGSYS
        assertEquals(await outputOf(filter, "x32"), "Operation not permitted");
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  );
}

const POLICY: SyscallPolicy = {
  rules: [
    { syscall: "write", action: "EPERM", when: [intIs(0, 5)], reason: "it would send" },
    { syscall: "write", action: "allow", reason: "reports" },
    { syscall: "sendto", action: "allow", when: [intIs(0, 4)], reason: "the channel" },
    { syscall: "openat", action: "allow", when: [intIs(2, 0, 0x43)], reason: "reading" },
    { syscall: "clone3", action: "ENOSYS", reason: "its flags lie in memory" },
    { syscall: "ptrace", action: "kill", reason: "never" },
  ],
  otherwise: { action: "EPERM", reason: "not needed" },
};

Deno.test("explainRefusal() names call, rule and reason", () => {
  const cases: [syscall: string, args: (number | bigint)[], sentence: string | undefined][] = [
    ["write", [5], "write, argument 0 is 5 is refused with EPERM: it would send"],
    ["write", [1n << 32n | 5n], "write, argument 0 is 5 is refused with EPERM: it would send"],
    ["write", [6], undefined],
    ["sendto", [4], undefined],
    [
      "sendto",
      [5],
      "sendto is refused with EPERM: not needed; allowed where argument 0 is 4 (the channel)",
    ],
    [
      "openat",
      [-100, 0, 1],
      "openat is refused with EPERM: not needed; allowed where argument 2 & 0x43 is 0x0 (reading)",
    ],
    ["openat", [-100], undefined],
    ["clone3", [], "clone3 is refused with ENOSYS: its flags lie in memory"],
    ["ptrace", [], "ptrace kills the process: never"],
    ["socket", [17, 3, 0], "socket is refused with EPERM: not needed"],
    ["none_such", [], "none_such is refused with EPERM: not needed"],
  ];
  for (const [syscall, args, sentence] of cases) {
    assertEquals(explainRefusal(POLICY, syscall, args), sentence);
  }
});
