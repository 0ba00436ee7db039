/**
 * The house rules of the source tree: which folder may import which, and how long a function or a
 * comment line may be. DESIGN.md's order runs downward only:
 *
 *     main.ts → cli → experiments, commands, report → harness → confine, inspect, receive
 *     → packets, host → evidence; any → ffi
 *
 * As a program it prints every violation, then the figures by which two states of the tree compare:
 *
 *     deno run -A tests/house.ts [FOLDER]
 *
 * @module
 */

/** What a folder, or a file, may import besides itself: whatever lies below these paths. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "main.ts": ["lib/cli/main.ts", "lib/host/deno_version.ts"],
  "lib/cli/": ["lib/experiments/", "lib/commands/", ...below("harness"), "lib/report/", "ffi/"],
  "lib/report/": ["lib/evidence/"],
  "lib/experiments/mod.ts": ["lib/experiments/", "lib/harness/experiment.ts"],
  "lib/experiments/": [...below("harness"), "ffi/"],
  "lib/commands/": [...below("harness"), "ffi/"],
  "lib/harness/": ["lib/confine/", "lib/inspect/", "lib/receive/", ...below("packets"), "ffi/"],
  "lib/confine/": ["lib/inspect/", ...below("packets"), "ffi/"],
  "lib/inspect/": [...below("packets"), "ffi/"],
  "lib/receive/": [...below("packets"), "ffi/"],
  "lib/packets/": ["lib/evidence/", "ffi/"],
  "lib/host/": ["lib/evidence/", "ffi/"],
  "lib/evidence/": [],
  "ffi/mod.ts": ["ffi/"],
  "ffi/trace/": ["ffi/abi/", "ffi/socket/"],
  "ffi/seccomp/": ["ffi/abi/", "ffi/process/", "ffi/packet/", "ffi/ptrace/"],
  "ffi/ptrace/": ["ffi/abi/", "ffi/process/", "ffi/socket/poll.ts"],
  "ffi/packet/": ["ffi/abi/", "ffi/socket/"],
  "ffi/io_uring/": ["ffi/abi/", "ffi/process/descriptor.ts"],
  // Of each other these use the two calls that everything needs: poll(2) and close(2).
  "ffi/process/": ["ffi/abi/", "ffi/socket/poll.ts"],
  "ffi/socket/": ["ffi/abi/", "ffi/process/descriptor.ts"],
  "ffi/abi/": ["ffi/process/descriptor.ts"],
};

/** The rooms of lib/ on a floor and below it: `packets` for packets, host and evidence. */
function below(room: "harness" | "packets"): string[] {
  const floors = [["harness"], ["confine", "inspect", "receive"], ["packets", "host"], [
    "evidence",
  ]];
  const floor = floors.findIndex((rooms) => rooms.includes(room));
  return floors.slice(floor).flat().map((name) => `lib/${name}/`);
}

/** The longest line that has a comment in it, and the longest function, in lines. */
const COLUMNS = 100, LINES = 60;

/** A file of the tree, by its path from the root, with the files that it imports. */
export interface Source {
  readonly path: string;
  readonly lines: readonly string[];
  readonly imports: readonly string[];
}

/** The TypeScript files below some folders, or these files themselves, sorted by path. */
export function sourcesIn(root: string, places: readonly string[]): Source[] {
  return places.flatMap((place) => filesIn(root, place)).sort().map((path) => {
    const text = Deno.readTextFileSync(`${root}/${path}`);
    return { path, lines: text.split("\n"), imports: importsOf(path, text) };
  });
}

function filesIn(root: string, place: string): string[] {
  if (place.endsWith(".ts")) return [place];
  return [...Deno.readDirSync(`${root}/${place}`)].flatMap(({ name, isDirectory }) =>
    isDirectory || name.endsWith(".ts") ? filesIn(root, `${place}/${name}`) : []
  );
}

