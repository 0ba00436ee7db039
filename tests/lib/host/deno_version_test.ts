import { assertEquals, assertMatch } from "@std/assert";
import { denoTooOld, OLDEST_DENO } from "../../../lib/host/deno_version.ts";
import { ROOT, runProgram } from "../../support/programs.ts";

Deno.test("denoTooOld() accepts the oldest Deno and every later one", () => {
  const later = ["2.6.0", "2.6.8", "2.9.6", "2.10.0", "3.0.0", "2.6.0-rc.1", Deno.version.deno];
  assertEquals(later.filter((version) => denoTooOld(version) !== undefined), []);
});

Deno.test("denoTooOld() names the version found, and the version needed", () => {
  for (const version of ["2.5.7", "2.5.6", "2.0.0", "1.46.3", "0.42.0"]) {
    const message = denoTooOld(version)!;
    assertMatch(message, new RegExp(`^This is Deno ${version}, and Deno ${OLDEST_DENO} or later`));
    assertEquals(message.includes("\n"), false);
  }
});

Deno.test("scripts/tools.sh asks for the same Deno", () => {
  const tools = Deno.readTextFileSync(`${ROOT}/scripts/tools.sh`);
  assertMatch(tools, new RegExp(`^oldest_deno=${OLDEST_DENO}( |$)`, "m"));
});

Deno.test("Deno loads nothing but main.ts and the version before main.ts starts", async () => {
  const { stdout } = await runProgram(Deno.execPath(), ["info", "--json", "main.ts"]);
  const modules: { specifier: string; dependencies?: { specifier: string; code?: unknown }[] }[] =
    JSON.parse(stdout).modules;
  const codeOf = (path: string) =>
    modules.find(({ specifier }) => specifier === `file://${ROOT}/${path}`)!
      .dependencies?.filter(({ code }) => code !== undefined).map(({ specifier }) => specifier);
  assertEquals(codeOf("main.ts"), ["./lib/host/deno_version.ts"]);
  assertEquals(codeOf("lib/host/deno_version.ts"), undefined);
});
