import { assertEquals } from "@std/assert";
import { type Digests, judgeFrames } from "../../../../lib/experiments/receive_paths/judge.ts";

const SENT = ["a", "b", "c"];

/** What happened, where it differs from a run in which all went well. */
interface Differences extends Partial<Digests> {
  readonly drops?: number;
  readonly wanted?: number;
  readonly dropped?: boolean;
}

function judge({ drops = 0, wanted = 3, dropped = true, ...digests }: Differences) {
  const whole = { sent: SENT, seen: SENT, received: SENT, others: 0, isFlooded: false };
  return judgeFrames({ ...whole, ...digests }, { packets: 3, drops }, wanted, dropped);
}
const statusOf = (differences: Differences) => judge(differences).status;

Deno.test("Every frame once and in order passes, with foreign frames between", () => {
  assertEquals(statusOf({}), "pass");
  const { status, evidence } = judge({ received: ["x", "a", "b", "y", "c"] });
  assertEquals([status, evidence.foreign, evidence.received], ["pass", 2, 3]);
});

Deno.test("A lost, repeated or reordered frame fails", () => {
  for (const received of [["a", "b"], ["a", "b", "b", "c"], ["a", "c", "b"], ["x", "y", "z"], []]) {
    assertEquals(statusOf({ received }), "fail", received.join());
  }
});

Deno.test("A privileged child fails, whatever arrived", () => {
  assertEquals(statusOf({ dropped: false }), "fail");
  assertEquals(statusOf({ dropped: false, seen: [], received: [] }), "fail");
  assertEquals(statusOf({ dropped: false, isFlooded: true }), "fail");
});

Deno.test("Frames that the child received have arrived, even if the witness lost them", () => {
  assertEquals(statusOf({ seen: [] }), "pass");
});

Deno.test("Frames that did not arrive show nothing, and those that did may refute", () => {
  const { status, observed } = judge({ seen: [], received: [] });
  assertEquals([status, /only 0 reached .*--stimulus/.test(observed)], ["skip", true]);
  assertEquals(statusOf({ seen: ["a", "b"], received: ["a", "b"] }), "skip");
  assertEquals(statusOf({ seen: ["a", "b"], received: ["b"] }), "fail");
  const four = { sent: [...SENT, "d"], seen: ["a", "b", "d"], received: ["a", "b", "d"] };
  assertEquals(statusOf(four), "pass", "another frame took the place of c");
});

Deno.test("Frames that the link doubles or reorders are not the child's", () => {
  const twice = ["a", "b", "b", "c"], reordered = ["a", "c", "b"];
  assertEquals(statusOf({ seen: twice, received: twice }), "pass");
  assertEquals(statusOf({ seen: twice, received: [...twice, "b"] }), "fail");
  assertEquals(statusOf({ seen: reordered, received: reordered }), "pass");
});

Deno.test("A loss shows nothing where others have filled the buffer", () => {
  const received = ["a"];
  assertEquals(statusOf({ received, drops: 900, others: 5000 }), "skip");
  assertEquals(statusOf({ received, drops: 2, others: 0 }), "fail", "the child made it small");
  assertEquals(statusOf({ received, drops: 1, others: 5000 }), "fail", "one more than dropped");
  assertEquals(statusOf({ received, others: 5000 }), "fail", "nothing was dropped");
  assertEquals(statusOf({ received: ["a", "a"], drops: 900, others: 5000 }), "fail");
  assertEquals(statusOf({ drops: 900, others: 5000 }), "pass", "frames of others were dropped");
});

Deno.test("A flood in the groups of the stimulus shows nothing, except what it cannot cause", () => {
  const flood = { others: 100_001, isFlooded: true };
  assertEquals(statusOf({ ...flood, received: ["a"] }), "skip");
  assertEquals(statusOf({ ...flood, received: ["a", "a"] }), "fail");
});

Deno.test("An empty run does not pass", () => {
  assertEquals(statusOf({ sent: [], seen: [], received: [], wanted: 0 }), "fail");
});
