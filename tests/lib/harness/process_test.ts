import { assert, assertEquals, assertThrows } from "@std/assert";
import { libcFolder } from "../../../lib/harness/process.ts";
import { EXPERIMENTS } from "../../../lib/experiments/mod.ts";
import { requireFile } from "../../../lib/harness/run.ts";
import { UsageError } from "../../../lib/evidence/errors.ts";

Deno.test("libcFolder() returns the directory of the loaded libc", () => {
  assert(Deno.statSync(`${libcFolder()}/libc.so.6`).isFile);
  const line = "7f0000000000-7f0000001000 r--p 00000000 08:01 42    /opt/a b/libc.so.6\n";
  assertEquals(libcFolder(line), "/opt/a b");
  assertThrows(() => libcFolder(""), Error, "libc.so.6");
});

Deno.test("requireFile() refuses a program that was not started from a local file", () => {
  requireFile("file:///srv/fdpass/main.ts");
  for (const url of ["file:///srv/$deno$stdin.mts", "https://example.org/main.ts", "data:,"]) {
    assertThrows(() => requireFile(url), UsageError, "not started from a file");
  }
});

/** A module in the output of `deno info --json`. */
interface Module {
  readonly specifier: string;
  readonly error?: string;
  readonly dependencies?: readonly {
    readonly isDynamic?: boolean;
    readonly code?: { readonly specifier?: string };
  }[];
}

/** The modules that load with a program. Types and dynamic imports do not count. */
function loadedBy(program: string, modules: readonly Module[]): string[] {
  const dependencies = new Map(modules.map((module) => [module.specifier, module.dependencies]));
  const loaded = new Set<string>(), next = [program];
  for (let specifier = next.pop(); specifier !== undefined; specifier = next.pop()) {
    if (loaded.has(specifier)) continue;
    loaded.add(specifier);
    for (const { isDynamic, code } of dependencies.get(specifier) ?? []) {
      if (!isDynamic && code?.specifier !== undefined) next.push(code.specifier);
    }
  }
  return [...loaded];
}

/** Modules that only the parent uses: to start, stop and inspect a child, and count its frames. */
const PARENT_ONLY =
  /\/(ffi\/(mod|ptrace\/\w+)|lib\/harness\/(parent_run|child|process|pid_namespace|reception|interface_witness|hardened|run)|lib\/inspect\/(look|stopped))\.ts$/;

for (const { name, module } of EXPERIMENTS) {
  Deno.test(`the child of ${name} loads local files only, and nothing of another experiment`, async () => {
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json", "--no-config", module],
    }).output();
    const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as { modules: Module[] };
    const specifiers = modules.map(({ specifier }) => specifier);
    assert(specifiers.includes(module), "deno info lists the module itself");
    assertEquals(modules.filter(({ error }) => error !== undefined), []);
    // "node:" modules are part of the runtime.
    const notLocal = specifiers.filter((each) => !/^(file|node):/.test(each));
    assertEquals(notLocal, [], "not a local file");
    const folder = new URL(".", module).href;
    const others = specifiers.filter((each) =>
      each.includes("/lib/experiments/") && !each.startsWith(folder)
    );
    assertEquals(others, [], "of another experiment");
    const loaded = loadedBy(module, modules);
    assert(
      loaded.some((each) => each.endsWith("/lib/harness/child_run.ts")),
      "the walk finds what every child loads",
    );
    assertEquals(loaded.filter((each) => PARENT_ONLY.test(each)), [], "only the parent uses it");
  });
}
