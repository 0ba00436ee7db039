import { assertEquals, assertThrows } from "@std/assert";
import { libcFolder } from "../../../lib/harness/process.ts";
import { EXPERIMENTS } from "../../../lib/experiments/mod.ts";
import { requireFile } from "../../../lib/harness/run.ts";
import { UsageError } from "../../../lib/evidence/errors.ts";

Deno.test("libcFolder() is where the loaded libc is", () => {
  assertEquals(Deno.statSync(`${libcFolder()}/libc.so.6`).isFile, true);
  const line = "7f0000000000-7f0000001000 r--p 00000000 08:01 42    /opt/a b/libc.so.6\n";
  assertEquals(libcFolder(line), "/opt/a b");
  assertThrows(() => libcFolder(""), Error, "libc.so.6");
});

Deno.test("requireFile() refuses a program that cannot start itself again", () => {
  requireFile("file:///srv/fdpass/main.ts");
  for (const url of ["file:///srv/$deno$stdin.mts", "https://example.org/main.ts", "data:,"]) {
    assertThrows(() => requireFile(url), UsageError, "not started from a file");
  }
});

for (const { name, module } of EXPERIMENTS) {
  Deno.test(`the child's modules are local files, and none is a package: ${name}`, async () => {
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json", "--no-config", module],
    }).output();
    const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as {
      modules: { specifier: string; error?: string }[];
    };
    assertEquals(modules.filter(({ error }) => error !== undefined), []);
    // What begins with "node:" is part of the runtime.
    const packages = modules.filter(({ specifier }) => !/^(file|node):/.test(specifier));
    assertEquals(packages, []);
    const folder = new URL(".", module).href;
    const others = modules.filter(({ specifier }) =>
      specifier.includes("/lib/experiments/") && !specifier.startsWith(folder)
    );
    assertEquals(others, [], "another experiment's");
  });
}
