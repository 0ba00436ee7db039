/**
 * The stand-in answers the call that it is aimed at and no other, and its journal survives the
 * process.
 */

import { assertEquals } from "@std/assert";
import { testNeeding } from "../../support/needs.ts";
import { runProgram } from "../../support/programs.ts";
import { readJournals } from "./journal.ts";
import type { Answering, Line } from "./stand_in.ts";

const PROGRAM = new URL("./stand_in_calls.ts", import.meta.url).pathname;

async function run(answering?: Answering) {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.chmod(folder, 0o1777);
    const args = ["run", "-A", PROGRAM, folder, JSON.stringify(answering) ?? ""];
    const { code, stdout } = await runProgram(Deno.execPath(), args);
    const journals = [...readJournals(folder)].map(([process, lines]) => {
      const calls = lines.map((line): Line => JSON.parse(line));
      return { process, calls: calls.filter(([libc]) => libc === "socketpair") };
    });
    return { code, results: JSON.parse(stdout), journals };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const SIGKILLED = 128 + 9;

testNeeding({ root: true }, "A stand-in answers one call, and writes down all", async () => {
  const clean = await run();
  assertEquals([clean.code, clean.results], [SIGKILLED, Array(4).fill("0")]);
  const [{ process, calls }] = clean.journals;
  assertEquals([clean.journals.length, process, calls.length], [1, "child.1", 4]);
  const [[libc, name, place]] = calls;
  assertEquals(
    calls.map((call) => call.slice(0, 5)),
    [1, 2, 3, 4].map((turn) => [
      ...[libc, name, place, turn, 0],
    ]),
  );

  const aim = { process, libc, name, place, turn: 2 };
  const refused = await run({ ...aim, answer: { errno: 24 } });
  assertEquals(refused.results, ["0", "EMFILE", "0", "0"]);
  const { calls: answered } = refused.journals[0];
  assertEquals(answered.map(([, , , , result, , isStandIn]) => [result, isStandIn]), [
    [0, false],
    [-1, true],
    [0, false],
    [0, false],
  ]);

  const elsewhere = await run({ ...aim, process: "child.2", answer: { errno: 24 } });
  assertEquals(elsewhere.results, clean.results);
});
