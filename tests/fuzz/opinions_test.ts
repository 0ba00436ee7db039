/**
 * The record of an experiment, against a child that reports anything. FDPASS_SEQUENCES is the
 * number of runs; millions take minutes.
 */

import { chosen } from "./target.ts";
import { opinions } from "./opinions.ts";

const SEQUENCES = Number(Deno.env.get("FDPASS_SEQUENCES") ?? 200_000);

Deno.test(`${opinions.claim}: ${SEQUENCES} runs (seed ${chosen().seed})`, () => {
  opinions.run({ ...chosen(), cases: SEQUENCES });
});
