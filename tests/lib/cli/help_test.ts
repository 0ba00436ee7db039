import { assertEquals } from "@std/assert";
import { HELP, INSPECT_HELP } from "../../../lib/cli/help.ts";
import { INSPECT_OPTIONS } from "../../../lib/cli/inspect_line.ts";
import { EXPERIMENTS } from "../../../lib/experiments/mod.ts";
import { RECEIVE_PATHS } from "../../../lib/receive/mod.ts";

Deno.test("HELP names every experiment and every receive path", () => {
  const words = new Set(HELP.split(/[\s,;()]+/));
  const names = [...EXPERIMENTS.map(({ name }) => name), ...Object.keys(RECEIVE_PATHS)];
  assertEquals(names.filter((name) => !words.has(name)), []);
});

Deno.test("HELP names every option once in its list", () => {
  for (
    const option of [
      ...["experiment", "list", "count", "timeout", "user", "stimulus", "receive"],
      ...["harden", "json", "tap", "report", "pcap", "force", "trace", "explain"],
    ]
  ) {
    assertEquals(HELP.match(new RegExp(`^  (-., |    )--${option} `, "gm"))?.length, 1, option);
  }
});

Deno.test("HELP has the options of inspect, each once, in lines of 100 columns", () => {
  for (const option of ["expect", "ask", "tree", "groups"]) {
    assertEquals(INSPECT_HELP.match(new RegExp(`^      --${option} `, "gm"))?.length, 1, option);
  }
  const { valued, switches } = INSPECT_OPTIONS;
  const short = { quiet: "-q", verbose: "-v", help: "-h" };
  const named = (name: string) =>
    INSPECT_HELP.includes(`--${name}`) || name in short && INSPECT_HELP.includes(
        short[name as keyof typeof short],
      );
  assertEquals([...valued, ...switches].filter((name) => !named(name)), []);
  assertEquals(INSPECT_HELP.split("\n").filter((line) => line.length > 101), []);
});
