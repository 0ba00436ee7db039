/** The machine code of the signal handler is what the comment beside each instruction says. */

import { assertEquals } from "@std/assert";
import { testNeeding } from "../../support/needs.ts";
import { ROOT } from "../../support/programs.ts";

const SOURCE = Deno.readTextFileSync(`${ROOT}/ffi/process/every_thread.ts`);

/** The numbers that the comments name. Source: asm/unistd_64.h, asm-generic/unistd.h. */
const NUMBERS = {
  x86_64: { SYS_gettid: 186, SYS_rt_sigreturn: 15 },
  aarch64: { SYS_gettid: 178 },
};

/** The assembler of each architecture, and its package. */
const TOOLS = {
  x86_64: { prefix: "x86_64-linux-gnu-", name: "binutils-x86-64-linux-gnu" },
  aarch64: { prefix: "aarch64-linux-gnu-", name: "binutils-aarch64-linux-gnu" },
};

async function run(program: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { args }).output();
  assertEquals([success, new TextDecoder().decode(stderr)], [true, ""]);
}

for (const arch of ["x86_64", "aarch64"] as const) {
  const { prefix, name } = TOOLS[arch];
  testNeeding(
    { programs: { [`${prefix}as`]: name, [`${prefix}objcopy`]: name } },
    `The handler for ${arch} agrees with the assembler`,
    async () => {
      const [, table] = SOURCE.match(new RegExp(`^  ${arch}: \\{\\n([^]*?)^  \\},`, "m"))!;
      const lines = [...table.matchAll(/"([0-9a-f]+)"[ ,]\+? ?\/\/ (.*)$/gm)];
      const code = lines.map(([, hex]) => hex).join("");
      const assembly = [
        ...Object.entries(NUMBERS[arch]).map(([name, value]) => `.set ${name}, ${value}`),
        ...lines.map(([, , words]) =>
          words.replace(/ \(.*\)$/, (note) => note.includes("%") ? note : "")
        ),
        ...[".balign 128", "block:", ""],
      ].join("\n");
      const folder = await Deno.makeTempDir();
      try {
        const [text, object, binary] = ["s", "o", "bin"].map((end) => `${folder}/handler.${end}`);
        await Deno.writeTextFile(text, assembly);
        await run(`${prefix}as`, text, "-o", object);
        await run(`${prefix}objcopy`, "-O", "binary", object, binary);
        const assembled = (await Deno.readFile(binary)).toHex();
        assertEquals(assembled.slice(0, code.length), code);
        assertEquals(assembled.length, 2 * 0x80, "the address of the block follows");
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  );
}
