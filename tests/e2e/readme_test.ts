/**
 * What the README and docs/ show is true: links and paths exist, programs run as they stand, and
 * the transcript is what a run prints.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { ALL_PROTECTIONS } from "../../lib/confine/protections.ts";
import {
  expectedOutcome,
  HARDENED,
  PLAIN,
} from "../../lib/experiments/authority/expected_outcome.ts";
import { OPERATIONS } from "../../lib/experiments/authority/operations.ts";
import { TestsAhead } from "../support/tests_ahead.ts";
import { fdpass, inNamespace, type Outcome, ROOT, runProgram } from "../support/programs.ts";

const README = Deno.readTextFileSync(`${ROOT}/README.md`);
const EVIDENCE = Deno.readTextFileSync(`${ROOT}/docs/evidence.md`);
const LIBRARY = Deno.readTextFileSync(`${ROOT}/docs/library.md`);
const tests = new TestsAhead();

/** Every page, with its path in the project. */
const PAGES = [
  "README.md",
  "SECURITY.md",
  "CONTRIBUTING.md",
  "DEVLOG.md",
  ...[...Deno.readDirSync(`${ROOT}/docs`)].map(({ name }) => `docs/${name}`)
    .filter((path) => path.endsWith(".md")),
].map((path) => ({ path, text: Deno.readTextFileSync(`${ROOT}/${path}`) }));

/** Returns the text below a heading of the README, up to the next heading of the same rank. */
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

/** Returns a page without its blocks of code. */
function prose(text: string): string {
  return text.replaceAll(/^```[^]*?^```$/gm, "");
}

/** Returns the anchor that a heading gets where pages are read. */
function anchor(heading: string): string {
  return heading.toLowerCase().replaceAll(/[^\w\- ]/g, "").replaceAll(" ", "-");
}

