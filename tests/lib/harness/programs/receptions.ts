/**
 * A reception beside a veth pair, with what stands in for a child: it receives by a real socket, and
 * hands on what the case wants. Tells the findings.
 *
 *     receptions.ts CASE [PATH]
 *
 * @module
 */

import {
  Errno,
  ETH_P_ALL,
  if_nametoindex,
  linkByIndex,
  poll,
  POLLIN,
  SystemError,
} from "../../../../ffi/mod.ts";
import { endOfPacket } from "../../../../lib/packets/frames.ts";
import { sendFrame } from "../../../../lib/packets/send.ts";
import { boundPacketSocket } from "../../../../lib/packets/socket.ts";
import { Stimulus } from "../../../../lib/packets/stimulus.ts";
import { InterfaceWitness } from "../../../../lib/harness/interface_witness.ts";
import { type CapturedFrame, HEAD_LIMIT } from "../../../../lib/harness/protocol.ts";
import type { ParentRun } from "../../../../lib/harness/parent_run.ts";
import {
  currentFrame,
  isReceivePath,
  openFrameSource,
  USUAL_PATH,
} from "../../../../lib/receive/mod.ts";
import { Reception } from "../../../../lib/harness/reception.ts";
import type { Child } from "../../../../lib/harness/child.ts";
import { printJson } from "../../../ffi/programs/print_json.ts";

const [name, path = USUAL_PATH] = Deno.args;
if (!isReceivePath(path)) throw new TypeError(`no path: ${path}`);

/** How long a reception may take whose frames do not come, in milliseconds. */
const SHORT = 2500;
/** Longer than any reception takes whose frames come. */
const LONG = 60_000;

/** What a case changes. */
interface Case {
  /** What the child hands on of a frame; by default, the frame. */
  readonly hands?: (frame: CapturedFrame) => CapturedFrame[];
  /** Where the stimulus is sent from; null for none. */
  readonly from?: string | null;
  /** In milliseconds. */
  readonly time?: number;
  readonly count?: number;
  /** Runs before the reception begins. */
  readonly before?: () => void;
  /** Runs whenever the child is asked for a packet. */
  readonly during?: () => unknown;
  /** Runs when the parent has just closed its copy. */
  readonly whenClosed?: () => void;
  /** Which parts of the procedure the child lives to see. */
  readonly lives?: "all" | "half" | "none";
}

const near = if_nametoindex("veth-fdpass");
const far = linkByIndex(if_nametoindex("veth-fdpass-far"));
using others = boundPacketSocket(far.ifindex, 0);
let ambientFrames = 0;

/** Frames of others, each different. */
const sendAmbient = (count: number) => {
  for (let i = 0; i < count; i++) {
    const frame = new Uint8Array(60).fill(0x5a, 14);
    frame.set([1, 0, 0x5e, 0x7f, 70, 70, ...far.address, 0x88, 0xb5]);
    new DataView(frame.buffer).setUint32(14, ambientFrames++);
    sendFrame(others.fd, frame);
  }
};

/** How many frames of others may come before the close, and after it: less than the witness keeps. */
const TRICKLE = 1000;
let trickleLeft = TRICKLE;
const trickle = () => trickleLeft-- > 0 && sendAmbient(1);

const kept: CapturedFrame[] = [];
/** Hands nothing on, until it hands on everything. */
const hold = (frame: CapturedFrame) => {
  kept.push(frame);
  return [];
};

const cut = (frame: CapturedFrame): CapturedFrame[] => {
  const bytes = Uint8Array.fromBase64(frame.head);
  return [{ ...frame, head: bytes.subarray(0, endOfPacket(bytes)).toBase64() }];
};

let invented = 0;
const invent = (frame: CapturedFrame): CapturedFrame[] => {
  const bytes = new Uint8Array(60).fill(invented++);
  return [{ ...frame, bytes: 60, head: bytes.toBase64() }];
};

const CASES: { readonly [name: string]: Case } = {
  honest: {},
  long: { count: 300 },
  twice: { hands: (frame) => [frame, frame] },
  cut: { hands: cut, time: SHORT },
  silent: { hands: () => [], time: SHORT },
  elsewhere: { from: "other", time: SHORT },
  down: {
    hands: () => [],
    time: SHORT,
    whenClosed: () => {
      new Deno.Command("ip", { args: ["link", "set", "veth-fdpass", "down"] }).outputSync();
    },
  },
  "dead at once": { lives: "none" },
  "dead half-way": { lives: "half" },
  "dead, frames elsewhere": { lives: "none", from: "other" },
  ambient: { from: null, during: trickle },
  "ambient, twice": {
    from: null,
    during: trickle,
    hands: (frame) => [frame, frame],
  },
  "ambient, invented": { from: null, during: trickle, hands: invent, time: SHORT },
  "ambient, silent": { from: null, during: trickle, hands: () => [], time: SHORT },
  "ambient, none": { from: null, time: SHORT },
  "ambient, before": { from: null, before: () => sendAmbient(9), time: SHORT },
  "ambient, nothing after the close": {
    from: null,
    during: () => ambientFrames < 2 && sendAmbient(1),
    time: SHORT,
  },
};

/** Frames from before the close are handed on after it; and of the new ones none. */
const LATE: Case = {
  hands: hold,
  time: SHORT,
  whenClosed: () => queue.push(...kept),
};

const {
  hands = (frame: CapturedFrame) => [frame],
  from = "veth-fdpass-far",
  time = LONG,
  count = 5,
  before,
  during,
  whenClosed,
  lives = "all",
} = name === "late" ? LATE : CASES[name];

const queue: CapturedFrame[] = [];
using passed = boundPacketSocket(near, ETH_P_ALL);
using source = openFrameSource(path, passed.fd);

/** Whether there is a frame; an interface that is down brings none. */
function comes(): boolean {
  try {
    return source.next();
  } catch (error) {
    if (error instanceof SystemError && error.errno === Errno.ENETDOWN) return false;
    throw error;
  }
}

const child = {
  packet(deadline: number) {
    during?.();
    if (queue.length === 0) {
      if (!comes()) {
        poll([source.fd], POLLIN, Math.max(0, Math.min(50, deadline - Date.now())));
        if (!comes()) return Promise.resolve(undefined);
      }
      queue.push(...hands({
        bytes: source.length,
        head: currentFrame(source).subarray(0, HEAD_LIMIT).toBase64(),
        timestamp_ns: "1",
        stamped_by: "child",
      }));
    }
    return Promise.resolve(queue.shift());
  },
} as unknown as Child;

const numbers: number[] = [];
const run = {
  context: { deadline: Date.now() + time },
  packet: (_: unknown, number: number) => numbers.push(number),
} as unknown as ParentRun;

before?.();
using stimulus = from === null
  ? undefined
  : new Stimulus(linkByIndex(if_nametoindex(from)), (sequence) => sequence * 97 % 1500);
using witness = new InterfaceWitness(near);
const reception = new Reception(run, child, { stimulus, witness });
if (lives !== "none") await reception.until(Math.floor(count / 2), 1 / 2);
reception.copyClosed();
trickleLeft = TRICKLE;
whenClosed?.();
if (lives === "all") await reception.until(count);
else await reception.askWitness(count);

const findings = Object.values(reception.findings(count, 0));
printJson({
  statuses: findings.map(({ status }) => status).join(" "),
  observed: findings.map(({ observed }) => observed),
  counted: reception.counted,
  numbers: numbers.filter((number) => number > 0),
});
