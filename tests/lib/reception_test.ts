import { assertEquals } from "@std/assert";
import type { Packet } from "../../lib/evidence.ts";
import type { CapturedFrame } from "../../lib/messages.ts";
import type { ParentRun } from "../../lib/parent_run.ts";
import type { Child } from "../../lib/watched_child.ts";
import { Reception } from "../../lib/reception.ts";
import { type Stimulus, stimulusFrame } from "../../lib/stimulus.ts";

const NONCE = Uint8Array.from({ length: 16 }, (_, i) => i + 1);
const SOURCE = Uint8Array.of(2, 0, 0, 0, 0, 1);
const DROPPED = 1_000_000n;

/** A stimulus that sends nothing: frame `n` is sent `n` nanoseconds after the drop, or as `sentAt` has it. */
class Sender {
  sent = 0;
  readonly frames: Uint8Array<ArrayBuffer>[] = [];

  constructor(readonly sentAt = (sequence: number) => DROPPED + 1n + BigInt(sequence)) {}

  send(): number {
    this.frames.push(stimulusFrame(NONCE, this.sent, SOURCE));
    return this.sent++;
  }

  recognize(frame: Uint8Array): number | undefined {
    const sequence = this.frames.findIndex((each) => each.every((byte, i) => byte === frame[i]));
    return sequence === -1 ? undefined : sequence;
  }
}

const FOREIGN = new Uint8Array(60).fill(7);

type Stamp = Pick<CapturedFrame, "timestamp_ns" | "stamped_by">;
const byKernel = (timestamp: bigint): Stamp => ({
  timestamp_ns: String(timestamp),
  stamped_by: "kernel",
});
const byChild = (timestamp: bigint): Stamp => ({
  timestamp_ns: String(timestamp),
  stamped_by: "child",
});

const captured = (frame: Uint8Array, stamp: Stamp): CapturedFrame => ({
  bytes: frame.length,
  head: frame.toBase64(),
  ...stamp,
});

/** An account of what comes, in order; a child that has nothing left to hand on is silent. */
function accounting(sender: Sender | undefined, queue: CapturedFrame[] = [], time = 2000) {
  const packets: [packet: Packet, number: number][] = [];
  const run = {
    context: { deadline: Date.now() + time },
    packet: (packet: Packet, number: number) => packets.push([packet, number]),
  } as unknown as ParentRun;
  const child = {
    packet: () => Promise.resolve(queue.shift()),
  } as unknown as Child;
  const reception = new Reception(
    run,
    child,
    sender as unknown as Stimulus | undefined,
    DROPPED,
    (stimulus) => stimulus.send(),
  );
  return { reception, packets };
}

/** What comes of one frame that is wanted, of a stimulus of one that has been sent. */
async function accountOf(frame: (sender: Sender) => CapturedFrame, sentAt?: bigint) {
  const sender = new Sender(sentAt === undefined ? undefined : () => sentAt);
  const queue: CapturedFrame[] = [];
  const { reception, packets } = accounting(sender, queue, 20);
  reception.ahead(1);
  queue.push(frame(sender));
  await reception.until(1);
  const [packet] = packets[0];
  return { counted: reception.counted, ours: packet.ours, afterDrop: packet.after_drop };
}

const LATER = DROPPED + 1000n, EARLIER = DROPPED - 1000n;

Deno.test("Reception takes the kernel's stamp for when a frame came", async () => {
  const ofKernel = (timestamp: bigint) => (sender: Sender) =>
    captured(sender.frames[0], byKernel(timestamp));
  const counts = { counted: 1, ours: true, afterDrop: true };
  assertEquals(await accountOf(ofKernel(LATER)), counts);
  // What came before it was sent is somebody's repetition, and not after the drop either.
  assertEquals(await accountOf(ofKernel(EARLIER)), { counted: 0, ours: false, afterDrop: false });
  // Sent before the drop, and come after it: it counts by when it came.
  assertEquals(await accountOf(ofKernel(LATER), EARLIER), counts);
  assertEquals(await accountOf(ofKernel(EARLIER + 1n), EARLIER), {
    counted: 0,
    ours: true,
    afterDrop: false,
  });
});

Deno.test("Reception does not take the child's time for when a frame came", async () => {
  const ofChild = (timestamp: bigint) => (sender: Sender) =>
    captured(sender.frames[0], byChild(timestamp));
  // Sent after the drop, so it came after it, whatever the child says.
  assertEquals(await accountOf(ofChild(LATER)), { counted: 1, ours: true, afterDrop: true });
  // Sent before the drop: it may have come before it.
  assertEquals(await accountOf(ofChild(LATER), EARLIER), {
    counted: 0,
    ours: true,
    afterDrop: false,
  });
  // A child whose time is before the sending lies, or has another clock.
  assertEquals(await accountOf(ofChild(EARLIER)), { counted: 0, ours: false, afterDrop: false });
});

