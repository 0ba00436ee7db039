import { assert, assertEquals } from "@std/assert";
import { testNeeding } from "../support/needs.ts";
import { inNamespace } from "../support/programs.ts";

/**
 * Runs the soak, and asserts that every frame is received once and in order, or counted as dropped.
 */
async function soak(frames: number, pause: number): Promise<{ received: number; drops: number }> {
  const { code, stdout, stderr } = await inNamespace([
    ...[Deno.execPath(), "run", "-A", "tests/soak/receive_soak.ts"],
    ...["parent", String(frames), String(pause)],
  ], { timeout: 300_000 });
  assertEquals([code, stderr], [0, ""]);
  const { received, drops, packets, last, seconds: _, ...rest } = JSON.parse(stdout);
  assertEquals(rest, { disordered: 0, wrongSize: 0, code: 0, output: "" });
  assertEquals({ accountedFor: received + drops, packets }, {
    accountedFor: frames,
    packets: frames,
  });
  assert(last < frames);
  return { received, drops };
}

const needs = { root: true, programs: { ip: "iproute2", setpriv: "util-linux" } };

testNeeding(
  needs,
  "A worker accounts for each of ten million frames, received by tpacket-v3 or dropped",
  async () => {
    const { received } = await soak(10_000_000, 0);
    assert(received > 1_000_000, `${received} received`);
  },
);

testNeeding(
  needs,
  "A slow worker loses frames by tpacket-v3, and accounts for each of them",
  async () => {
    const { received, drops } = await soak(2_000_000, 500);
    assert(received > 100_000 && drops > 100_000, `${received} received, ${drops} dropped`);
  },
);
