import { assertEquals } from "@std/assert";
import { judgeFrames } from "../../../../lib/experiments/receive_paths/judge.ts";
import type { PacketStatistics } from "../../../../lib/packets/socket.ts";

const SENT = ["a", "b", "c"];

function judge(received: string[], drops = 0, dropped = true, sent: string[] = SENT) {
  return judgeFrames(
    { sent, received },
    { packets: sent.length, drops } as PacketStatistics,
    dropped,
  );
}

Deno.test("Every frame once and in order passes, with foreign frames between", () => {
  assertEquals(judge(SENT).status, "pass");
  const { status, evidence } = judge(["x", "a", "b", "y", "c"]);
  assertEquals([status, evidence.foreign, evidence.received], ["pass", 2, 3]);
});

Deno.test("A lost, repeated or reordered frame fails", () => {
  for (const received of [["a", "b"], ["a", "b", "b", "c"], ["a", "c", "b"], ["x", "y", "z"], []]) {
    assertEquals(judge(received).status, "fail", received.join());
  }
});

Deno.test("A frame that the kernel dropped, a privileged child, and an empty run fail", () => {
  assertEquals(judge(SENT, 1).status, "fail");
  assertEquals(judge(SENT, 0, false).status, "fail");
  assertEquals(judge([], 0, true, []).status, "fail");
});
