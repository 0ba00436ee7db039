/** The rule that the record keeps, against a child that says anything. FDPASS_SEQUENCES says how many runs are tried: millions take minutes. */

import { chosen } from "./target.ts";
import { opinions } from "./opinions.ts";

const SEQUENCES = Number(Deno.env.get("FDPASS_SEQUENCES") ?? 200_000);

Deno.test(`${opinions.claim}: ${SEQUENCES} runs (seed ${chosen().seed})`, () => {
  opinions.run({ ...chosen(), cases: SEQUENCES });
});
