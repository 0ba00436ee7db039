/** The source tree keeps its own rules, and each rule finds what breaks it. */

import { assertEquals } from "@std/assert";
import {
  circles,
  denoInEvidence,
  forbiddenImports,
  functionsIn,
  longFunctions,
  roomless,
  type Source,
  violations,
  wallClocks,
  wideComments,
} from "./house.ts";
import { ROOT } from "./support/programs.ts";

for (const [rule, broken] of Object.entries(violations(ROOT))) {
  Deno.test(`House: ${rule}`, () => assertEquals(broken, []));
}

/** A file that imports others. */
const importing = (path: string, ...imports: string[]): Source => ({ path, lines: [], imports });

/** A file with some lines. */
const holding = (path: string, ...lines: string[]): Source => ({ path, lines, imports: [] });

Deno.test("forbiddenImports() finds every import that runs upward, sideways or through the door", () => {
  const forbidden: [from: string, to: string][] = [
    ["lib/evidence/record.ts", "ffi/abi/errno.ts"],
    ["lib/evidence/record.ts", "lib/host/kernel.ts"],
    ["lib/host/kernel.ts", "lib/packets/send.ts"],
    ["lib/packets/send.ts", "lib/experiments/relay/judge.ts"],
    ["lib/inspect/look.ts", "lib/confine/policy.ts"],
    ["lib/confine/start.ts", "lib/harness/child.ts"],
    ["lib/harness/run.ts", "lib/cli/live.ts"],
    ["lib/harness/run.ts", "lib/experiments/mod.ts"],
    ["lib/experiments/relay/judge.ts", "lib/experiments/supervisor/judge.ts"],
    ["lib/experiments/relay/judge.ts", "lib/cli/live.ts"],
    ["lib/commands/inspect/judge.ts", "lib/experiments/relay/judge.ts"],
    ["lib/commands/inspect/judge.ts", "lib/report/text.ts"],
    ["lib/commands/inspect/judge.ts", "lib/commands/compare/judge.ts"],
    ["lib/commands/inspect/judge.ts", "lib/cli/live.ts"],
    ["lib/experiments/relay/judge.ts", "lib/commands/inspect/judge.ts"],
    ["lib/report/text.ts", "lib/harness/child.ts"],
    ["lib/harness/child.ts", "ffi/mod.ts"],
    ["main.ts", "ffi/process/clock.ts"],
    ["lib/cli/main.ts", "ffi/mod.ts"],
    ["ffi/abi/errno.ts", "lib/host/kernel.ts"],
    ["ffi/abi/errno.ts", "ffi/socket/poll.ts"],
    ["lib/new_room/file.ts", "lib/evidence/record.ts"],
    ["lib/stray.ts", "lib/evidence/record.ts"],
  ];
  assertEquals(
    forbiddenImports(forbidden.map(([from, to]) => importing(from, to))),
    forbidden.map(([from, to]) => `${from} → ${to}`),
  );
});

Deno.test("forbiddenImports() allows what runs downward", () => {
  const allowed = [
    importing("main.ts", "lib/cli/main.ts", "lib/host/deno_version.ts"),
    importing(
      "lib/cli/main.ts",
      "lib/cli/command_line.ts",
      "lib/experiments/mod.ts",
      "lib/commands/inspect/inspect.ts",
      "ffi/process/clock.ts",
    ),
    importing("lib/commands/inspect/inspect.ts", "lib/commands/inspect/judge/answers.ts"),
    importing("lib/commands/inspect/inspect.ts", "lib/inspect/subject.ts", "lib/harness/run.ts"),
    importing("lib/cli/help.ts", "lib/cli/live.ts", "lib/report/text.ts", "lib/evidence/record.ts"),
    importing("lib/experiments/mod.ts", "lib/experiments/relay/experiment.ts"),
    importing("lib/experiments/relay/judge.ts", "lib/experiments/relay/relay.ts"),
    importing("lib/experiments/relay/judge.ts", "lib/confine/start.ts", "lib/receive/mod.ts"),
    importing("lib/confine/start.ts", "lib/inspect/look.ts", "lib/packets/send.ts"),
    importing("lib/report/list.ts", "lib/evidence/description.ts"),
    importing("ffi/mod.ts", "ffi/abi/errno.ts"),
  ];
  assertEquals(forbiddenImports(allowed), []);
});