/** The files of the tree that a file imports, for types too; examples in comments do not count. */
function importsOf(path: string, text: string): string[] {
  const code = text.replace(/^\s*(\/\/|\/?\*).*$/gm, "");
  const specifiers = code.matchAll(/\b(?:from|import)\b\s*\(?\s*"(\.[^"]*)"/g);
  const base = `file:///${path}`;
  return [...new Set([...specifiers].map(([, to]) => new URL(to, base).pathname.slice(1)))];
}

/** Whether a path is another one, or lies below it. */
const isWithin = (path: string, place: string) =>
  place.endsWith("/") ? path.startsWith(place) : path === place;

/** The entry of the table for a file: the longest that holds it. */
function roomOf(path: string): string | undefined {
  const places = Object.keys(MAY_IMPORT).filter((place) => isWithin(path, place));
  return places.sort((a, b) => b.length - a.length).at(0);
}

/** The folder of its own that an experiment or a command has. */
const ownFolderOf = (path: string) => /^lib\/(experiments|commands)\/\w+\//.exec(path)?.[0];

/** Imports that the table does not allow, as `importer → imported`. */
export function forbiddenImports(sources: readonly Source[]): string[] {
  return sources.flatMap(({ path, imports }) => {
    const room = roomOf(path);
    const own = ownFolderOf(path) ?? (room?.endsWith("/") ? room : undefined);
    const allowed = [...room === undefined ? [] : MAY_IMPORT[room], ...own ? [own] : []];
    return imports.filter((to) =>
      !allowed.some((place) => isWithin(to, place)) || to === "ffi/mod.ts"
    ).map((to) => `${path} → ${to}`);
  });
}

/** Files outside the rooms of the table: ffi/ has its door, ffi/mod.ts, and lib/ has none. */
export function roomless(sources: readonly Source[]): string[] {
  return sources.map(({ path }) => path).filter((path) => roomOf(path) === undefined);
}

/** Uses of Deno's API in lib/evidence, which must run anywhere. */
export function denoInEvidence(sources: readonly Source[]): string[] {
  return sources.filter(({ path }) => path.startsWith("lib/evidence/")).flatMap((source) =>
    linesOf(source, (line) => !isComment(line) && /\bDeno\.\w/.test(line))
  );
}

/**
 * Uses of the wall clock in lib/ and ffi/: someone may set it in mid-run, so no deadline may rest
 * on it.
 */
export function wallClocks(sources: readonly Source[]): string[] {
  const isMatter = ({ path }: Source) => /^(lib|ffi)\//.test(path);
  return sources.filter(isMatter).flatMap((source) =>
    linesOf(source, (line) => !isComment(line) && /\bDate\.now\b/.test(line))
  );
}

/** Files that import each other in a circle, each circle as one line. */
export function circles(sources: readonly Source[]): string[] {
  const graph = new Map(sources.map(({ path, imports }) => [path, imports]));
  return components(graph).filter(({ length }) => length > 1).map((files) => files.join(", "));
}

/** Lines with a comment that are too wide. */
export function wideComments(sources: readonly Source[]): string[] {
  const hasComment = (line: string) => isComment(line) || /[;,({})\]] \/\/ /.test(line);
  return sources.flatMap((source) =>
    linesOf(source, (line) => line.length > COLUMNS && hasComment(line))
  );
}

const isComment = (line: string) => /^\s*(\/\/|\/\*|\*)/.test(line);

function linesOf({ path, lines }: Source, isMeant: (line: string) => boolean): string[] {
  return lines.flatMap((line, at) => isMeant(line) ? [`${path}:${at + 1}`] : []);
}

/** A function, by its name where it has one, with the number of its lines. */
interface Function {
  readonly at: string;
  readonly name: string;
  readonly lines: number;
}

const KEYWORD = /^(if|for|while|switch|catch|with)$/;
const MODIFIERS = "(?:(?:export|default|async|static|private|protected|public|override|get|set) )*";
const NAMED = new RegExp(
  `^${MODIFIERS}(?:function\\b)?\\*? ?(#?[\\w$]+|\\[[\\w.]+\\])(?:<.*>)?\\(`,
);
const VARIABLE = /^(?:export )?(?:const|let) (\w+)\b.*=/;

const indentOf = (line: string) => /^ */.exec(line)![0].length;

