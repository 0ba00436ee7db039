import { assert, assertEquals } from "@std/assert";
import { testNeeding } from "../../support/needs.ts";
import { inNamespace } from "../../support/programs.ts";
import { command } from "../programs.ts";

testNeeding(
  { root: true, programs: { ip: "iproute2", setpriv: "util-linux" } },
  "PacketRing.resume() continues with the very next frame, wherever the previous reader stopped; waiting counts the frames not given back",
  async () => {
    const outcome = await inNamespace(command("ffi/packet/programs/ring_goes_on.ts"), {
      timeout: 120_000,
    });
    assertEquals([outcome.code, outcome.stderr], [0, ""]);
    const { cases, wrong, waiting } = JSON.parse(outcome.stdout);
    assertEquals(wrong, []);
    assert(cases > 200, `${cases} cases`);
    // The counts in between depend on the blocks that were handed over before they were full.
    assertEquals([waiting[0], waiting[1], waiting.at(-1)], [0, 8, 0]);
    assert(waiting[2] <= 8 && waiting[3] < 8 && waiting[3] > 0, `${waiting}`);
  },
);