function anchors(text: string): string[] {
  return [...prose(text).matchAll(/^#+ (.+)$/gm)].map(([, heading]) => anchor(heading));
}

function exists(path: string): boolean {
  try {
    Deno.statSync(`${ROOT}/${path}`);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

Deno.test("The README is read in five minutes: 1,200 words at most beside its code", () => {
  const words = prose(README).split(/\s+/).filter((word) => word !== "");
  assert(words.length <= 1200, `${words.length} words`);
});

Deno.test("Each link of a page leads to a file, and to a heading that is there", () => {
  const broken: string[] = [];
  let links = 0;
  for (const { path, text } of PAGES) {
    for (const [link, to, heading] of prose(text).matchAll(/\]\(([^)#:\s]*)(?:#([^)]*))?\)/g)) {
      links++;
      const target = to === "" ? path : new URL(to, `file:///${path}`).pathname.slice(1);
      const isThere = exists(target) && (heading === undefined ||
        anchors(Deno.readTextFileSync(`${ROOT}/${target}`)).includes(heading));
      if (!isThere) broken.push(`${path}: ${link}`);
    }
  }
  assertEquals(broken, []);
  assert(links > 30, `${links} links`);
});

/**
 * A path from the project's folder, up to its last letter: of `tests/e2e/*.sweep.ts`, the folder.
 */
const NAMED_FILE = /(?<![\w./-])(?:bench|completions|ffi|lib|schema|scripts|tests)\/[\w./-]*[\w/]/g;

Deno.test("Each file that a page names is there", () => {
  const missing: string[] = [];
  let named = 0;
  for (const { path, text } of PAGES) {
    for (const [file] of text.matchAll(NAMED_FILE)) {
      named++;
      if (!exists(file)) missing.push(`${path}: ${file}`);
    }
  }
  assertEquals(missing, []);
  assert(named > 100, `${named} files`);
});

Deno.test("Each page of docs/ is linked from the README", () => {
  for (const { path } of PAGES.filter(({ path }) => path.startsWith("docs/"))) {
    assert(README.includes(`](${path}`), path);
  }
});

Deno.test("The pictures of docs/evidence.md exist, are small, and have a text", () => {
  const pictures = [...EVIDENCE.matchAll(/<img src="(.+?)"[^>]* alt="(.+?)">/g)];
  const dark = [...EVIDENCE.matchAll(/<source media=".*dark.*" srcset="(.+?)">/g)];
  assertEquals([pictures.length, dark.length], [2, 2]);
  for (const [, , alt] of pictures) assert(alt.length > 40, alt);
  for (const [, path] of [...pictures, ...dark]) {
    const bytes = Deno.readFileSync(`${ROOT}/docs/${path}`);
    assertEquals(bytes.subarray(1, 4), new TextEncoder().encode("PNG"), path);
    assert(bytes.length < 300_000, `${path}: ${bytes.length} bytes`);
  }
});

Deno.test("The README shows the crossing as a diagram that is drawn where READMEs are read", () => {
  const [crossing] = blocks(README, "mermaid");
  assertMatch(crossing, /^sequenceDiagram\n[^]*SCM_RIGHTS[^]*setresuid[^]*EPERM/);
});

/** The commands of the README, each without its comment. */
const COMMANDS = blocks(README, "sh").flatMap((block) => block.trimEnd().split("\n"))
  .map((line) => line.replace(/ +#.*$/, ""));

/** `eth0`, in the namespace of the test. */
const ETH0 = `
  ip link add eth0 type veth peer name eth0-far
  ip link set eth0 up
  ip link set eth0-far up`;

const UNPRIVILEGED = "setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs";

/** Runs a command where no Deno is on PATH, but where its installer puts it. */
async function withoutDenoOnPath(command: string): Promise<Outcome> {
  const [deno, folder] = [Deno.execPath(), await Deno.makeTempDir()];
  try {
    await Deno.mkdir(`${folder}/bin`);
    await Deno.symlink(deno, `${folder}/bin/deno`);
    const path = Deno.env.get("PATH")!.split(":").filter((each) => !deno.startsWith(`${each}/`));
    return await inNamespace(["sh", "-c", command], {
      env: { PATH: path.join(":"), DENO_INSTALL: folder },
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

for (const command of COMMANDS) {
  tests.add(
    { root: true, programs: { ip: "iproute2", setpriv: "util-linux" } },
    `The README's command works where no deno is on PATH: ${command}`,
    async () => {
      // The whole suite would start itself.
      const all = command.replace(/ test$/, " test --no-check tests/lib/host/deno_version_test.ts")
        .replace(/\$\(pgrep [^)]*\)/, "$!"); // no daemon runs here
      const set = `${ETH0}\n${UNPRIVILEGED} sleep 60 >/dev/null 2>&1 &`;
      const { code, stdout, stderr } = await withoutDenoOnPath(`${set}\n${all}`);
      assertEquals(code, 0, stdout + stderr);
      assert(stdout.length > 100, stdout);
    },
  );
}

Deno.test("The README's commands need no deno on PATH, and no sudo", () => {
  assert(COMMANDS.length > 5, COMMANDS.join("\n"));
  assertEquals(COMMANDS.filter((command) => !command.startsWith("scripts/")), []);
});

tests.add({ root: true }, "The README's transcript is what a run prints", async () => {
  const [shown] = blocks(section("## Read the answer"), "text");
  const { stdout } = await fdpass(["veth-fdpass"]);
  const numbersAside = (text: string) => text.replaceAll(/\d+ threads/g, "<number> threads");
  assert(numbersAside(stdout).includes(numbersAside(shown)), stdout);
});

tests.add({ root: true }, "The transcript of docs/relay.md is what a run prints", async () => {
  const [shown] = blocks(Deno.readTextFileSync(`${ROOT}/docs/relay.md`), "text");
  const { stdout } = await fdpass(["-e", "relay", "veth-fdpass"]);
  for (const line of shown.trimEnd().split("\n")) {
    assert(stdout.includes(line.replace(/…$/, "")), `${line}\n${stdout}`);
  }
});

/** Returns the rows of the table of operations in docs/authority.md, by operation. */
function operationRows(): Map<string, readonly string[]> {
  const text = Deno.readTextFileSync(`${ROOT}/docs/authority.md`);
  const [, table] = text.split(/^\| operation .*\n.*\n/m);
  const rows = table.split("\n\n")[0].split("\n");
  return new Map(rows.map((row) => {
    const [name, ...cells] = row.split("|").slice(1, -1).map((cell) => cell.trim());
    return [name, cells];
  }));
}

Deno.test("The table of docs/authority.md is what the experiment expects", () => {
  const rows = operationRows();
  assertEquals([...rows.keys()], OPERATIONS.map(({ name }) => name));
  let compared = 0;
  for (const operation of OPERATIONS) {
    const [plain, takenAwayBy, hardened] = rows.get(operation.name)!;
    if (expectedOutcome(operation, PLAIN) !== plain) {
      // A setting of this kernel decides, or its release.
      assert(typeof operation.plain === "function" || operation.whyNotTried, operation.name);
      continue;
    }
    const effective = ALL_PROTECTIONS.filter((protection) =>
      plain === "allowed" && expectedOutcome(operation, protection) !== "allowed"
    );
    assertEquals(
      [operation.name, takenAwayBy, hardened],
      [
        operation.name,
        effective.map((protection) => `\`${protection}\``).join(", "),
        expectedOutcome(operation, HARDENED),
      ],
    );
    compared++;
  }
  assert(compared > 35, `${compared} compared`);
});

const PROGRAMS = blocks(LIBRARY, "ts");
const PRINTED = [
  /^standard output, once more, as descriptor \d+\n$/,
  /^(\d+ bytes, the first is \d+\n)+$/,
  /^uid 65534, and no way back\n$/,
];

Deno.test("docs/library.md has a program for each of the three things that people come for", () => {
  assertEquals(PROGRAMS.length, PRINTED.length);
});

Deno.test("The README's program is the first of docs/library.md", () => {
  assertEquals(blocks(README, "ts"), [PROGRAMS[0]]);
});

/**
 * Runs a program beside another that connects to a closed port of the loopback interface, again and
 * again, until the first line is printed.
 *
 * @param then What is done after that line.
 */
const knocking = (then: string) => `
  while :; do "$0" eval 'await Deno.connect({ port: 9 }).catch(() => {})'; done &
  "$@" | { read -r line; echo "$line"; kill $!; ${then}; cat; }`;

/**
 * Writes the programs into files of a folder outside the project, and removes it after the test.
 */
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

Deno.test("The programs of docs/library.md have the right types", () =>
  withPrograms(async (paths) => {
    const { code, stderr } = await runProgram(Deno.execPath(), ["check", "--quiet", ...paths]);
    assertEquals([code, stderr], [0, ""]);
  }));

tests.add(
  { root: true },
  "The programs of docs/library.md run as they stand",
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

tests.add(
  { root: true, programs: { ip: "iproute2" } },
  "The program of docs/library.md that receives ends when the interface goes down",
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
