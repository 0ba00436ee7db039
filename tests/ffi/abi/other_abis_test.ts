import { assertEquals } from "@std/assert";
import {
  AUDIT_ARCH_ARM,
  AUDIT_ARCH_I386,
  I386_OLD_MMAP,
  I386_SECOND_SYSCALLS,
  I386_SOCKETCALL,
  I386_SYSCALLS,
  SOCKETCALLS,
  X32_BIT,
  X32_SYSCALLS,
} from "../../../ffi/abi/other_abis.ts";
import { type SyscallName, syscallNumber } from "../../../ffi/abi/syscalls.ts";
import { testNeeding } from "../../support/needs.ts";
import { runProgram } from "../../support/programs.ts";

/** The values of C expressions, by a compiler that only checks their types. */
async function valuesOf(headers: readonly string[], expressions: readonly string[]) {
  const file = await Deno.makeTempFile({ suffix: ".c" });
  try {
    const lines = [
      ...["stdio.h", ...headers].map((header) => `#include <${header}>`),
      "int main(void) {",
      ...expressions.map((each) => `printf("%ld\\n", (long) (${each}));`),
      "}",
    ];
    await Deno.writeTextFile(file, lines.join("\n"));
    const compiled = await runProgram("cc", ["-o", `${file}.out`, file]);
    assertEquals({ code: compiled.code, stderr: compiled.stderr }, { code: 0, stderr: "" });
    const { stdout } = await runProgram(`${file}.out`, []);
    return stdout.trim().split("\n").map(Number);
  } finally {
    await Deno.remove(file);
    await Deno.remove(`${file}.out`).catch(() => {});
  }
}

const names = Object.keys(I386_SYSCALLS) as SyscallName[];

if (Deno.build.arch === "x86_64") {
  testNeeding(
    { programs: { cc: "gcc" } },
    "The numbers of 32-bit programs agree with the headers",
    async () => {
      const inHeader = (name: string) => name === "mmap" ? "__NR_mmap2" : `__NR_${name}`;
      const calls = Object.keys(SOCKETCALLS).map((name) => `SYS_${name.toUpperCase()}`);
      assertEquals(
        await valuesOf(["asm/unistd_32.h", "linux/net.h", "linux/audit.h"], [
          ...names.map(inHeader),
          ...["__NR_fcntl64", "__NR_recvmmsg_time64", "__NR_sendfile64", "__NR_mmap"],
          "__NR_socketcall",
          ...calls,
          "AUDIT_ARCH_I386",
          "AUDIT_ARCH_ARM",
        ]),
        [
          ...Object.values(I386_SYSCALLS),
          ...Object.values(I386_SECOND_SYSCALLS),
          I386_OLD_MMAP,
          I386_SOCKETCALL,
          ...Object.values(SOCKETCALLS),
          AUDIT_ARCH_I386,
          AUDIT_ARCH_ARM,
        ],
      );
    },
  );

  testNeeding(
    { programs: { cc: "gcc" } },
    "The numbers of x32 agree with the headers, also where they are those of x86_64",
    async () => {
      const bit = `#define __X32_SYSCALL_BIT 0x${X32_BIT.toString(16)}`;
      assertEquals(
        await valuesOf(
          [`asm/unistd_x32.h>\n${bit}\n#include <stdio.h`],
          names.map((name) => `__NR_${name}`),
        ),
        names.map((name) => X32_BIT + (X32_SYSCALLS[name] ?? syscallNumber(name)!)),
      );
    },
  );
}
