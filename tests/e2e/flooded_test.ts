/** The main job on a flooded interface; flooded.sweep.ts has the other experiments. */

import { assert, assertEquals } from "@std/assert";
import { OTHERS_LIMIT } from "../../lib/harness/forward.ts";
import type { Packet } from "../../lib/evidence/evidence.ts";
import { holdsStimulus } from "../../lib/packets/stimulus.ts";
import { testNeeding } from "../support/needs.ts";
import { evidenceIn } from "../support/programs.ts";
import { among, OTHERS } from "./flooded.ts";
import { FDPASS } from "./here.ts";

const root = { root: true, programs: { ip: "iproute2" } };

testNeeding(root, "A flood of others does not decide, and is bounded in the evidence", async () => {
  const command = [...FDPASS, "--json", "-t", "30", "veth-fdpass"];
  const outcome = await among(OTHERS["a flood"], command);
  const { verdict, experiments: [{ checks, packets }] } = evidenceIn(outcome);
  const open = checks.filter(({ status }) => status !== "pass").map(({ observed }) => observed);
  assertEquals([verdict, outcome.code, open], ["PASS", 0, []]);
  const isStimulus = ({ head }: Packet) => holdsStimulus(Uint8Array.fromBase64(head), "ethernet");
  const others = packets.filter((each) => !isStimulus(each)).length;
  assert(others > 0 && others <= OTHERS_LIMIT, `${others} of others`);
});
