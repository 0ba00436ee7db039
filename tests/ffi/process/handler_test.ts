/** The machine code of the signal handlers is what the comment beside each instruction says. */

import { assertEquals } from "@std/assert";
import { testNeeding } from "../../support/needs.ts";
import { ROOT } from "../../support/programs.ts";

/** The files with a handler; where in the code of each the address of its block is. */
const SOURCES = { "ffi/process/every_thread.ts": 0x80, "ffi/ptrace/seize.ts": null };

/** The numbers that the comments name. Source: asm/unistd_64.h, asm-generic/unistd.h. */
const NUMBERS = {
  x86_64: { SYS_gettid: 186, SYS_rt_sigreturn: 15, SYS_getpid: 39, SYS_ptrace: 101 },
  aarch64: { SYS_gettid: 178, SYS_getpid: 172, SYS_ptrace: 117 },
};

const PTRACE = { PTRACE_SEIZE: 0x4206 };

/** The assembler of each architecture, and its package. */
const TOOLS = {
  x86_64: { prefix: "x86_64-linux-gnu-", name: "binutils-x86-64-linux-gnu" },
  aarch64: { prefix: "aarch64-linux-gnu-", name: "binutils-aarch64-linux-gnu" },
};

async function run(program: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { args }).output();
  assertEquals([success, new TextDecoder().decode(stderr)], [true, ""]);
}

const archs = ["x86_64", "aarch64"] as const;

for (const [path, block] of Object.entries(SOURCES)) {
  for (const arch of archs) {
    const { prefix, name } = TOOLS[arch];
    testNeeding(
      { programs: { [`${prefix}as`]: name, [`${prefix}objcopy`]: name } },
      `The handler for ${arch} in ${path} agrees with the assembler`,
      async () => {
        const source = await Deno.readTextFile(`${ROOT}/${path}`);
        const [, table] = source.match(new RegExp(`^  ${arch}: \\{\\n([^]*?)^  \\},`, "m"))!;
        const lines = [...table.matchAll(/"([0-9a-f]+)"[ ,]\+? ?\/\/ (.*)$/gm)];
        const code = lines.map(([, hex]) => hex).join("");
        const assembly = [
          ...Object.entries({ ...NUMBERS[arch], ...PTRACE })
            .map(([name, value]) => `.set ${name}, ${value}`),
          ...lines.map(([, , words]) => words.replace(/ \([^%()]*\)$/, "")),
          ...block === null ? [""] : [".balign 128", "block:", ""],
        ].join("\n");
        const assembled = await assemble(assembly, prefix);
        assertEquals(assembled.slice(0, code.length), code);
        assertEquals(assembled.length, block === null ? code.length : 2 * block);
      },
    );
  }
}

async function assemble(assembly: string, prefix: string): Promise<string> {
  const folder = await Deno.makeTempDir();
  try {
    const [text, object, binary] = ["s", "o", "bin"].map((end) => `${folder}/handler.${end}`);
    await Deno.writeTextFile(text, assembly);
    await run(`${prefix}as`, text, "-o", object);
    await run(`${prefix}objcopy`, "-O", "binary", object, binary);
    return (await Deno.readFile(binary)).toHex();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
