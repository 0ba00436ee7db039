import { assert, assertEquals } from "@std/assert";
import { testNeeding } from "../support/needs.ts";
import { inNamespace } from "../support/programs.ts";

const FRAMES = 1_000_000;

testNeeding(
  { root: true, programs: { ip: "iproute2", setpriv: "util-linux" } },
  "A hardened worker receives a million frames, with timers, asynchronous reads and a JIT, without a violation",
  async () => {
    const { code, stdout, stderr } = await inNamespace([
      ...[Deno.execPath(), "run", "-A", "tests/soak/soaking.ts"],
      ...["parent", "veth-fdpass", "veth-fdpass-far", String(FRAMES)],
    ], { timeout: 60_000 });
    assertEquals([code, stderr], [0, ""]);
    const { received, drops, disordered, reads, waits, timers, hot, ...end } = JSON.parse(stdout);
    assertEquals(end, { code: 0, signal: null, output: "" });
    assertEquals({ received, drops, disordered }, { received: FRAMES, drops: 0, disordered: 0 });
    const rounds = FRAMES / 100 / 50;
    assertEquals([reads, waits, hot], [rounds, rounds, rounds]);
    assert(timers > 100, `${timers} timers`);
  },
);