/**
 * The functions of a file that have a body in braces, found by the indentation that `deno fmt`
 * keeps: a body ends at the first line that is indented as its beginning and starts with a brace,
 * and so does a list of parameters, with a parenthesis.
 */
export function functionsIn({ path, lines }: Source): Function[] {
  return lines.flatMap((line, opening): Function[] => {
    if (isComment(line) || !/ \{$/.test(line)) return [];
    const indent = indentOf(line);
    const isAt = (other: string) => other.trim() !== "" && indentOf(other) === indent;
    const isHead = (other: string) => isAt(other) && !/^[)}\]]/.test(other.trimStart());
    const start = lines.slice(0, opening + 1).findLastIndex(isHead);
    const head = lines[start]?.trimStart() ?? "";
    const [, name = ""] = NAMED.exec(head) ?? [];
    const isArrow = / => \{$/.test(line);
    const isNamed = name !== "" && !KEYWORD.test(name) && /\)(: .*)? \{$/.test(line);
    if (!isArrow && !isNamed) return [];
    const length = lines.slice(opening + 1)
      .findIndex((other) => isAt(other) && other.trimStart().startsWith("}"));
    if (length === -1) return [];
    const variable = VARIABLE.exec(head)?.[1];
    return [{
      at: `${path}:${start + 1}`,
      name: (isNamed ? name : variable) ?? "",
      lines: opening - start + length + 2,
    }];
  });
}

/** Functions that are too long; an experiment's two programs are straight lines and may be. */
export function longFunctions(sources: readonly Source[]): string[] {
  return sources.flatMap((source) => functionsIn(source).filter(({ lines }) => lines > LINES))
    .filter(({ at, name }) =>
      !(/^lib\/.*\/experiment\.ts:/.test(at) && /^(parent|child)$/.test(name))
    )
    .map(({ at, name, lines }) => `${at} ${name} has ${lines} lines`);
}

type Graph = ReadonlyMap<string, readonly string[]>;

/** The strongly connected components of a graph, each after those that it leads to (Tarjan). */
function components(graph: Graph): string[][] {
  const order = new Map<string, number>(), low = new Map<string, number>();
  const stack: string[] = [], found: string[][] = [];
  const visit = (node: string) => {
    order.set(node, order.size);
    low.set(node, order.get(node)!);
    stack.push(node);
    for (const next of graph.get(node) ?? []) {
      if (!order.has(next)) visit(next);
      if (stack.includes(next)) low.set(node, Math.min(low.get(node)!, low.get(next)!));
    }
    if (low.get(node) === order.get(node)) found.push(stack.splice(stack.indexOf(node)));
  };
  for (const node of graph.keys()) if (!order.has(node)) visit(node);
  return found;
}

/** Every rule, by name, with what breaks it. */
export function violations(root: string): Readonly<Record<string, readonly string[]>> {
  const product = sourcesIn(root, ["ffi", "lib", "main.ts"]);
  const all = [...product, ...sourcesIn(root, ["tests", "bench", "scripts"])];
  return {
    "Imports run downward only": forbiddenImports(product),
    "Every file of lib/ and ffi/ is in a room": roomless(product),
    "The evidence does not depend on Deno": denoInEvidence(product),
    "No deadline rests on the wall clock": wallClocks(product),
    "No files import each other in a circle": circles(all),
    [`Comments keep to ${COLUMNS} columns`]: wideComments(all),
    [`Functions have at most ${LINES} lines`]: longFunctions(all),
  };
}

/** A room of the figures: a folder of lib/, ffi/ as a whole, or a file outside the rooms. */
const folderOf = (path: string) => /^lib\/\w+(?=\/)|^ffi|^.*$/.exec(path)![0];

/** How rooms lead to rooms. */
function rooms(sources: readonly Source[]): Graph {
  const graph = new Map<string, string[]>();
  for (const { path, imports } of sources) {
    const room = folderOf(path), to = imports.map(folderOf).filter((other) => other !== room);
    graph.set(room, [...new Set([...graph.get(room) ?? [], ...to])]);
  }
  return graph;
}

