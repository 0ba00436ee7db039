import { assert, assertEquals } from "@std/assert";
import { type Architecture, nameOfSyscall } from "../../../ffi/mod.ts";
import { testNeeding } from "../../support/needs.ts";
import { runProgram } from "../../support/programs.ts";
import { ARM64 } from "./arm64.ts";

/** Every call that a header defines: the number by name. */
async function callsIn(lines: readonly string[]): Promise<Map<string, number>> {
  const file = await Deno.makeTempFile({ suffix: ".c" });
  try {
    await Deno.writeTextFile(file, `${lines.join("\n")}\n`);
    const { code, stdout, stderr } = await runProgram("cc", ["-E", "-dM", file]);
    assertEquals({ code, stderr }, { code: 0, stderr: "" });
    const macros = new Map(
      [...stdout.matchAll(/^#define (__NR\w+) (\w+)$/gm)].map(([, name, value]) => [name, value]),
    );
    const isCall = (name: string) =>
      name.startsWith("__NR_") && !/_(arch_specific_syscall|syscalls)$/.test(name);
    return new Map(
      [...macros].filter(([name]) => isCall(name)).map(([name, value]) => [
        name.slice("__NR_".length),
        Number(macros.get(value) ?? value), // such as __NR3264_fstatat
      ]),
    );
  } finally {
    await Deno.remove(file);
  }
}

/** Calls that got numbers below older ones. */
const LATE = new Set(["uretprobe", "uprobe"]);

/** The differences between the table and a header, which may be older or newer than the table. */
function differences(architecture: Architecture, header: ReadonlyMap<string, number>): string[] {
  const table = new Map<string, number>();
  for (let number = 0; number < 1000; number++) {
    const name = nameOfSyscall(number, architecture);
    if (name !== undefined) table.set(name, number);
  }
  const newest = Math.max(...header.values()), newestHere = Math.max(...table.values());
  const names = new Set([...table.keys(), ...header.keys()]);
  return [...names].filter((name) => {
    const [here, there] = [table.get(name), header.get(name)];
    if (there === undefined) return here! <= newest && !LATE.has(name);
    return here !== there && there <= newestHere;
  }).map((name) => `${name}: ${table.get(name)}, not ${header.get(name)}`);
}

const cc = { programs: { cc: "gcc" } };

if (Deno.build.arch === "x86_64") {
  testNeeding(cc, "nameOfSyscall() knows every call of asm/unistd.h, x86_64", async () => {
    const header = await callsIn(["#include <asm/unistd.h>"]);
    assert(header.size > 300);
    assertEquals(differences("x86_64", header), []);
  });
}

testNeeding(cc, "nameOfSyscall() knows every call of asm-generic/unistd.h, aarch64", async () => {
  const header = await callsIn([...ARM64, "#include <asm-generic/unistd.h>"]);
  assert(header.size > 250);
  assertEquals(differences("aarch64", header), []);
});
