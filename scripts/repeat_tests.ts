/**
 * Repeats the tests that depend on time, with and without load, and prints which failed, how often,
 * and where the log is.
 *
 *     deno task repeat                        a hundred times
 *     deno task repeat --times 5 --load 8     five times, beside eight busy loops
 *     deno task repeat tests/e2e/live_test.ts other tests
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { TIMING } from "../tests/support/timing.ts";

const { times, load, _: given } = parseArgs(Deno.args, {
  string: ["times", "load"],
  default: { times: "100", load: "0" },
});
const files = given.length > 0 ? given.map(String) : TIMING.map((file) => `tests/${file}`);

/** Busy loops on every processor. Leaving the scope of a `using` ends them. */
class Load implements Disposable {
  readonly #loops: Deno.ChildProcess[];

  constructor(count: number) {
    const loop = ["-c", "while :; do :; done"];
    this.#loops = Array.from(
      { length: count },
      () => new Deno.Command("sh", { args: loop }).spawn(),
    );
  }

  [Symbol.dispose](): void {
    for (const loop of this.#loops) loop.kill("SIGKILL");
  }
}

const say = (text: string) => void Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));

/** Runs the tests once. Returns the output, and the names of the tests that failed. */
async function runTests(): Promise<{ output: string; failed: string[]; isGood: boolean }> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--no-check", ...files],
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  const output = decoder.decode(stdout) + decoder.decode(stderr);
  const failed = [...output.matchAll(/^(.+) \.\.\. FAILED \(/gm)].map(([, name]) => name);
  return {
    output,
    failed: success || failed.length > 0 ? failed : ["(no test: see the log)"],
    isGood: success,
  };
}

const folder = await Deno.makeTempDir({ prefix: "repeated-" });
const failures = new Map<string, string[]>();
{
  using _load = new Load(Number(load));
  for (let i = 1; i <= Number(times); i++) {
    const started = performance.now();
    const { output, failed, isGood } = await runTests();
    const seconds = Math.round((performance.now() - started) / 1000);
    say(`${i} of ${times}: ${isGood ? "ok" : "FAILED"} (${seconds} s)`);
    if (isGood) continue;
    const log = `${folder}/${i}.log`;
    await Deno.writeTextFile(log, output);
    for (const name of failed) failures.set(name, [...failures.get(name) ?? [], log]);
  }
}
for (const [name, logs] of failures) say(`${logs.length} of ${times}: ${name}: ${logs.join(" ")}`);
if (failures.size === 0) await Deno.remove(folder);
Deno.exit(failures.size === 0 ? 0 : 1);
