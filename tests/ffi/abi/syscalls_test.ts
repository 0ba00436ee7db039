import { assertEquals } from "@std/assert";
import { AUDIT_ARCH, SYSCALLS } from "../../../ffi/mod.ts";
import { testNeeding } from "../../support/needs.ts";
import { runProgram } from "../../support/programs.ts";
import { ARM64 } from "./arm64.ts";

const names = Object.keys(SYSCALLS);

/** The numbers in a header, by the C preprocessor, which repeats the name of an unknown call. */
async function numbersIn(lines: readonly string[]): Promise<(number | null)[]> {
  const file = await Deno.makeTempFile({ suffix: ".c" });
  try {
    const source = [...lines, ...names.map((name) => `@ ${name} __NR_${name}`), ""];
    await Deno.writeTextFile(file, source.join("\n"));
    const { code, stdout, stderr } = await runProgram("cc", ["-E", "-P", file]);
    assertEquals({ code, stderr }, { code: 0, stderr: "" });
    const numbers = new Map(
      stdout.split("\n").filter((line) => line.startsWith("@ ")).map((line) => {
        const [, name, number] = line.split(" ");
        return [name, /^\d+$/.test(number) ? Number(number) : null];
      }),
    );
    return names.map((name) => numbers.get(name)!);
  } finally {
    await Deno.remove(file);
  }
}

const cc = { programs: { cc: "gcc" } };
const column = (index: 0 | 1) => Object.values(SYSCALLS).map((numbers) => numbers[index]);

if (Deno.build.arch === "x86_64") {
  testNeeding(cc, "The x86_64 numbers in SYSCALLS agree with asm/unistd.h", async () => {
    assertEquals(await numbersIn(["#include <asm/unistd.h>"]), column(0));
  });
}

testNeeding(
  cc,
  "The aarch64 numbers in SYSCALLS agree with asm-generic/unistd.h",
  async () => {
    assertEquals(await numbersIn([...ARM64, "#include <asm-generic/unistd.h>"]), column(1));
  },
);

Deno.test("SYSCALLS is in order, and no number has two names", () => {
  assertEquals(names, names.toSorted());
  for (const index of [0, 1] as const) {
    const numbers = column(index).filter((number) => number !== null);
    assertEquals(new Set(numbers).size, numbers.length);
  }
});

Deno.test("AUDIT_ARCH knows the architecture of this machine", () => {
  assertEquals(Object.hasOwn(AUDIT_ARCH, Deno.build.arch), true);
});
