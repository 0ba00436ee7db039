import { assertEquals } from "@std/assert";
import {
  assemble,
  BPF_DIV,
  BPF_RET,
  bpfCompute,
  bpfJumpEqual,
  bpfLoad,
  bpfReturn,
  compileFilter,
  disassembleSyscallFilter,
  explainAnswer,
  filterResult,
  intIs,
  nameOfSyscall,
  SYSCALLS,
} from "../../../ffi/mod.ts";

Deno.test("disassembleSyscallFilter() names words, calls, architectures and results", () => {
  const program = compileFilter({
    rules: [{ syscall: "write", action: "ENOSYS", when: [intIs(1, 5)], reason: "a test" }],
    otherwise: { action: "allow", reason: "a test" },
  }, "x86_64");
  assertEquals(disassembleSyscallFilter(program), [
    "(000) ld       arch",
    "(001) jeq      #0xc000003e      jt 3  jf 2      ; x86_64",
    "(002) ret      KILL_PROCESS",
    "(003) ld       nr",
    "(004) jge      #0x40000000      jt 5  jf 6",
    "(005) ret      ERRNO(EPERM)",
    "(006) jeq      #0x1             jt 7  jf 11     ; write",
    "(007) ld       args[1] low",
    "(008) jeq      #0x5             jt 9  jf 10",
    "(009) ret      ERRNO(ENOSYS)",
    "(010) ret      ALLOW",
    "(011) ret      ALLOW",
  ]);
});

Deno.test("disassembleSyscallFilter() names a call by the architecture that was compared", () => {
  const named = (arch: number, isFirst: boolean) =>
    disassembleSyscallFilter(assemble([
      bpfLoad(4),
      bpfJumpEqual(arch, 0, isFirst ? 2 : 0),
      bpfLoad(0),
      bpfJumpEqual(198, 0, 0),
      bpfReturn(0),
    ]))[3].match(/; (.*)/)?.[1];
  assertEquals(named(0xc00000b7, true), "socket");
  assertEquals(named(0xc000003e, true), "lremovexattr");
  assertEquals(named(0x40000003, true), undefined);
  assertEquals(named(0xc00000b7, false), nameOfSyscall(198)); // nothing is known
});

Deno.test("disassembleSyscallFilter() prints programs of any bytes", () => {
  assertEquals(disassembleSyscallFilter(new Uint8Array()), []);
  assertEquals(disassembleSyscallFilter(new Uint8Array(3)), [
    "; 3 more bytes, which are no instruction",
  ]);
  assertEquals(disassembleSyscallFilter(new Uint8Array(8 * 5000)).length, 4097);
  assertEquals(disassembleSyscallFilter(assemble([bpfLoad(64), bpfReturn(0x40000)])), [
    "(000) ld       [64]",
    "(001) ret      KILL_PROCESS (0x40000 is no action)",
  ]);
});

Deno.test("filterResult() names every action, its data, and the errno as the kernel cuts it", () => {
  assertEquals(
    [0x80000007, 0, 0x30007, 0x50000, 0x5000d, 0x5ffff, 0x7fc00000, 0x7ff00001, 0x7ffc0000]
      .map(filterResult),
    [
      "KILL_PROCESS",
      "KILL_THREAD",
      "TRAP(7)",
      "ERRNO(0)",
      "ERRNO(EACCES)",
      "ERRNO(errno 4095)",
      "USER_NOTIF",
      "TRACE(1)",
      "LOG",
    ],
  );
});

Deno.test("nameOfSyscall() agrees with SYSCALLS", () => {
  for (const [name, [x86_64, aarch64]] of Object.entries(SYSCALLS)) {
    if (x86_64 !== null) assertEquals(nameOfSyscall(x86_64, "x86_64"), name);
    if (aarch64 !== null) assertEquals(nameOfSyscall(aarch64, "aarch64"), name);
  }
  assertEquals([-1, 337, 470, NaN].map((each) => nameOfSyscall(each, "x86_64")), [
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});

Deno.test("explainAnswer() names the instruction that decides", () => {
  const allow = assemble([bpfReturn(0x7fff0000)]), refuse = assemble([bpfReturn(0x50001)]);
  const divide = assemble([
    { ...bpfCompute(BPF_DIV, 0), code: 0x3c }, // by X, which is 0
    bpfReturn(0x7fff0000),
  ]);
  const returnsA = assemble([bpfLoad(16), { ...bpfReturn(0), code: BPF_RET | 0x10 }]);
  const explained = (...programs: Uint8Array<ArrayBuffer>[]) =>
    explainAnswer(programs, { nr: 1, args: [] });
  assertEquals(explained(), "no filter");
  assertEquals(explained(allow), "the filter allows it");
  assertEquals(explained(allow, allow), "every filter allows it");
  assertEquals(
    explained(allow, refuse, allow),
    "filter 2 of 3, instruction 0: ret ERRNO(EPERM)",
  );
  assertEquals(explained(divide), "filter 1 of 1, instruction 0: division by 0, KILL_THREAD");
  assertEquals(
    explained(returnsA),
    "filter 1 of 1, instruction 1: ret KILL_THREAD, where args[0] low = 0",
  );
});
