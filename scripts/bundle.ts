/**
 * Makes the one-file build: `deno task bundle [FILE]`.
 *
 * It is made to be read. Deno removes the types (`deno transpile`), rollup joins the modules, each
 * after those that it imports, and renames only names that collide (`child$1`). Nothing is left out
 * or shortened, and the comments stay.
 *
 * @module
 */

// deno-lint-ignore-file no-console -- this program prints

import { rollup, VERSION as ROLLUP } from "rollup";
import { VERSION } from "../lib/evidence/version.ts";
import { OLDEST_DENO } from "../lib/host/deno_version.ts";

const ROOT = new URL("..", import.meta.url).pathname;
const ENTRY = `${ROOT}scripts/bundle_main.ts`;
const [OUTPUT = `${ROOT}dist/fdpass.js`] = Deno.args;

/** The modules of a program, as in `deno info --json`. */
interface ModuleGraph {
  readonly modules: readonly {
    readonly specifier: string;
    readonly local?: string;
    readonly npmPackage?: string;
  }[];
  readonly npmPackages: Readonly<Record<string, { readonly localPath: string }>>;
}

async function output(program: string, args: readonly string[], input = ""): Promise<string> {
  const command = new Deno.Command(program, {
    args: [...args],
    cwd: ROOT,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  });
  const process = command.spawn();
  const writer = process.stdin.getWriter();
  const written = writer.write(new TextEncoder().encode(input)).then(() => writer.close());
  const { success, stdout, stderr } = await process.output();
  await written;
  if (!success) throw new Error(`${program} ${args[0]}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

const deno = (args: readonly string[], input?: string) => output(Deno.execPath(), args, input);

/** The commit that it is made from, with a plus sign if files differ from it. */
async function commit(): Promise<string> {
  try {
    const hash = (await output("git", ["rev-parse", "--short=12", "HEAD"])).trim();
    const changes = await output("git", ["status", "--porcelain", "--untracked-files=no"]);
    return `commit ${hash}${changes === "" ? "" : "+"}`;
  } catch {
    return "commit unknown";
  }
}

/** Joins short lists and objects of plain words on one line; `deno fmt` keeps them on several. */
function onOneLine(code: string): string {
  const item = String
    .raw`[\w.$]+(?:: [^\n{}();"'\x60/]+?|: "[^"\n]*")?|-?\d+|"[^"\n]*"|\.\.\.[\w.#]+|\[[^[\]\n]*\]|\{[^{}\n]*\}`;
  const list = new RegExp(String.raw`([[{])\n((?:\s*(?:${item}),?\n)+)\s*([\]}])`, "g");
  const shorter = code.replace(list, (whole, open: string, items: string, close: string) => {
    const words = items.trim().replace(/\s*\n\s*/g, " ");
    const space = open === "{" ? " " : "";
    return words.length > 80 ? whole : `${open}${space}${words}${space}${close}`;
  });
  return shorter === code ? code : onOneLine(shorter);
}

/**
 * Restores the layout that the removal of types destroys: an empty line, then a doc comment, then
 * its declaration.
 */
function relaid(code: string): string {
  const lines = onOneLine(code)
    .replace(/^(\s*)(\/\*\*.*\*\/) (?=\S)/gm, "$1$2\n$1")
    .replace(/^(\s*)(\/\*\*[^]*?\*\/) (?=\S)/gm, "$1$2\n$1")
    .split("\n");
  const begins =
    /^( {2})?(\/\*\*|(export )?(default )?(async )?(function|class) )|^(\/\/|(export )?const )/;
  return lines.flatMap((line, i) => {
    const before = lines[i - 1] ?? "";
    const isBelowComment = /^\s*\/\/|\*\/$/.test(before) && !/^\s*\/\//.test(line);
    const follows = before === "" || /[{[(,]$/.test(before) || isBelowComment ||
      /^(import |\/\/)/.test(before);
    const isRow = /^(export )?const /.test(line) && /^(export )?const .*;$/.test(before);
    return begins.test(line) && !follows && !isRow ? ["", line] : [line];
  }).join("\n");
}

/**
 * Moves the imports of a module above its header comment, because rollup removes them together with
 * everything before them.
 */
function headed(title: string, source: string, code: string): string {
  const [theory] = source.match(/^\/\*\*[^]*?\*\//) ?? [""];
  const imports = code.match(/^import .*;$/gm) ?? [];
  const rest = code.replace(theory, "").replace(/^import .*;$/gm, "").trimStart();
  return `${imports.join("\n")}\n// ${"─".repeat(20)} ${title}\n\n${theory}\n\n${rest}`;
}

const graph: ModuleGraph = JSON.parse(await deno(["info", "--json", ENTRY]));
const isLocal = (path: string) => path.startsWith(ROOT);
const sources = graph.modules.map(({ local }) => local ?? "").filter(isLocal);
const importMap: Record<string, string> =
  JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`)).imports;

/** The path of a module in a package that the import map names. */
function inPackage(specifier: string): string {
  const [, name, path] = importMap[specifier].match(/^npm:([^/]+)\/(.*)$/)!;
  return `${graph.npmPackages[name].localPath}/${path}`;
}

const folder = await Deno.makeTempDir();
try {
  await deno(["transpile", "--no-check", "--outdir", folder, ...sources]);
  const transpiled = (path: string) =>
    isLocal(path) ? `${folder}/${path.slice(ROOT.length).replace(/\.ts$/, ".js")}` : path;

  const bundle = await rollup({
    input: ENTRY,
    treeshake: false,
    external: /^node:/,
    plugins: [{
      name: "deno",
      resolveId(specifier, importer) {
        if (importer === undefined || specifier.startsWith("node:")) return undefined;
        if (specifier in importMap) return inPackage(specifier);
        return new URL(specifier, `file://${importer}`).pathname.replace(
          /\.js$/,
          (end) => isLocal(importer) ? ".ts" : end,
        );
      },
      async load(path) {
        const title = isLocal(path)
          ? path.slice(ROOT.length)
          : path.replace(/^.*\/npm\/[^/]+\//, "npm:");
        const [source, code] = await Promise.all(
          [path, transpiled(path)].map((each) => Deno.readTextFile(each)),
        );
        return headed(title, source, relaid(code));
      },
      resolveImportMeta(property, { moduleId }) {
        // In the one file only the entry is a main module.
        return property === "main" && moduleId !== ENTRY ? "false" : null;
      },
    }],
  });
  const { output: [{ code }] } = await bundle.generate({
    format: "es",
    inlineDynamicImports: true,
    generatedCode: { constBindings: true },
  });
  const denoVersion = Deno.version.deno;
  const head = `/**
 * fdpass ${VERSION} (${await commit()}) in one file: experiments with AF_PACKET sockets that
 * are passed by SCM_RIGHTS to a process without privilege. As root, in a private network namespace
 * that the kernel removes afterwards:
 *
 *     unshare --net sh -c 'ip link set lo up &&
 *       ip link add veth-fdpass type veth peer name veth-far &&
 *       ip link set veth-fdpass up && ip link set veth-far up &&
 *       deno run -A ./fdpass.js -e all veth-fdpass'
 *
 * Or on an existing interface: deno run -A ./fdpass.js INTERFACE. For the rest see --help. It needs
 * Deno ${OLDEST_DENO} or later, and nothing from a network or a cache.
 *
 * Made by \`deno task bundle\`: \`deno transpile\` (Deno ${denoVersion}) removed the types,
 * rollup ${ROLLUP} (treeshake: false) joined ${sources.length} modules, then \`deno fmt\`.
 * Each module follows those that it imports, begins with a line that names its file, and keeps its
 * names, except that the second of two equal names ends in $1, the third in $2, and so on. Only the
 * last one is a main module; \`import.meta.main\` of the others is replaced by false.
 */

`;
  const formatted = await deno(["fmt", "--ext", "js", "--line-width", "100", "-"], head + code);
  await Deno.mkdir(OUTPUT.replace(/[^/]*$/, "") || ".", { recursive: true });
  await Deno.writeTextFile(OUTPUT, formatted);
  console.log(`${OUTPUT}: ${formatted.split("\n").length} lines`);
} finally {
  await Deno.remove(folder, { recursive: true });
}
