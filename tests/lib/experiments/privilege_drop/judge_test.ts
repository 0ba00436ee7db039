import { assertEquals } from "@std/assert";
import { ETH_P_ALL, ETH_P_IP } from "../../../../ffi/mod.ts";
import {
  judgeBinding,
  judgeOwnDescriptors,
  judgeQueueBeforeBind,
} from "../../../../lib/experiments/privilege_drop/judge.ts";
import type { PacketSocketIdentity } from "../../../../lib/packets/socket.ts";

Deno.test("SOCK-02 fails for a frame that was queued or counted before the bind", () => {
  assertEquals(judgeQueueBeforeBind(0, 0, true).status, "pass");
  assertEquals(judgeQueueBeforeBind(1, 0, true).status, "fail");
  assertEquals(judgeQueueBeforeBind(0, 1, true).status, "fail");
});

Deno.test("SOCK-01 passes only for this interface and every protocol", () => {
  const bound = (ifindex: number, boundProtocol: number) =>
    judgeBinding({ ifindex, boundProtocol } as PacketSocketIdentity, 3).status;
  assertEquals(bound(3, ETH_P_ALL), "pass");
  assertEquals(bound(2, ETH_P_ALL), "fail");
  assertEquals(bound(0, ETH_P_ALL), "fail");
  assertEquals(bound(3, ETH_P_IP), "fail");
  assertEquals(bound(3, 0), "fail");
});

Deno.test("PASS-01 fails by the child's own look if it holds a packet socket", () => {
  const descriptors = new Map([[0, "/dev/null"], [3, "socket:[1]"]]);
  const { status, observed } = judgeOwnDescriptors(descriptors, []);
  assertEquals([status, observed], ["pass", "none of 2 descriptors"]);
  assertEquals(judgeOwnDescriptors(descriptors, [3]).status, "fail");
});
