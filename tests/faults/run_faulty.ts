/**
 * The main job with one fault: prints its evidence.
 *
 *     deno run -A tests/faults/run_faulty.ts FAULT
 *
 * @module
 */

import { renderJson } from "../../lib/report/json.ts";
import { environment, evidenceOf, runExperiment } from "../../lib/run.ts";
import { findSetting } from "../../lib/setting.ts";
import { FAULTS, faulty } from "./faults.ts";

const [name] = Deno.args;
const options = {
  interface: "veth-fdpass",
  count: 5,
  timeout: 2,
  user: "nobody:65534",
  stimulus: undefined,
  harden: false,
  receive: undefined,
};
const evidence = evidenceOf(environment(options.interface, options.user), [
  await runExperiment(faulty(FAULTS[name]), {
    setting: findSetting(options, ""),
    signal: new AbortController().signal,
    childModule: new URL(`./faulty_child.ts?${name}`, import.meta.url).href,
  }),
]);
await Deno.stdout.write(new TextEncoder().encode(renderJson(evidence)));
Deno.exit(evidence.exit);
