/** What stands when a child ends a run early, and what is a mere consequence of its end. */

import { assertEquals, assertMatch } from "@std/assert";
import { testNeeding } from "../support/needs.ts";
import { runMisdeed } from "./early_ends.ts";

const root = { root: true, programs: { ip: "iproute2" } };

testNeeding(
  root,
  "A worker that gives up is blamed for that, and not for the sockets that it lets go of",
  async () => {
    const { code, error, refuted } = await runMisdeed("departing", ["-e", "relay", "-t", "10"]);
    assertMatch(error, /^The child gave up/);
    assertEquals([code, refuted], [1, []]);
  },
);
