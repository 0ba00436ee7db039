import { assert, assertEquals, assertThrows } from "@std/assert";
import { OwnedFd, pipe, type VlanTag } from "../../../ffi/mod.ts";
import { ChildRun } from "../../../lib/harness/child_run.ts";
import { controlChannelPair, sendMessage, takeMessage } from "../../../lib/harness/channel.ts";
import { forwardFrames, OTHERS_LIMIT } from "../../../lib/harness/forward.ts";
import {
  type CapturedFrame,
  HEAD_LIMIT,
  parseChildMessage,
} from "../../../lib/harness/protocol.ts";
import { ExperimentError } from "../../../lib/evidence/errors.ts";
import { datagramFrame } from "../../../lib/packets/build.ts";
import { ELSEWHERE } from "../../../lib/packets/marks.ts";
import { holdsStimulus, stimulusFrame } from "../../../lib/packets/stimulus.ts";
import type { FrameSource } from "../../../lib/receive/mod.ts";
import { SENDER } from "../../support/link_ends.ts";

/** How many frames in a row the child may forward before it checks for a message of the parent. */
const SOON = 64;

/** A source of `count` frames. Each frame begins with its number. */
class Frames implements FrameSource {
  readonly bytes = new Uint8Array(HEAD_LIMIT + 100);
  readonly offset = 4;
  readonly length = 1500;
  readonly segmentSize = 0;
  readonly isChecksumPending = false;
  readonly inexpressible = 0;
  produced = 0;

  constructor(
    readonly fd: number,
    readonly count: number,
    public captured = HEAD_LIMIT + 50,
    readonly stamp?: (frame: number) => bigint,
    readonly vlan: VlanTag | undefined = undefined,
  ) {}

  next(): boolean {
    if (this.produced === this.count) return false;
    this.bytes[this.offset] = ++this.produced;
    return true;
  }

  wait(): void {}

  timestamp(): bigint | undefined {
    return this.stamp?.(this.produced);
  }

  [Symbol.dispose](): void {}
}

/**
 * Registers a test that gets a child's run, the parent's end of the control channel, a descriptor
 * that is never readable, and one that always is.
 */
function forwardTest(
  name: string,
  test: (run: ChildRun, parent: OwnedFd, silentFd: number, readableFd: number) => void,
): void {
  Deno.test(name, () => {
    using owned = new DisposableStack();
    const own = (each: OwnedFd) => owned.use(each);
    const [ours, theirs] = controlChannelPair().map(own);
    const [silent] = pipe().map((fd) => own(new OwnedFd(fd)));
    const [readable, end] = pipe().map((fd) => new OwnedFd(fd));
    own(readable);
    end.close(); // so the reader is at end of file, which counts as readable
    test(new ChildRun(theirs.fd, performance.now() + 20_000), ours, silent.fd, readable.fd);
  });
}

function packetsAt(parent: OwnedFd): CapturedFrame[] {
  const packets: CapturedFrame[] = [];
  for (;;) {
    const delivery = takeMessage(parent.fd, 0);
    if (delivery === undefined || delivery === null) return packets;
    const message = parseChildMessage(delivery.text);
    if (message.type !== "packet") throw new Error(`The child sent "${message.type}"`);
    packets.push(message);
  }
}

const firstByte = ({ head }: CapturedFrame) => Uint8Array.fromBase64(head)[0];
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

for (const count of [0, 1, 31, 32, 33, 100]) {
  forwardTest(`forwardFrames() forwards ${count} frames in a row, in order`, (run, parent, fd) => {
    const source = new Frames(fd, count);
    // readable() is called when the source is empty: the parent's message comes only then.
    const readable = run.readable.bind(run);
    run.readable = (fd) => {
      sendMessage(parent.fd, { type: "enough" }, [], 0);
      return readable(fd);
    };
    forwardFrames(run, source);
    assertEquals(packetsAt(parent).map(firstByte), upTo(count));
    run.receive("enough");
  });
}

forwardTest(
  "forwardFrames() cuts the head, and reports the length on the wire",
  (run, parent, fd) => {
    sendMessage(parent.fd, { type: "enough" }, [], 0);
    for (const captured of [0, 1, HEAD_LIMIT - 1, HEAD_LIMIT, HEAD_LIMIT + 50]) {
      forwardFrames(run, new Frames(fd, 1, captured));
      const [{ bytes, head }] = packetsAt(parent);
      const expected = Math.min(captured, HEAD_LIMIT);
      assertEquals([bytes, Uint8Array.fromBase64(head).length], [1500, expected]);
    }
  },
);