Deno.test("roomless() finds files outside the rooms, and rooms outside the table", () => {
  const paths = ["lib/stray.ts", "ffi/stray.ts", "lib/new_room/file.ts", "ffi/new_room/file.ts"];
  const inRooms = ["main.ts", "ffi/mod.ts", "ffi/abi/errno.ts", "lib/report/html/style.ts"];
  assertEquals(roomless([...paths, ...inRooms].map((path) => importing(path))), paths);
});

Deno.test("denoInEvidence() finds a use of Deno's API, and no mention in a comment", () => {
  const lines = ["/** Not Deno.exit(). */", "  // Deno.exit()", "Deno.exit(1);"];
  assertEquals(
    denoInEvidence([holding("lib/evidence/a.ts", ...lines), holding("lib/host/a.ts", ...lines)]),
    ["lib/evidence/a.ts:3"],
  );
});

Deno.test("circles() finds files that import each other, over several steps too", () => {
  const files = [importing("a.ts", "b.ts"), importing("b.ts", "c.ts"), importing("c.ts", "a.ts")];
  assertEquals(circles([...files, importing("d.ts", "a.ts")]), ["a.ts, b.ts, c.ts"]);
  assertEquals(circles([files[0], files[1], importing("c.ts")]), []);
});

Deno.test("wideComments() finds wide lines with a comment, and no wide code", () => {
  const wide = "x".repeat(97);
  const lines = [`// ${wide}`, `// ${wide}x`, ` * ${wide}x`, `f(${wide}); // why`, `f("${wide}");`];
  assertEquals(wideComments([holding("a.ts", ...lines)]), ["a.ts:2", "a.ts:3", "a.ts:4"]);
});

Deno.test("functionsIn() finds functions of every kind, with their lengths", () => {
  const source = holding(
    "a.ts",
    ...`export async function plain(one: number): Promise<void> {
  await one;
}
function* manyLines(
  { one, two }: Options,
): Generator<number> {
  yield one;
}
const arrow = (
  one: number,
) => {
  return one;
};
class Some {
  override async method(one: number): Promise<void> {
    if (one) {
      call({
        one,
      });
    }
  }
  get [Symbol.iterator]() {
    return 1;
  }
}
Deno.test("a test", async () => {
  await 1;
});
call(
  one,
);`.split("\n"),
  );
  assertEquals(functionsIn(source).map(({ name, lines }) => [name, lines]), [
    ["plain", 3],
    ["manyLines", 5],
    ["arrow", 5],
    ["method", 7],
    ["[Symbol.iterator]", 3],
    ["", 3],
  ]);
});

Deno.test("longFunctions() spares the two programs of an experiment, and nothing else", () => {
  const body = (name: string) => [`function ${name}() {`, ...new Array(60).fill("  1;"), "}"];
  const files = ["lib/experiments/relay/experiment.ts", "lib/harness/run.ts"];
  const names = ["parent", "child", "other"];
  const found = files.flatMap((path) => names.map((name) => holding(path, ...body(name))));
  assertEquals(longFunctions(found), [
    "lib/experiments/relay/experiment.ts:1 other has 62 lines",
    ...names.map((name) => `lib/harness/run.ts:1 ${name} has 62 lines`),
  ]);
  assertEquals(longFunctions([holding("a.ts", ...body("short").slice(0, 59), "}")]), []);
});

Deno.test("wallClocks() finds Date.now() in lib/ and ffi/, and nothing else", () => {
  const lines = ["// not Date.now()", "const deadline = Date.now() + 1000;", "performance.now();"];
  const files = ["lib/harness/run.ts", "ffi/socket/poll.ts", "tests/house_test.ts"];
  assertEquals(wallClocks(files.map((path) => holding(path, ...lines))), [
    "lib/harness/run.ts:2",
    "ffi/socket/poll.ts:2",
  ]);
});
