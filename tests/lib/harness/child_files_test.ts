/** A child gets copies of the modules that are closed to it, and nothing else of their folder. */

import { assertEquals, assertRejects } from "@std/assert";
import { readLink } from "../../../ffi/mod.ts";
import { defaultLauncher } from "../../../lib/confine/launcher.ts";
import { CannotAnswer } from "../../../lib/evidence/errors.ts";
import { ChildFiles } from "../../../lib/harness/child_files.ts";
import { hasEnded } from "../../e2e/processes.ts";
import { testNeeding } from "../../support/needs.ts";
import { type Outcome, runProgram } from "../../support/programs.ts";

const root = { root: true };
const OWNER = 54321;

/** A folder of another user, with a program of two modules, a secret, a tool and a cache. */
class Folder implements Disposable {
  readonly parent = Deno.makeTempDirSync();
  readonly path = `${this.parent}/private`;
  readonly main = `file://${this.path}/src/main.ts`;

  constructor(mode: number) {
    for (const folder of ["", "/src", "/lib", "/cache"]) Deno.mkdirSync(`${this.path}${folder}`);
    Deno.writeTextFileSync(`${this.path}/src/main.ts`, 'import "../lib/other.ts";');
    Deno.writeTextFileSync(`${this.path}/lib/other.ts`, "export {};");
    Deno.writeTextFileSync(`${this.path}/lib/secret.ts`, "secret");
    Deno.writeTextFileSync(`${this.path}/tool`, "#!/bin/sh\necho tool\n", { mode: 0o755 });
    for (const path of ["", "/src", "/lib", "/src/main.ts", "/lib/other.ts", "/lib/secret.ts"]) {
      Deno.chownSync(`${this.path}${path}`, OWNER, OWNER);
    }
    Deno.chmodSync(this.parent, 0o755);
    Deno.chmodSync(this.path, mode);
  }

  /** The files, for the main module. */
  show(): Promise<ChildFiles | undefined> {
    return ChildFiles.show([this.main], [`${this.path}/tool`, `${this.path}/cache`]);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.parent, { recursive: true });
  }
}

/** Runs a line of shell as a child would run, in the folder, which is `$0`. */
function asChild(files: ChildFiles | undefined, script: string, folder: Folder): Promise<Outcome> {
  const [program, ...args] = [...files?.launcher("/usr") ?? [], ...defaultLauncher(), "/bin/sh"];
  return runProgram(program, [...args, "-c", script, folder.path]);
}

testNeeding(root, "A child sees copies of its modules, and what else it needs", async () => {
  using folder = new Folder(0o700);
  assertEquals((await asChild(undefined, 'cat "$0/src/main.ts"', folder)).code, 1, "the obstacle");
  await using files = await folder.show();
  assertEquals(files?.privateFolder, folder.path);
  const { stdout, stderr } = await asChild(
    files,
    'pwd; cd "$0"; find . -type f | sort; stat -c "%u %a" src lib/other.ts; ./tool',
    folder,
  );
  assertEquals([stdout.split("\n").slice(0, -1), stderr], [
    [
      "/usr",
      "./lib/other.ts",
      "./src/main.ts",
      "./tool",
      "0 755",
      "0 644",
      "tool",
    ],
    "",
  ]);
});

testNeeding(
  root,
  "The copies are read-only; the cache can be written; a copy is no link",
  async () => {
    using folder = new Folder(0o700);
    await using files = await folder.show();
    const { stdout } = await asChild(
      files,
      'for file in "$0/x" "$0/src/main.ts" "$0/cache/x"; do (: >>"$file") 2>&1 | grep -c "Read-only"; done',
      folder,
    );
    assertEquals(stdout, "1\n1\n0\n");
    assertEquals(Deno.statSync(`${folder.path}/cache/x`).size, 0);
    assertEquals(
      Deno.readTextFileSync(`${folder.path}/lib/secret.ts`),
      "secret",
      "nothing is hidden here",
    );
  },
);

testNeeding(
  root,
  "The namespace ends with its scope, and another one is the parent's",
  async () => {
    using folder = new Folder(0o700);
    const before = readLink("/proc/self/ns/mnt");
    const files = (await folder.show())!;
    const holder = Number(files.launcher("/")[1].match(/\/proc\/(\d+)\//)![1]);
    assertEquals(files.mountNamespace, readLink(`/proc/${holder}/ns/mnt`));
    assertEquals(files.mountNamespace === before, false);
    assertEquals(readLink("/proc/self/ns/mnt"), before);
    for (const signal of ["SIGINT", "SIGHUP", "SIGTERM", "SIGQUIT"] as const) {
      Deno.kill(holder, signal);
    }
    assertEquals((await asChild(files, 'cat "$0/lib/other.ts"', folder)).stdout, "export {};");
    await files[Symbol.asyncDispose]();
    assertEquals(hasEnded(holder), true);
  },
);

testNeeding(root, "No namespace is made where the child can read every module", async () => {
  using open = new Folder(0o755);
  assertEquals(await open.show(), undefined);
  Deno.chmodSync(`${open.path}/lib/other.ts`, 0o600);
  await using files = await open.show();
  assertEquals(files?.privateFolder, `${open.path}/lib`, "one closed file");
});

testNeeding(
  root,
  "Files that cannot be shown: the error names the folder and the reason",
  async () => {
    using folder = new Folder(0o700);
    Deno.renameSync(`${folder.path}/src`, `${folder.path}/a\nb`);
    const show = () => ChildFiles.show([`file://${folder.path}/a%0Ab/main.ts`], []);
    await assertRejects(
      show,
      CannotAnswer,
      `${JSON.stringify(folder.path)} is closed to other users`,
    );
  },
);
