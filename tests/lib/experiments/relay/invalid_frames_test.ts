import { assert, assertEquals } from "@std/assert";
import { INVALID_FRAMES } from "../../../../lib/experiments/relay/invalid_frames.ts";
import { datagramFrame } from "../../../../lib/packets/build.ts";
import { DROP_REASONS } from "../../../../lib/experiments/relay/datagrams.ts";
import { NOBODY } from "../../../support/link_ends.ts";

const TO = { address: "239.255.70.68", port: 5004 };
const frame = () => datagramFrame({ sender: NOBODY, to: TO, payload: new Uint8Array(80) });

Deno.test("INVALID_FRAMES has a frame for every reason", () => {
  const reasons = new Set(INVALID_FRAMES.map(({ reason }) => reason as string));
  assertEquals([...reasons].sort(), Object.keys(DROP_REASONS).sort());
});

Deno.test("INVALID_FRAMES has frames that the filter drops, and frames that it lets pass", () => {
  const filtered = INVALID_FRAMES.filter(({ isFiltered }) => isFiltered);
  assert(filtered.length > 0 && filtered.length < INVALID_FRAMES.length);
});

Deno.test("INVALID_FRAMES are all different, and none is the datagram that it was made from", () => {
  const all = INVALID_FRAMES.map(({ alter }) => alter(frame(), TO).toHex());
  assertEquals(new Set([...all, frame().toHex()]).size, INVALID_FRAMES.length + 1);
});
