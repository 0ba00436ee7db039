/** Hundreds of looks at a socket that moves all the time: see dancing.ts. */

import { assert } from "@std/assert";
import { testNeeding } from "../../support/needs.ts";
import { lookAtDancer } from "./dancing.ts";

testNeeding({ root: true }, "No look at a socket that moves all the time is clean", async () => {
  assert(await lookAtDancer(1000) > 0);
});
