import { assert, assertEquals, assertMatch } from "@std/assert";
import { STEADY_PACKET, steadySequence } from "../../../../lib/experiments/supervisor/stream.ts";
import { testNeeding } from "../../../support/needs.ts";
import { inNamespace, ROOT } from "../../../support/programs.ts";

const NONCE = Uint8Array.from({ length: 16 }, (_, i) => i + 1);
const traffic = { root: true, programs: { ip: "iproute2", tc: "iproute2", setpriv: "util-linux" } };

async function resultOf(...args: string[]) {
  const program = [
    Deno.execPath(),
    "run",
    "-A",
    `${ROOT}/tests/lib/experiments/supervisor/programs/steady.ts`,
  ];
  const outcome = await inNamespace([...program, ...args], { timeout: 60_000 });
  assertEquals([outcome.code, outcome.stderr], [0, ""]);
  return JSON.parse(outcome.stdout);
}

Deno.test("steadySequence() reads the number of a frame of the stream at any offset, and of no other frame", () => {
  const bytes = new Uint8Array(200);
  for (const offset of [0, 1, 77]) {
    for (const number of [0, 1, 0x01020304, 0x80000000, 0xffffffff]) {
      bytes.set(NONCE, offset + STEADY_PACKET - 20);
      new DataView(bytes.buffer).setUint32(offset + STEADY_PACKET - 4, number);
      assertEquals(steadySequence(bytes, offset, STEADY_PACKET, NONCE), number);
      assertEquals(steadySequence(bytes, offset, STEADY_PACKET - 1, NONCE), undefined);
      assertEquals(steadySequence(bytes, offset, STEADY_PACKET + 1, NONCE), undefined);
      for (const i of [0, 15]) {
        assertEquals(steadySequence(bytes, offset, STEADY_PACKET, NONCE.with(i, 0)), undefined);
      }
    }
  }
});

testNeeding(
  traffic,
  "SteadyStimulus sends numbered frames of 64 flows at its rate, and nothing once stopped",
  async () => {
    const { atStop, later, most, sent, numbered, flows } = await resultOf("stream");
    assert(atStop > 100 && atStop <= most, `${atStop} of ${most}`);
    assertEquals(later, atStop);
    assert(sent > atStop);
    assertEquals([numbered, flows], [true, 64]);
  },
);

testNeeding(
  traffic,
  "SteadyStimulus waits while the kernel has no room, without blocking, and then catches up",
  async () => {
    const { before, after, turns, sent, received, error } = await resultOf("refused", "1");
    assertEquals(error, undefined);
    assert(after - before < 100, `${after - before} sent while there was no room`);
    assert(turns > 20, `the event loop went on: ${turns} turns`);
    assert(sent > after + 200, `${sent} sent in the end, ${after} before`);
    assert(received > sent - 20, `${received} of ${sent}`);
  },
);

testNeeding(
  traffic,
  "SteadyStimulus.stop() throws ENOBUFS if there was no room for longer than is tolerated",
  async () => {
    const { error } = await resultOf("refused", "1", "500");
    assertMatch(error, /ENOBUFS/);
  },
);

testNeeding(
  traffic,
  "SteadyStimulus.stop() throws ENETDOWN if the interface went down",
  async () => {
    assertMatch((await resultOf("down")).error, /ENETDOWN/);
  },
);
