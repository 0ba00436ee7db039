/**
 * The one-file build gives the same verdicts alone: from an empty folder, without a network and
 * without a cache.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { VERSION } from "../../lib/evidence/version.ts";
import { testNeeding } from "../support/needs.ts";
import { ROOT, runProgram } from "../support/programs.ts";
import { ALONE, assertSame, bundled } from "./one_file.ts";

testNeeding(
  { root: true },
  "The one-file build alone gives the verdict of main.ts",
  () =>
    bundled(async (place) => {
      assertEquals([...Deno.readDirSync(place.folder)].map(({ name }) => name), ["fdpass.js"]);
      await assertSame(place, ["--harden", "veth-fdpass"]);
      const files = ["--report", "run.html", "--pcap", "run.pcapng"].map((word) =>
        word.startsWith("run") ? `${place.cache}/${word}` : word
      );
      await assertSame(place, ["--trace", "--force", ...files, "veth-fdpass"]);
      assertMatch(await Deno.readTextFile(`${place.cache}/run.html`), /^<!DOCTYPE html>/);
      assertEquals([...Deno.readDirSync(place.folder)].map(({ name }) => name), ["fdpass.js"]);
    }),
);

testNeeding(
  { root: true },
  "The command in the head of the one-file build works",
  () =>
    bundled(async ({ folder, cache }) => {
      const head = (await Deno.readTextFile(`${folder}/fdpass.js`)).split("*/")[0];
      const command = head.match(/unshare --net[^]*?veth-fdpass'/)![0].replace(/^ \*/gm, "");
      const outcome = await runProgram("bash", [
        ...["-c", `cd "$0" && ${command.replace("-e all", "-q")}`, folder],
      ], { env: { DENO_DIR: cache, PATH: `${Deno.execPath()}/..:${Deno.env.get("PATH")}` } });
      assertEquals(outcome, {
        code: 0,
        stdout: "PASS privilege-drop: 14 of 14 checks hold\n",
        stderr: "",
      });
    }),
);

testNeeding(
  {},
  "The one-file build is readable: it has every module as it was written",
  () =>
    bundled(async ({ folder, cache }) => {
      const code = await Deno.readTextFile(`${folder}/fdpass.js`);
      assertMatch(code, new RegExp(`^/\\*\\*\\n \\* fdpass ${VERSION} \\(commit \\w+\\+?\\)`));
      const titles = [...code.matchAll(/^\/\/ ─+ (.*)$/gm)].map(([, title]) => title);
      const wanted = [
        "lib/cli/main.ts",
        "ffi/socket/cmsg.ts",
        "lib/harness/child_main.ts",
        "lib/experiments/privilege_drop/experiment.ts",
      ];
      assertEquals(wanted.filter((title) => !titles.includes(title)), []);
      const place = (title: string) => titles.indexOf(title);
      assertEquals(
        place("ffi/socket/cmsg.ts") < place("lib/harness/child_main.ts"),
        true,
        "an imported module comes first",
      );
      for (const path of titles.filter((title) => /^(ffi|lib)\//.test(title))) {
        const source = await Deno.readTextFile(`${ROOT}/${path}`);
        const [theory] = source.match(/^\/\*\*[^]*?\*\//) ?? [""];
        assertEquals(code.includes(theory), true, `the header of ${path} is missing`);
        for (const [, name] of source.matchAll(/^export (?:async )?(?:function|class) (\w+)/gm)) {
          assertMatch(
            code,
            new RegExp(`^(async )?(function|class) ${name}(\\$\\d+)?\\b`, "m"),
            name,
          );
        }
      }
      const lines = code.split("\n");
      // a text of the catalogue, or a long comment
      const long = lines.filter((line) => line.length > 160);
      assertEquals(long.length < lines.length / 100, true, `${long.length} lines are long`);
      const deno = [...ALONE, `${folder}/fdpass.js`, "--version"];
      const outcome = await runProgram(Deno.execPath(), deno, { env: { DENO_DIR: cache } });
      assertEquals(outcome, { code: 0, stdout: `fdpass ${VERSION}\n`, stderr: "" });
    }),
);

Deno.test("Importing main.ts or the one-file build's main module starts nothing", async () => {
  for (const module of ["main.ts", "lib/experiments/mod.ts", "scripts/bundle_main.ts"]) {
    const program = `await import("${ROOT}/${module}"); console.log("still here");`;
    const { code, stdout } = await runProgram(Deno.execPath(), ["eval", program]);
    assertEquals([code, stdout], [0, "still here\n"]);
  }
});