/** How many rooms the longest way down through a graph passes; rooms in a circle share a floor. */
function floors(graph: Graph): number {
  const height = new Map<string, number>();
  for (const component of components(graph)) { // what a room leads to comes before it
    const next = component.flatMap((room) => graph.get(room) ?? []).map((to) =>
      height.get(to) ?? 0
    );
    for (const room of component) height.set(room, 1 + Math.max(0, ...next));
  }
  return Math.max(...height.values());
}

/** A module in the output of `deno info --json`. */
interface Module {
  readonly specifier: string;
  readonly local?: string;
  readonly dependencies?: readonly {
    readonly isDynamic?: boolean;
    readonly code?: { readonly specifier?: string };
  }[];
}

/** The modules that a program loads at its start: no types, and no dynamic imports. */
async function loadedBy(program: string): Promise<Module[]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", program],
    stderr: "null",
  }).output();
  const info = JSON.parse(new TextDecoder().decode(stdout));
  const modules: readonly Module[] = info.modules;
  const byName = new Map(modules.map((module) => [module.specifier, module]));
  const loaded = new Set<string>(), next: string[] = [...info.roots];
  for (let name = next.pop(); name !== undefined; name = next.pop()) {
    if (loaded.has(name)) continue;
    loaded.add(name);
    const { dependencies = [] } = byName.get(name) ?? {};
    next.push(
      ...dependencies.flatMap(({ isDynamic, code }) => isDynamic ? [] : code?.specifier ?? []),
    );
  }
  return [...loaded].map((name) => byName.get(name) ?? { specifier: name });
}

/** The experiments' modules, which are the main modules of their children. */
function childPrograms(sources: readonly Source[]): string[] {
  return sources.map(({ path }) => path)
    .filter((path) => /^lib\/experiments\/(\w+\/experiment|(?!mod)\w+)\.ts$/.test(path));
}

const linesIn = (sources: readonly Source[]) =>
  sources.reduce((sum, { lines }) => sum + lines.length - 1, 0);

/** The figures, one a line. */
async function* figures(root: string): AsyncGenerator<string> {
  const sources = sourcesIn(root, ["ffi", "lib", "main.ts"]);
  const graph = rooms(sources);
  const functions = sources.flatMap(functionsIn).sort((a, b) => b.lines - a.lines);
  const { at, name, lines } = functions[0];
  const isDirect = (path: string) => /^lib\/[^/]+$/.test(path);
  yield `files directly in lib/: ${sources.filter(({ path }) => isDirect(path)).length}`;
  yield `rooms: ${graph.size}, floors: ${floors(graph)}, arrows between rooms: ${
    [...graph.values()].flat().length
  }`;
  yield `import circles: ${circles(sources).length}`;
  yield `longest function: ${lines} lines (${name} at ${at}), median: ${
    functions[functions.length >> 1].lines
  }`;
  for (const folder of ["lib", "ffi"]) {
    const within = sources.filter(({ path }) => path.startsWith(`${folder}/`));
    yield `${folder}/: ${within.length} files, ${linesIn(within)} lines`;
  }
  for (const program of childPrograms(sources)) {
    const modules = await loadedBy(`${root}/${program}`);
    const files = modules.filter(({ specifier }) => specifier.startsWith("file:"));
    const count = files.map(({ specifier }) =>
      Deno.readTextFileSync(new URL(specifier)).split("\n").length - 1
    ).reduce((sum, each) => sum + each, 0);
    const ofFfi = files.filter(({ specifier }) => specifier.includes("/ffi/")).length;
    yield `child of ${program}: ${modules.length} modules (${ofFfi} of ffi/), ${count} lines`;
  }
}

if (import.meta.main) {
  const root = Deno.realPathSync(Deno.args[0] ?? new URL("..", import.meta.url).pathname);
  const write = (text: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
  for (const [rule, broken] of Object.entries(violations(root))) {
    write(`${rule}: ${broken.length === 0 ? "kept" : `${broken.length} times broken`}`);
    for (const where of broken) write(`  ${where}`);
  }
  for await (const figure of figures(root)) write(figure);
}
