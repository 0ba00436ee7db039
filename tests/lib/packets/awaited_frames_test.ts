import { assertEquals } from "@std/assert";
import { AwaitedFrames } from "../../../lib/packets/awaited_frames.ts";
import { secretOf, stimulusFrame } from "../../../lib/packets/stimulus.ts";
import { SENDER } from "../../support/link_ends.ts";

const fresh = (sequence: number) =>
  stimulusFrame(
    sequence,
    SENDER,
    crypto.getRandomValues(new Uint8Array(16)),
    300,
  );
const secret = (frame: Uint8Array) => secretOf(frame, "ethernet")!;

Deno.test("AwaitedFrames takes each frame once, by its beginning", () => {
  const awaited = new AwaitedFrames("ethernet");
  const sent = [0, 1, 2].map(fresh);
  for (const frame of sent) awaited.expect(secret(frame));
  assertEquals(awaited.take(sent[1].subarray(0, 256)), 1);
  assertEquals(awaited.take(sent[1]), undefined);
  assertEquals([awaited.take(sent[0]), awaited.take(sent[2])], [0, 2]);
  assertEquals(awaited.expected, 3);
});

Deno.test("AwaitedFrames takes no frame with another secret, or without one", () => {
  const awaited = new AwaitedFrames("ethernet");
  const frame = fresh(0);
  awaited.expect(secret(frame));
  assertEquals(awaited.take(fresh(0)), undefined);
  assertEquals(awaited.take(frame.subarray(0, 61)), undefined);
  assertEquals(awaited.take(new Uint8Array(0)), undefined);
  assertEquals(awaited.take(frame), 0);
});

Deno.test("AwaitedFrames takes no frame that was on the list when it was emptied", () => {
  const awaited = new AwaitedFrames("ethernet");
  const [before, after] = [fresh(0), fresh(1)];
  awaited.expect(secret(before));
  awaited.forget();
  awaited.expect(secret(after));
  assertEquals([awaited.take(before), awaited.take(after)], [undefined, 1]);
});