Deno.test("Reception does not count a stranger's frame that the kernel did not stamp", async () => {
  const foreign = { counted: 0, ours: false, afterDrop: false };
  assertEquals(await accountOf(() => captured(FOREIGN, byChild(LATER))), foreign);
  const stamped = await accountOf(() => captured(FOREIGN, byKernel(LATER)));
  assertEquals(stamped, { ...foreign, afterDrop: true });
});

Deno.test("Without a stimulus only the kernel's stamp makes a frame count", async () => {
  const ambient = (stamp: Stamp) => [captured(FOREIGN, stamp), captured(FOREIGN, stamp)];
  for (
    const [stamp, counted, status] of [
      [byKernel(LATER), 2, "pass"],
      [byKernel(EARLIER), 0, "skip"],
      [byChild(LATER), 0, "skip"],
    ] as const
  ) {
    const { reception } = accounting(undefined, ambient(stamp), 20);
    await reception.until(2);
    assertEquals([reception.counted, reception.judgeCount(2).status], [counted, status]);
    assertEquals(reception.judgeOrigin(2).status, "skip");
  }
});

for (const by of [byKernel, byChild]) {
  Deno.test(`Reception counts each frame once, and up to the number wanted, ${by.name}`, async () => {
    const sender = new Sender();
    const queue: CapturedFrame[] = [];
    const { reception, packets } = accounting(sender, queue);
    reception.ahead(4);
    const at = (sequence: number) =>
      captured(sender.frames[sequence], by(LATER + BigInt(sequence)));
    queue.push(at(0), at(0), captured(FOREIGN, by(LATER)), at(1), at(2), at(3));
    await reception.until(3);
    while (queue.length > 0) reception.account(queue.shift()!);
    assertEquals(packets.map(([, number]) => number), [1, 0, 0, 2, 3, 0]);
    assertEquals(reception.judgeOrigin(3).status, "pass");
    assertEquals(reception.judgeOrigin(4).status, "fail");
  });
}

Deno.test("Reception has the window full, and no more under way than are wanted", async () => {
  const sender = new Sender();
  const { reception } = accounting(sender, [], 100);
  await reception.until(5);
  assertEquals([sender.sent, reception.counted], [5, 0]);
  const larger = new Sender();
  await accounting(larger, [], 100).reception.until(1000);
  assertEquals(larger.sent, 32);
});

Deno.test("Reception sends lost frames anew, others in their place", async () => {
  const sender = new Sender();
  const queue: CapturedFrame[] = [];
  const { reception } = accounting(sender, queue, 5000);
  // The first three are lost; of what is sent in their place all comes.
  const honest = sender.send.bind(sender);
  sender.send = () => {
    const sequence = honest();
    if (sequence >= 3) queue.push(captured(sender.frames[sequence], byKernel(LATER)));
    return sequence;
  };
  await reception.until(3);
  assertEquals([sender.sent, reception.counted], [6, 3]);
  assertEquals(reception.judgeOrigin(3).evidence, { sent: 6, received: 3, up_to: 6 });
});

Deno.test("A later Reception does not count frames that an earlier one had sent", async () => {
  const sender = new Sender();
  const before = sender.send();
  const queue: CapturedFrame[] = [];
  const { reception } = accounting(sender, queue, 20);
  queue.push(captured(sender.frames[before], byKernel(LATER)));
  await reception.until(1);
  assertEquals(reception.counted, 0);
});

Deno.test("judgeSurvival() wants a frame after the closing, and no copy left", async () => {
  for (
    const [stamp, copies, closedAt, status] of [
      [byKernel(LATER), 0, LATER - 1n, "pass"],
      [byKernel(LATER), 0, LATER + 1n, "fail"],
      [byKernel(LATER), 1, LATER - 1n, "fail"],
      [byChild(LATER), 0, DROPPED, "pass"],
      [byChild(LATER), 0, LATER - 1n, "fail"], // it was sent before: the child's time is no proof
    ] as const
  ) {
    const sender = new Sender();
    const queue: CapturedFrame[] = [];
    const { reception } = accounting(sender, queue);
    reception.ahead(1);
    queue.push(captured(sender.frames[0], stamp));
    await reception.until(1);
    assertEquals(reception.judgeSurvival(closedAt, copies).status, status);
  }
});
