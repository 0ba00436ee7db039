import { assertEquals } from "@std/assert";
import { ETH_P_ALL, readLink } from "../../../../ffi/mod.ts";
import { judgeQueue, leastQueued, queuedBytes } from "../../../../lib/inspect/sockets/queue.ts";
import { parsePacketTable } from "../../../../lib/inspect/sockets/packet_sockets.ts";
import { boundPacketSocket } from "../../../../lib/packets/socket.ts";
import { Stimulus } from "../../../../lib/packets/stimulus.ts";
import { drain } from "../../../../lib/receive/frame_source.ts";
import { RecvmsgSource } from "../../../../lib/receive/recvmsg.ts";
import { testNeeding } from "../../../support/needs.ts";
import { interfaceByName } from "../../../support/link_ends.ts";

const TABLE = `sk       RefCnt Type Proto  Iface R Rmem   User   Inode
00000000c0ffee00 3      3    0003   2     1 4096   0      45    \x20
00000000c0ffee01 3      3    0003   2     1 0      65534  4711  \x20
`;

Deno.test("parsePacketTable() returns the queued bytes of exactly one inode", () => {
  const queued = (table: string, inode: string) =>
    parsePacketTable(table).find(({ link }) => link === `socket:[${inode}]`)?.queued;
  assertEquals(queued(TABLE, "45"), 4096);
  assertEquals(queued(TABLE, "4711"), 0);
  for (const other of ["471", "5", ""]) assertEquals(queued(TABLE, other), undefined);
  assertEquals(queued("", "45"), undefined);
});

Deno.test("judgeQueue() passes only if the queue grows and shrinks again", () => {
  const cases: [number | undefined, number | undefined, number | undefined, string][] = [
    [0, 768, 0, "pass"],
    [768, 1536, 0, "pass"],
    [0, 0, 0, "fail"],
    [768, 768, 0, "fail"],
    [0, 768, 768, "fail"],
    [undefined, 768, 0, "fail"],
    [0, undefined, 0, "fail"],
    [0, 768, undefined, "fail"],
  ];
  for (const [before, during, after, status] of cases) {
    assertEquals(judgeQueue(before, during, after).status, status, `${before} ${during} ${after}`);
  }
});

testNeeding(
  { root: true },
  "A socket's queue grows with a frame, and shrinks when the frame is read",
  async () => {
    const lo = interfaceByName("lo");
    using stimulus = new Stimulus(lo);
    using socket = boundPacketSocket(lo.ifindex, ETH_P_ALL);
    const link = readLink(`/proc/self/fd/${socket.fd}`);
    const before = queuedBytes(link);
    stimulus.send();
    const during = await risen(link, before!);
    drain(new RecvmsgSource(socket.fd));
    const after = await leastQueued(link, performance.now() + 10_000);
    assertEquals(judgeQueue(before, during, after).status, "pass");
    socket.close();
    assertEquals(await leastQueued(link, performance.now() + 10_000), undefined);
  },
);

/** Waits until the queue has grown. A softirq delivers a frame on `lo`, possibly a little later. */
async function risen(link: string, before: number): Promise<number> {
  const deadline = performance.now() + 10_000;
  while (queuedBytes(link)! <= before && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return queuedBytes(link)!;
}
