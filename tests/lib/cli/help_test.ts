import { assertEquals } from "@std/assert";
import { HELP } from "../../../lib/cli/help.ts";
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
