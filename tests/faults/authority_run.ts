/**
 * The hardened column of the experiment `authority`, with a fault or without some protections: prints its evidence.
 *
 *     deno run -A tests/faults/authority_run.ts FAULT [PROTECTION…]
 *
 * @module
 */

import { authority, parent } from "../../lib/experiments/authority.ts";
import { ALL_PROTECTIONS } from "../../lib/protections.ts";
import { renderJson } from "../../lib/report/json.ts";
import { environment, evidenceOf, runExperiment } from "../../lib/run.ts";
import { findSetting } from "../../lib/setting.ts";

const [fault, ...omitted] = Deno.args;
const chosen = ALL_PROTECTIONS.filter((protection) => !omitted.includes(protection));
const options = {
  interface: "veth-fdpass",
  count: 5,
  timeout: 5,
  user: "nobody:65534",
  stimulus: undefined,
  harden: false,
  receive: undefined,
};
const evidence = evidenceOf(environment(options.interface, options.user), [
  await runExperiment(
    { ...authority, parent: (run) => parent(run, [{ name: "hardened", chosen }]) },
    {
      setting: findSetting(options, ""),
      signal: new AbortController().signal,
      childModule: new URL(`./authority_child.ts?${fault}`, import.meta.url).href,
    },
  ),
]);
await Deno.stdout.write(new TextEncoder().encode(renderJson(evidence)));
Deno.exit(evidence.exit);
