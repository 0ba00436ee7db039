import { assertEquals } from "@std/assert";
import { EXPERIMENTS } from "../../../lib/experiments/mod.ts";
import { modulesOf } from "../../../lib/host/modules.ts";
import { runProgram } from "../../support/programs.ts";

/** The local modules of a program, as Deno finds them. */
async function byDeno(main: string): Promise<string[]> {
  const { stdout } = await runProgram(Deno.execPath(), ["info", "--json", "--no-config", main]);
  const { modules }: { modules: { specifier: string }[] } = JSON.parse(stdout);
  return modules.map(({ specifier }) => specifier).filter((each) => each.startsWith("file:"))
    .map((each) => new URL(each).pathname);
}

Deno.test("modulesOf() finds every module that Deno finds, with the main module first", async () => {
  for (const { module } of EXPERIMENTS) {
    const found = modulesOf(`${module}?query#fragment`);
    assertEquals(found[0], new URL(module).pathname);
    assertEquals((await byDeno(module)).filter((path) => !found.includes(path)), []);
  }
});

Deno.test("modulesOf() follows imports of every form, in folders of any name, and no import twice", async () => {
  const folder = await Deno.makeTempDir({ suffix: " %é" });
  try {
    const files = {
      "a.ts": 'import "./b.ts"; export * from "./c.ts"; await import("./sub/d.ts");',
      "b.ts": 'import type { A } from "./a.ts"; import { x } from "npm:x"; // from "./no.ts"',
      "c.ts": 'import {\n  e,\n} from "./sub/e.ts?query";',
      "sub/d.ts": 'import "../b.ts";',
      "sub/e.ts": "",
      "stray.ts": "",
    };
    await Deno.mkdir(`${folder}/sub`);
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(`${folder}/${name}`, text);
    }
    const main = new URL(`file://${folder.replace("%", "%25")}/a.ts`).href;
    assertEquals(
      modulesOf(main),
      ["a.ts", "b.ts", "c.ts", "sub/d.ts", "sub/e.ts"].map((name) => `${folder}/${name}`),
    );
    assertEquals(modulesOf("file:///no/such/file.ts"), []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
