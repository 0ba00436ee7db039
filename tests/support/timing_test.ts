import { assertEquals } from "@std/assert";
import { ROOT } from "./programs.ts";
import { LOOKS_AT_CLOCK, TIMING } from "./timing.ts";

function testsUnder(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
    isDirectory
      ? testsUnder(`${folder}/${name}`)
      : name.endsWith("_test.ts")
      ? [`${folder}/${name}`]
      : []
  );
}

Deno.test("Every test that depends on time is in the list that `deno task repeat` repeats", () => {
  const folder = `${ROOT}/tests`;
  const files = testsUnder(folder).map((path) => path.slice(folder.length + 1));
  const clocked = files.filter((file) => {
    const withoutStrings = Deno.readTextFileSync(`${folder}/${file}`).replaceAll(
      /"[^"\n]*"/g,
      '""',
    );
    return LOOKS_AT_CLOCK.test(withoutStrings);
  });
  assertEquals(clocked.filter((file) => !TIMING.includes(file)), [], "add it to timing.ts");
  assertEquals(TIMING.filter((file) => !files.includes(file)), [], "remove it from timing.ts");
});
