/**
 * Runs a Reception at a veth pair, and prints its findings. A stand-in takes the place of the
 * child: it receives by a real packet socket, and forwards what the case prescribes.
 *
 *     receptions.ts CASE [PATH]
 *
 * @module
 */

import { Errno, ETH_P_ALL, poll, POLLIN, SystemError } from "../../../../ffi/mod.ts";
import type { Finding } from "../../../../lib/evidence/evidence.ts";
import { endOfPacket } from "../../../../lib/packets/frames.ts";
import { sendFrame } from "../../../../lib/packets/send.ts";
import { boundPacketSocket } from "../../../../lib/packets/socket.ts";
import { Stimulus } from "../../../../lib/packets/stimulus.ts";
import { InterfaceWitness } from "../../../../lib/harness/interface_witness.ts";
import { type CapturedFrame, HEAD_LIMIT } from "../../../../lib/harness/protocol.ts";
import type { ParentRun } from "../../../../lib/harness/parent_run.ts";
import {
  currentFrame,
  DEFAULT_PATH,
  isReceivePath,
  openFrameSource,
} from "../../../../lib/receive/mod.ts";
import { Reception } from "../../../../lib/harness/reception.ts";
import type { Child } from "../../../../lib/harness/child.ts";
import { printJson } from "../../../ffi/programs/print_json.ts";
import { interfaceByName } from "../../../support/link_ends.ts";

const [name, path = DEFAULT_PATH] = Deno.args;
if (!isReceivePath(path)) throw new TypeError(`no receive path: ${path}`);

/** The timeout of a case whose frames do not arrive, in milliseconds. */
const SHORT = 2500;
/** The timeout of a case whose frames arrive, in milliseconds: it never takes that long. */
const LONG = 60_000;

/** How a case differs from an honest child under a stimulus. */
interface Case {
  /** What the child forwards in place of a frame; by default, the frame. */
  readonly forward?: (frame: CapturedFrame) => CapturedFrame[];
  /** The interface that sends the stimulus; `null` for no stimulus. */
  readonly sender?: string | null;
  /** In milliseconds. */
  readonly timeout?: number;
  /** How many packets the child should return. */
  readonly count?: number;
  /** Runs before the reception begins. */
  readonly before?: () => void;
  /** Runs each time the child is asked for a packet. */
  readonly eachTime?: () => unknown;
  /** Runs directly after the parent has closed its copy. */
  readonly afterClose?: () => void;
  /**
   * When the child dies: before any frame, or when the parent closes its copy; never if left out.
   */
  readonly dies?: "at once" | "at the close";
}

const near = interfaceByName("veth-fdpass");
const far = interfaceByName("veth-fdpass-far");
using ambientSocket = boundPacketSocket(far.ifindex, 0);
let ambientFrames = 0;

/** Sends ambient traffic. Each frame is different. */
const sendAmbient = (count: number) => {
  for (let i = 0; i < count; i++) {
    const frame = new Uint8Array(60).fill(0x5a, 14);
    frame.set([1, 0, 0x5e, 0x7f, 70, 70, ...far.address, 0x88, 0xb5]);
    new DataView(frame.buffer).setUint32(14, ambientFrames++);
    sendFrame(ambientSocket.fd, frame);
  }
};

/** The most ambient frames sent before the close, and after it: fewer than the witness keeps. */
const AMBIENT_LIMIT = 1000;
let ambientLeft = AMBIENT_LIMIT;
const sendOneAmbient = () => ambientLeft-- > 0 && sendAmbient(1);

/** Frames that the child will forward. */
const queue: CapturedFrame[] = [];

const forwardTwice = (frame: CapturedFrame) => [frame, frame];
const forwardNothing = () => [];

const heldBack: CapturedFrame[] = [];
const holdBack = (frame: CapturedFrame) => {
  heldBack.push(frame);
  return [];
};

/** Cuts off the secret behind the IP packet. */
const cutSecret = (frame: CapturedFrame): CapturedFrame[] => {
  const bytes = Uint8Array.fromBase64(frame.head);
  return [{ ...frame, head: bytes.subarray(0, endOfPacket(bytes, "ethernet")).toBase64() }];
};

