/**
 * The README is right: its pictures exist, its programs run as they stand, and its transcript is
 * what a run prints.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { testNeeding } from "../support/needs.ts";
import { fdpass, inNamespace, ROOT, runProgram } from "../support/programs.ts";

const README = Deno.readTextFileSync(`${ROOT}/README.md`);

/** The text below a heading, up to the next heading of its rank. */
function section(heading: string): string {
  const rank = heading.match(/^#+ /)![0];
  const [, text] = README.split(`\n${heading}\n`);
  assert(text !== undefined, `there is no ${heading}`);
  return text.split(`\n${rank}`)[0];
}

function blocks(text: string, language: string): string[] {
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\`$`, "gm"))]
    .map(([, code]) => code);
}

Deno.test("The README's pictures are there, are small, and have a text", () => {
  const pictures = [...README.matchAll(/<img src="(.+?)"[^>]* alt="(.+?)">/g)];
  const dark = [...README.matchAll(/<source media=".*dark.*" srcset="(.+?)">/g)];
  assertEquals([pictures.length, dark.length], [2, 2]);
  for (const [, , alt] of pictures) assert(alt.length > 40, alt);
  for (const [, path] of [...pictures, ...dark]) {
    const bytes = Deno.readFileSync(`${ROOT}/${path}`);
    assertEquals(bytes.subarray(1, 4), new TextEncoder().encode("PNG"), path);
    assert(bytes.length < 300_000, `${path}: ${bytes.length} bytes`);
  }
});

Deno.test("The README shows the crossing as a diagram that is drawn where READMEs are read", () => {
  const [crossing] = blocks(README, "mermaid");
  assertMatch(crossing, /^sequenceDiagram\n[^]*SCM_RIGHTS[^]*setresuid[^]*EPERM/);
});

testNeeding({ root: true }, "The README's transcript is what a run prints", async () => {
  const [shown] = blocks(section("## Read the output"), "text");
  const { stdout } = await fdpass(["veth-fdpass"]);
  const numbersAside = (text: string) => text.replaceAll(/\d+ threads/g, "<number> threads");
  assert(numbersAside(stdout).includes(numbersAside(shown)), stdout);
});

const PROGRAMS = blocks(section("## Import `ffi/`"), "ts");
const PRINTED = [
  /^standard output, once more, as descriptor \d+\n$/,
  /^(\d+ bytes, the first is \d+\n)+$/,
  /^uid 65534, and no way back\n$/,
];

Deno.test("The README has a program for each of the three things that people come for", () => {
  assertEquals(PROGRAMS.length, PRINTED.length);
});

/**
 * Runs a program beside another one that connects to a closed port of the loopback interface until
 * the first line is printed.
 *
 * @param then The code to run at that line.
 */
const knocking = (then: string) => `
  while :; do "$0" eval 'await Deno.connect({ port: 9 }).catch(() => {})'; done &
  "$@" | { read -r line; echo "$line"; kill $!; ${then}; cat; }`;

/** Writes the programs into files of a folder that belongs to another user. */
async function withPrograms(test: (paths: readonly string[]) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const paths = PROGRAMS.map((_, i) => `${folder}/program_${i + 1}.ts`);
    for (const [i, path] of paths.entries()) {
      await Deno.writeTextFile(path, PROGRAMS[i].replaceAll('"./ffi/', `"${ROOT}/ffi/`));
    }
    await test(paths);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("The README's programs have the right types", () =>
  withPrograms(async (paths) => {
    const { code, stderr } = await runProgram(Deno.execPath(), ["check", "--quiet", ...paths]);
    assertEquals([code, stderr], [0, ""]);
  }));

testNeeding(
  { root: true },
  "The README's programs run as they stand",
  () =>
    withPrograms(async (paths) => {
      const deno = Deno.execPath();
      for (const [i, path] of paths.entries()) {
        const command = [deno, "run", "--no-prompt", "--allow-ffi", path];
        const receives = PROGRAMS[i].includes("AF_PACKET");
        const { code, stdout, stderr } = await inNamespace(
          receives ? ["sh", "-c", knocking(":"), deno, ...command] : command,
        );
        assertEquals([code, stderr], [0, ""]);
        assertMatch(stdout, PRINTED[i]);
      }
    }),
);

testNeeding(
  { root: true, programs: { ip: "iproute2" } },
  "The README's program that receives ends when the interface goes down",
  () =>
    withPrograms(async (paths) => {
      const deno = Deno.execPath();
      const path = paths[PROGRAMS.findIndex((program) => program.includes("AF_PACKET"))];
      const command = [deno, "run", "--no-prompt", "--allow-ffi", path];
      const shell = ["sh", "-c", knocking("ip link set lo down"), deno, ...command];
      const { code, stdout, stderr } = await inNamespace(shell, { timeout: 30_000 });
      assertEquals([code, stderr], [0, ""]);
      assertMatch(stdout, /^(\d+ bytes, the first is \d+\n)+$/);
    }),
);
