import { assert, assertEquals } from "@std/assert";
import { invalidFrames } from "../../../../lib/experiments/relay/invalid_frames.ts";
import { datagramFrame } from "../../../../lib/packets/build.ts";
import type { LinkLayer } from "../../../../lib/packets/link_layer.ts";
import { DROP_REASONS } from "../../../../lib/experiments/relay/datagrams.ts";
import { NOBODY } from "../../../support/link_ends.ts";

const TO = { address: "239.255.70.68", port: 5004 };
const frame = (layer: LinkLayer) =>
  datagramFrame({ sender: { ...NOBODY, layer }, to: TO, payload: new Uint8Array(40) });

/** Reasons that are not in the frame: they come from the room for it, and from the output. */
const NOT_OF_A_FRAME = ["cut", "super-packet", "too big for the output"];

for (const layer of ["ethernet", "ip"] as const) {
  Deno.test(`invalidFrames("${layer}") has a frame for every reason`, () => {
    const reasons = new Set(invalidFrames(layer, true).map(({ reason }) => reason as string));
    const expected = Object.keys(DROP_REASONS).filter((reason) => !NOT_OF_A_FRAME.includes(reason));
    assertEquals([...reasons].sort(), expected.sort());
  });

  Deno.test(`invalidFrames("${layer}") has frames that the filter drops, and others`, () => {
    const all = invalidFrames(layer);
    const filtered = all.filter(({ isFiltered }) => isFiltered);
    assert(filtered.length > 0 && filtered.length < all.length);
  });

  Deno.test(`invalidFrames("${layer}") are all different, and none is the datagram itself`, () => {
    const kinds = invalidFrames(layer, true);
    const all = kinds.map(({ alter }) => alter(frame(layer), TO).toHex());
    assertEquals(new Set([...all, frame(layer).toHex()]).size, kinds.length + 1);
  });
}

Deno.test("invalidFrames() has another source only for a relay of one source", () => {
  const hasOther = (hasSource: boolean) =>
    invalidFrames("ethernet", hasSource).some(({ reason }) => reason === "not the source");
  assertEquals([hasOther(false), hasOther(true)], [false, true]);
});