let invented = 0;
const invent = (frame: CapturedFrame): CapturedFrame[] => {
  const bytes = new Uint8Array(60).fill(invented++);
  return [{ ...frame, bytes: 60, head: bytes.toBase64() }];
};

/** Takes the interface down. */
const takeDown = () => {
  new Deno.Command("ip", { args: ["link", "set", "veth-fdpass", "down"] }).outputSync();
};

const CASES: { readonly [name: string]: Case } = {
  long: { count: 300 },
  twice: { forward: forwardTwice },
  cut: { forward: cutSecret, timeout: SHORT },
  silent: { forward: forwardNothing, timeout: SHORT },
  // Frames from before the close are forwarded after it, and no new ones.
  late: {
    forward: holdBack,
    timeout: SHORT,
    afterClose: () => queue.push(...heldBack),
  },
  elsewhere: { sender: "other", timeout: SHORT },
  down: { forward: forwardNothing, timeout: SHORT, afterClose: takeDown },
  "dead at once": { dies: "at once" },
  "dead at the close": { dies: "at the close" },
  "dead, frames elsewhere": { dies: "at once", sender: "other" },
  ambient: { sender: null, eachTime: sendOneAmbient },
  "ambient, twice": { sender: null, eachTime: sendOneAmbient, forward: forwardTwice },
  "ambient, invented": {
    sender: null,
    eachTime: sendOneAmbient,
    forward: invent,
    timeout: SHORT,
  },
  "ambient, silent": {
    sender: null,
    eachTime: sendOneAmbient,
    forward: forwardNothing,
    timeout: SHORT,
  },
  "ambient, none": { sender: null, timeout: SHORT },
  "ambient, before": { sender: null, before: () => sendAmbient(9), timeout: SHORT },
  "ambient, nothing after the close": {
    sender: null,
    eachTime: () => ambientFrames < 2 && sendAmbient(1),
    timeout: SHORT,
  },
};

const {
  forward = (frame: CapturedFrame) => [frame],
  sender = "veth-fdpass-far",
  timeout = LONG,
  count = 5,
  before,
  eachTime,
  afterClose,
  dies,
} = CASES[name];

using passed = boundPacketSocket(near.ifindex, ETH_P_ALL);
using source = openFrameSource(path, passed.fd);

/** Takes the next frame, if there is one. An interface that is down has none. */
function nextFrame(): boolean {
  try {
    return source.next();
  } catch (error) {
    if (error instanceof SystemError && error.errno === Errno.ENETDOWN) return false;
    throw error;
  }
}

const child = {
  hasFailed: dies !== undefined,
  longestLook: 0,
  wasSilentSince: () => false,
  packet(deadline: number) {
    eachTime?.();
    if (queue.length === 0) {
      if (!nextFrame()) {
        poll([source.fd], POLLIN, Math.max(0, Math.min(50, deadline - performance.now())));
        if (!nextFrame()) return Promise.resolve(undefined);
      }
      queue.push(...forward({
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
  context: { deadline: performance.now() + timeout },
  setting: { link: near },
  packet: (_: unknown, number: number) => numbers.push(number),
} as unknown as ParentRun;

before?.();
using stimulus = sender === null
  ? undefined
  : new Stimulus(interfaceByName(sender), (sequence) => sequence * 97 % 1500);
using witness = new InterfaceWitness(near);
const findings: Finding[] = [];
const reception = new Reception(run, child, { stimulus, witness }, {
  wanted: count,
  record: (each) =>
    findings.push(each.judgeCount(count), each.judgeOrigin(count), each.judgeSurvival()),
});
if (dies !== "at once") await reception.until(Math.floor(count / 2), 1 / 2);
reception.copyClosed(0);
ambientLeft = AMBIENT_LIMIT;
afterClose?.();
if (dies === undefined) {
  await reception.until(count);
  reception.conclude();
}
await reception[Symbol.asyncDispose]();

printJson({
  statuses: findings.map(({ status }) => status).join(" "),
  observed: findings.map(({ observed }) => observed),
  counted: reception.counted,
  numbers: numbers.filter((number) => number > 0),
});
