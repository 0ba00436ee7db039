import { assertEquals } from "@std/assert";
import { withSpread, writeJson } from "../../bench/json.ts";
import { ROOT } from "../support/programs.ts";

Deno.test("writeJson() writes measurements, their spread and the machine", () => {
  const file = Deno.makeTempFileSync();
  try {
    writeJson(file, withSpread({ "ratio": [3, 1, 2] }));
    assertEquals(JSON.parse(Deno.readTextFileSync(file)), {
      environment: {
        kernel: Deno.osRelease(),
        arch: Deno.build.arch,
        deno: Deno.version.deno,
      },
      ratio: { values: [3, 1, 2], spread: { minimum: 1, median: 2, maximum: 3 } },
    });
  } finally {
    Deno.removeSync(file);
  }
});

for (
  const [args, stderr] of [
    [["--jsno", "FILE"], "--jsno is not understood"],
    [["--json"], "--json without a file is not understood"],
    [["many"], "many is not understood"],
    [["0"], "0 is not understood"],
    [["5", "6"], "6 is not understood"],
  ] as const
) {
  Deno.test(`numbersAndJson() refuses ${args.join(" ")} before anything is measured`, async () => {
    const output = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "bench/scm_rights.ts", ...args],
      cwd: ROOT,
    }).output();
    assertEquals([output.code, new TextDecoder().decode(output.stderr)], [
      2,
      `bench/scm_rights.ts: ${stderr}\n`,
    ]);
  });
}
