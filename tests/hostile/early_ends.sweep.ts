/** What authority has seen stands, although there is no time for the rest. */

import { assertEquals, assertMatch } from "@std/assert";
import { testNeeding } from "../support/needs.ts";
import { runMisdeed } from "./early_ends.ts";

const root = { root: true, programs: { ip: "iproute2", setpriv: "util-linux" } };

testNeeding(
  root,
  "More than listed is FAIL, although time runs out before the last column",
  async () => {
    const args = ["-e", "authority", "-t", "3"];
    const { code, error, refuted } = await runMisdeed("braggart", args);
    assertMatch(error, /^Time ran out/);
    assertEquals([code, refuted[0]], [1, "AUTH-01"]);
  },
);