forwardTest(
  "forwardFrames() reports whether the kernel or the child stamped a frame",
  (run, parent, fd) => {
    sendMessage(parent.fd, { type: "enough" }, [], 0);
    forwardFrames(
      run,
      new Frames(fd, 2, 60, (frame) => 1_000_000_000_000_000_000n + BigInt(frame)),
    );
    assertEquals(
      packetsAt(parent).map(({ timestamp_ns, stamped_by }) => [timestamp_ns, stamped_by]),
      [
        ["1000000000000000001", "kernel"],
        ["1000000000000000002", "kernel"],
      ],
    );

    const before = BigInt(Date.now()) * 1_000_000n;
    forwardFrames(run, new Frames(fd, 1, 60));
    const [{ timestamp_ns, stamped_by }] = packetsAt(parent);
    assertEquals(stamped_by, "child");
    const after = BigInt(Date.now() + 1) * 1_000_000n;
    assert(BigInt(timestamp_ns) >= before && BigInt(timestamp_ns) <= after, timestamp_ns);
  },
);

forwardTest(
  "forwardFrames() forwards the VLAN tag beside the frame, if there is one",
  (run, parent, fd) => {
    sendMessage(parent.fd, { type: "enough" }, [], 0);
    for (const vlan of [{ tpid: 0x88a8, tci: 0xf005 }, undefined]) {
      forwardFrames(run, new Frames(fd, 1, 60, undefined, vlan));
      assertEquals(packetsAt(parent).map((packet) => packet.vlan), [vlan]);
    }
  },
);

forwardTest(
  "forwardFrames() notices a message of the parent under endless traffic",
  (run, parent, fd) => {
    sendMessage(parent.fd, { type: "enough" }, [], 0);
    const source = new Frames(fd, Infinity);
    forwardFrames(run, source);
    assert(source.produced > 0 && source.produced <= SOON, `${source.produced} frames`);
    assertEquals(packetsAt(parent).length, source.produced);
    run.receive("enough");
  },
);

forwardTest(
  "forwardFrames() notices a message of the parent if the empty source is always readable",
  (run, parent, _, readableFd) => {
    let calls = 0;
    const source = new class extends Frames {
      override next(): boolean {
        if (++calls === 1000) sendMessage(parent.fd, { type: "enough" }, [], 0);
        return super.next();
      }
    }(readableFd, 0);
    forwardFrames(run, source);
    assert(calls >= 1000 && calls <= 1000 + SOON, `${calls} calls of next()`);
  },
);

/** A source in which every third frame is one of a stimulus. */
class MixedFrames extends Frames {
  override readonly bytes = new Uint8Array(200);
  override captured = 0;

  override next(): boolean {
    if (!super.next()) return false;
    const isOurs = this.produced % 3 === 0;
    const frame = isOurs
      ? stimulusFrame(this.produced, SENDER, new Uint8Array(16), 100)
      : datagramFrame({ sender: SENDER, to: ELSEWHERE, payload: new Uint8Array(58) });
    this.bytes.set(frame, this.offset);
    this.captured = frame.length;
    return true;
  }
}

forwardTest(
  "forwardFrames() forwards the whole stimulus, and some frames of others",
  (run, parent, fd) => {
    const packets: CapturedFrame[] = [];
    const details: string[] = [];
    run.packet = (frame) => void packets.push(frame);
    run.detail = (text) => void details.push(text);
    const count = 6 * OTHERS_LIMIT;
    run.hasMessage = () => false;
    run.readable = () => "parent";
    const isOurs = ({ head }: CapturedFrame) =>
      holdsStimulus(Uint8Array.fromBase64(head), "ethernet");

    forwardFrames(run, new MixedFrames(fd, count), "ethernet");
    const ours = packets.filter(isOurs).length;
    assertEquals([ours, packets.length - ours], [count / 3, OTHERS_LIMIT]);
    assertEquals(details, ["3000 frames of others were received, and not forwarded"]);

    packets.length = 0;
    forwardFrames(run, new MixedFrames(fd, 3 * OTHERS_LIMIT), null);
    assertEquals(packets.length, 3 * OTHERS_LIMIT, "without a stimulus, every frame may count");
    assertEquals(details.length, 1);
    parent.close();
  },
);

forwardTest("forwardFrames() returns when the parent closes the channel", (run, parent, fd) => {
  parent.close();
  forwardFrames(run, new Frames(fd, 0));
  assertThrows(() => run.receive("enough"), ExperimentError, "closed");
});

forwardTest("forwardFrames() throws ExperimentError when time runs out", (run, _, fd) => {
  const brief = new ChildRun(run.channelFd, performance.now() + 20);
  assertThrows(() => forwardFrames(brief, new Frames(fd, 0)), ExperimentError, "Time ran out");
});
